"""Check records and vocabulary: every problem of every file at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from medshelf.catalog import shelf
from medshelf.catalog.authoring import vocabulary_rules
from medshelf.catalog.authoring.drafts import Draft, Drafts
from medshelf.catalog.authoring.fields import quote
from medshelf.catalog.authoring.record_rules import record_findings
from medshelf.catalog.marked_yaml import Document, Finding, Place, read_marked
from medshelf.core.errors import LayoutError

MOST = 100
"""Problems that are listed of one file."""

_CATALOG = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something to mend in a file of the catalog.

    Attributes:
        line: Counted from 1.
        field: Dotted place, e.g. `modalities.0`; empty for the file as a whole.
        severity: An `error` keeps the record from being used, or is a false fact.
        remedy: The nearest allowed value, or what to do; may be empty.
    """

    path: Path
    line: int
    field: str
    severity: Literal["error", "warning"]
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return it as one line: path, line, field, message and remedy."""
        where = f"{_shown(self.path)}:{self.line}" + (f" {self.field}" if self.field else "")
        kind = "" if self.severity == "error" else "warning: "
        return f"{where}: {kind}{self.message}" + (f" ({self.remedy})" if self.remedy else "")


def validate(path: Path | None = None) -> list[Problem]:
    """Check records, and where no path is given the vocabulary too.

    Args:
        path: A record file or a folder of them; null is every folder of records. Relations are
            looked up in all of them.

    Returns:
        Problems by path, line and field; at most `MOST` of one file.

    Raises:
        LayoutError: There is no such file or folder, or it holds no record.
    """
    asked = _record_files(path)
    shelved = chain.from_iterable(map(_yaml_files, shelf.record_folders()))
    files = {each.resolve(): each for each in [*shelved, *asked]}
    drafts = {name: Draft(each, read_marked(each)) for name, each in files.items()}
    together = Drafts(drafts.values())
    problems: list[Problem] = []
    for each in asked:
        draft = drafts[each.resolve()]
        problems += _problems(each, draft.document, record_findings(draft, together))
    if path is None:
        problems += _vocabulary_problems()
    return sorted(problems)


def _record_files(path: Path | None) -> list[Path]:
    if path is None:
        return [file for folder in shelf.record_folders() for file in _yaml_files(folder)]
    files = _yaml_files(path) if path.is_dir() else [path] if path.exists() else []
    if not files:
        problem = f"{path} holds no record" if path.exists() else f"There is no {path}"
        raise LayoutError(problem, "Name a .yaml file, or a folder of them")
    return files


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in {".yaml", ".yml"})


def _vocabulary_problems() -> Iterator[Problem]:
    licences = _CATALOG / f"{vocabulary_rules.LICENCES}.yaml"
    for path in [*_yaml_files(_CATALOG / "vocabulary"), licences]:
        document = read_marked(path)
        yield from _problems(path, document, vocabulary_rules.vocabulary_findings(path, document))


def _problems(path: Path, document: Document, found: Iterable[Finding]) -> Iterator[Problem]:
    """Yield what a file's faults and rules say; rules are not asked about an unreadable file."""
    readable = document.values is not None
    findings = islice(chain(document.faults, found if readable else ()), MOST + 1)
    for count, each in enumerate(findings):
        line = each.line or document.line(each.place)
        if count == MOST:
            yield Problem(path, line, "", "error", "more problems than are listed", "mend these")
            return
        yield Problem(path, line, _field(each.place), each.severity, each.message, each.remedy)


def _field(place: Place) -> str:
    dotted = ".".join(str(step) for step in place)
    return dotted if dotted.isprintable() and len(dotted) < MOST else quote(dotted)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
