"""A page that is one file: style, charts and pictures inside, nothing fetched, no script.

A page of a site may name one script that lies beside it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

import jinja2
import numpy as np
from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.core.files import write_text
from medshelf.core.version import __version__
from medshelf.report.charts.labels import DASH
from medshelf.report.charts.palette import heat_css
from medshelf.report.charts.svg import Chart, clean

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CONTENTS_FROM = 3
_BESIDE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.(html|js)\Z")
_WORDS = {
    "en": {"clinical": "Not for clinical use.", "contents": "Contents", "made": "Made with"},
    "zh": {"clinical": "不得用于临床。", "contents": "目录", "made": "生成工具:"},
}

NoticeKind = Literal["info", "warning"]


@dataclass(frozen=True, slots=True)
class Link:
    """A table cell that leads somewhere.

    Attributes:
        text: What is shown.
        url: An http or https address, or the name of a page that lies beside this one.
    """

    text: str
    url: str

    def __post_init__(self) -> None:
        """Refuse addresses that could run code.

        Raises:
            ReportError: The address is neither http nor https, nor the name of a page.
        """
        if not self.url.startswith(("https://", "http://")) and not _BESIDE.match(self.url):
            problem = f"Cannot link to {self.url!r}"
            raise ReportError(problem, "Use an http or https address")


Cell = str | float | np.integer | np.floating | Link | None


@dataclass(frozen=True, slots=True)
class Card:
    """A key figure.

    Attributes:
        label: What it is, e.g. `AUC`.
        value: As it is to be read, e.g. `0.874`.
        note: Small print, e.g. the interval.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns; the first cell of a row names it.

    Attributes:
        header: Column names; empty for a list of names and values.
        rows: Cells. Whole numbers get thousands separators, others 3 decimals, None and NaN a dash.
        caption: Printed below the heading line, above the header.
        numeric: Columns that are right-aligned though they hold text, e.g. `0.87 [0.82, 0.92]`.
            Columns of numbers alone always are.
        emphasised: Row to print bold.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    numeric: Collection[int] = ()
    emphasised: int | None = None

    def __post_init__(self) -> None:
        """Check that the table is rectangular.

        Raises:
            ReportError: A row is longer or shorter than the header or the first row.
        """
        width = len(self.header or (self.rows[0] if self.rows else ()))
        for number, row in enumerate(self.rows):
            if len(row) != width:
                problem = f"Row {number} of the table has {len(row)} cells, not {width}"
                raise ReportError(problem, "Fill the missing cells with None")

    def is_numeric(self, column: int) -> bool:
        """Whether a column is right-aligned."""
        cells = [row[column] for row in self.rows]
        numbers = [isinstance(cell, int | float | np.number) for cell in cells if cell is not None]
        return column in self.numeric or (bool(numbers) and all(numbers))


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG.

    Attributes:
        png: The file's bytes.
        alt: What is to be seen, for those who cannot see it.
        caption: Printed below.
        zoom: CSS pixels per pixel.
        pixelated: Keep pixels sharp when enlarged, as 28-pixel images need.
    """

    png: bytes
    alt: str
    caption: str = ""
    zoom: float = 1
    pixelated: bool = False

    def __post_init__(self) -> None:
        """Check that it is a PNG.

        Raises:
            ReportError: The bytes are something else.
        """
        if not self.png.startswith(_PNG_SIGNATURE) or self.png[12:16] != b"IHDR":
            problem = f"The picture {self.alt!r} is no PNG (it begins with {self.png[:8]!r})"
            raise ReportError(problem, "Encode it as PNG")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the page, CSS pixels."""
        width, height = (int.from_bytes(self.png[at : at + 4]) for at in (16, 20))
        return round(width * self.zoom), round(height * self.zoom)

    @property
    def data_uri(self) -> str:
        """The bytes as an address."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


class Page:
    """A report, built from top to bottom; every text is escaped.

    Args:
        title: The main heading.
        subtitle: One sentence below it.
        lang: Language of the texts, a BCP 47 tag. `zh` also turns the fixed words Chinese.
        script: Name of a script beside the page, e.g. `sorting.js`; without it scripts are refused.

    Raises:
        ReportError: The script does not lie beside the page.
    """

    def __init__(
        self, title: str, subtitle: str = "", *, lang: str = "en", script: str = ""
    ) -> None:
        if script and not _BESIDE.match(script):
            raise ReportError(f"Cannot use the script {script!r}", "Name a file beside the page")
        self.script = script
        self.title = title
        self.subtitle = subtitle
        self.lang = lang
        self._blocks: list[dict[str, object]] = []

    def heading(self, text: str, intro: str = "") -> None:
        """Begin a section; `intro` is a sentence in quieter print below the heading.

        From three sections on the page opens with a list of contents.
        """
        number = 1 + sum(block["kind"] == "heading" for block in self._blocks)
        self._add("heading", text=text, intro=intro, id=f"section-{number}")

    def subheading(self, text: str) -> None:
        """Begin a part of a section."""
        self._add("subheading", text=text)

    def paragraph(self, text: str) -> None:
        """Add running text."""
        self._add("paragraph", text=text)

    def cards(self, cards: Sequence[Card]) -> None:
        """Add key figures, side by side."""
        self._add("cards", cards=cards)

    def table(self, table: Table) -> None:
        """Add a table."""
        self._add("table", table=table)

    def charts(self, *charts: Chart, caption: str = "") -> None:
        """Add charts, side by side where the window is wide enough."""
        self._add("charts", charts=charts, caption=caption)

    def picture(self, picture: Picture) -> None:
        """Add a picture."""
        self._add("picture", picture=picture)

    def notice(self, text: str, title: str = "", kind: NoticeKind = "info") -> None:
        """Add a box that says what a reader must know before trusting a number.

        Raises:
            ReportError: The kind is neither `info` nor `warning`.
        """
        if kind not in get_args(NoticeKind):
            problem = f"Unknown kind of notice {kind!r}"
            raise ReportError(problem, f"Choose one of: {', '.join(get_args(NoticeKind))}")
        self._add("notice", text=text, title=title, severity=kind)

    def details(self, summary: str, text: str) -> None:
        """Add preformatted text (BibTeX, JSON) that unfolds on a click."""
        self._add("details", summary=summary, text=text)

    def html(self) -> str:
        """Return the whole page; the same input gives the same bytes."""
        language = self.lang.lower().split("-")[0]
        headings = [block for block in self._blocks if block["kind"] == "heading"]
        page = _template().render(
            page=self,
            blocks=self._blocks,
            contents=headings if len(headings) >= _CONTENTS_FROM else [],
            words=_WORDS.get(language, _WORDS["en"]),
            version=__version__,
            css=_css(),
        )
        return clean(page)

    def write(self, path: Path) -> None:
        """Write the page to one file, atomically.

        Raises:
            StorageError: The folder is read-only or full.
        """
        write_text(path, self.html())

    def _add(self, kind: str, **parts: object) -> None:
        self._blocks.append({"kind": kind, **parts})


def cell_text(cell: Cell) -> str:
    """Write a cell as a table shows it."""
    if isinstance(cell, Link):
        return cell.text
    if cell is None or cell != cell:  # noqa: PLR0124 - NaN
        return DASH
    if isinstance(cell, str):
        return cell
    return f"{cell:,}" if isinstance(cell, int | np.integer) else f"{cell:.3f}"


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = cell_text
    environment.tests["link"] = lambda cell: isinstance(cell, Link)
    return environment.from_string(_resource("page.html.j2"))


def _css() -> Markup:
    sheets = (_resource("charts/charts.css"), heat_css(), _resource("page.css"))
    return Markup("\n".join(sheets))  # noqa: S704 - our own files


def _resource(name: str) -> str:
    return files("medshelf.report").joinpath(name).read_text(encoding="utf-8")
