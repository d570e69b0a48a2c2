"""YAML as text values that remember their lines, read so that a hostile file can do no harm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

MAX_BYTES = 5_000_000
MAX_DEPTH = 12
MAX_VALUES = 50_000

Place = tuple[str | int, ...]
"""Keys and positions that lead to a value, e.g. `("label_stats", 0, "cases")`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd about a file: where, what, and what to do.

    Attributes:
        line: Where it stands; null where its place says so.
    """

    place: Place
    message: str
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"
    line: int | None = None


@dataclass(slots=True)
class Document:
    """The values of a file: mappings, lists and texts, for every YAML scalar is read as text.

    Attributes:
        values: What the file says; null where it cannot be read.
        lines: Line of every value, counted from 1; for a value in a mapping, that of its key.
        faults: Why the file cannot be read, and keys that are written twice.
    """

    values: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """Return the line of a value, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def each(self, *pattern: str) -> Iterator[tuple[Place, object]]:
        """Yield the values that a pattern leads to; `*` is every item, or every value of a mapping.

        What has not the shape that the pattern expects is passed over.
        """
        yield from _walk(self.values, pattern, ())

    def scalars(self) -> Iterator[tuple[Place, str]]:
        """Yield every text of the file."""
        yield from _scalars(self.values, ())

    def texts(self, *pattern: str) -> Iterator[tuple[Place, str]]:
        """Yield the texts that a pattern leads to."""
        for place, value in self.each(*pattern):
            if isinstance(value, str):
                yield place, value


def read_marked(path: Path) -> Document:
    """Read a YAML file; what is wrong with it is in `Document.faults`.

    Aliases, several documents, more than `MAX_DEPTH` levels, `MAX_VALUES` values or `MAX_BYTES`
    bytes are refused as soon as they are met.
    """
    if not path.is_file():
        return _refused(1, "not a file", "keep record files in the folder only")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _refused(1, f"cannot be read: {error.strerror}", "check that it is a readable file")
    if len(content) > MAX_BYTES:
        return _refused(1, f"larger than {MAX_BYTES:,} bytes", "keep data out of the catalog")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _refused(line, f"not UTF-8: {error.reason}", "save the file as UTF-8")
    return parse_marked(text)


def parse_marked(text: str) -> Document:
    """Read YAML text, see `read_marked`."""
    builder = _Builder(text)
    try:
        builder.build()
    except _RefusedError as error:
        return Document(faults=[error.fault])
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return _refused(line, f"not YAML: {error.problem}", "correct the YAML")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _refused(line, f"not YAML: {error.reason}", "correct the YAML")
    return builder.document


class _RefusedError(Exception):
    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.fault = Finding((), message, remedy, line=line)


def _refused(line: int, message: str, remedy: str) -> Document:
    return Document(faults=[Finding((), message, remedy, line=line)])


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


class _Builder:
    """Makes values from parser events: nothing is ever referred to twice, so nothing can grow."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CBaseLoader)
        self.document = Document()

    def build(self) -> None:
        next(self.events)  # start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise _RefusedError(1, "the file is empty", "write a record")
        self.document.values = self._value(next(self.events), ())
        next(self.events)  # end of the document
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _RefusedError(_line(event), "a second YAML document", "write one per file")

    def _value(self, event: yaml.Event, place: Place) -> object:
        line = _line(event)
        self.document.lines.setdefault(place, line)
        if len(self.document.lines) > MAX_VALUES:
            raise _RefusedError(line, f"more than {MAX_VALUES:,} values", "keep data out of it")
        if isinstance(event, yaml.ScalarEvent):
            return event.value
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(line, "an alias (*)", "write the value out")
        if len(place) >= MAX_DEPTH:
            raise _RefusedError(line, f"more than {MAX_DEPTH} levels", "use fewer")
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            for each in self._until(yaml.SequenceEndEvent):
                items.append(self._value(each, (*place, len(items))))
            return items
        return self._mapping(place)

    def _mapping(self, place: Place) -> dict[str, object]:
        values: dict[str, object] = {}
        for key in self._until(yaml.MappingEndEvent):
            line = _line(key)
            if not isinstance(key, yaml.ScalarEvent):
                raise _RefusedError(line, "a key that is no text", "write a name before the colon")
            inner = (*place, key.value)
            if key.value in values:
                first = self.document.lines[inner]
                message = f"written twice, first in line {first}"
                self.document.faults.append(Finding(inner, message, "keep one", line=line))
            self.document.lines[inner] = line
            values[key.value] = self._value(next(self.events), inner)
        return values

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event


def _walk(value: object, pattern: tuple[str, ...], place: Place) -> Iterator[tuple[Place, object]]:
    if not pattern:
        yield place, value
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        for key in value if step == "*" else {step} & value.keys():
            yield from _walk(value[key], rest, (*place, key))
    elif isinstance(value, list) and step == "*":
        for position, item in enumerate(value):
            yield from _walk(item, rest, (*place, position))


def _scalars(value: object, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(inner, (*place, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _scalars(item, (*place, position))
    elif isinstance(value, str):
        yield place, value
