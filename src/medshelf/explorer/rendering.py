"""Views into HTML: every value is escaped, every link is checked."""

from __future__ import annotations

from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import jinja2
from markupsafe import Markup

from medshelf.core.version import __version__
from medshelf.explorer.drawing import draw
from medshelf.explorer.language import LANGUAGES, say

if TYPE_CHECKING:
    from fastapi import Request
    from pydantic import BaseModel

_CONTROLS = {*range(32), *range(0x7F, 0xA0)} - set(map(ord, "\t\n\r"))
_DIRECTIONS = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_INERT = dict.fromkeys(_CONTROLS | _DIRECTIONS)
_KIB = 1024
_LIVE = Markup(
    'data-live hx-get="{}" hx-trigger="input delay:250ms, submit" hx-select="#main" '
    'hx-select-oob="#elsewhere,#as-json" hx-target="#main" hx-swap="outerMorph" '
    'hx-push-url="true" hx-sync="this:replace"'
)


def render(template: str, view: BaseModel, language: str, request: Request) -> str:
    """Return the HTML face of a view.

    Templates see the view as `view` and

    - `t("page.name", ...)` for texts, `language`, `version`;
    - `here`, `in_other_language` and `as_json`: the address of this page and of its other faces
      (`as_json` is empty where there is none);
    - `live`: attributes of a `<form method="get">` that searches while one types;
    - filters `number`, `size`, `safe_link`, and the pieces of `parts.html`.
    """
    other = next(each for each in LANGUAGES if each != language)
    path = _path(request)
    query = f"?{request.url.query}" if request.url.query else ""
    page = path.startswith(f"/{language}/")
    return (
        environment()
        .get_template(template)
        .render(
            view=view,
            t=partial(say, language=language),
            language=language,
            here=f"{path}{query}",
            other_language=other,
            in_other_language=f"/{other}/{path[4:]}{query}" if page else f"/{other}/",
            as_json=f"/api{path}{query}" if page else "",
            version=__version__,
            live=_LIVE.format(path),
            has_htmx=_has_htmx(),
        )
    )


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with separated thousands; a dash for None."""
    return "–" if value is None else f"{value:,.{digits}f}"  # noqa: RUF001 - a dash, for people


def size(size_bytes: float | None) -> str:
    """Return a size in bytes as people say it; a dash for None."""
    if size_bytes is None:
        return number(None)
    value, unit = size_bytes, 0
    while value >= _KIB and unit < 4:  # noqa: PLR2004 - TiB is the last
        value, unit = value / _KIB, unit + 1
    return f"{number(value, 1 if unit else 0)} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[unit]}"


def safe_link(url: str | None) -> str:
    """Return an http or https address, else an empty text."""
    try:
        return url if url and urlsplit(url).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def inert(value: Any) -> Any:
    """Return a text without characters that control a screen or turn what follows around."""
    if isinstance(value, str) and not isinstance(value, Markup):
        # What is printable has none of them; to look is much faster than to translate.
        return value if value.isprintable() else value.translate(_INERT)
    return value


@cache
def environment() -> jinja2.Environment:
    """Return what all pages are rendered with; every value is escaped and made inert."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("medshelf.explorer"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=inert,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "size": size, "safe_link": safe_link, "curves": draw}
    return made


@cache
def _has_htmx() -> bool:
    return files("medshelf.explorer").joinpath("static", "vendor", "htmx.min.js").is_file()


def _path(request: Request) -> str:
    """Return the path as an address on this server, whatever stands in it."""
    return "/" + quote(request.scope["path"].lstrip("/\\"), safe="/~!$&'()*+,;=:@")
