"""XML files as trees of elements, without anything that lets a file reach or grow beyond itself."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from medshelf.core.errors import FormatError
from medshelf.formats.streams import name_of, reading, size_of

MAX_BYTES = 1 << 26
"""The longest file that is read: 64 MiB, whose elements may take 30 times as much."""
MAX_DEPTH = 200
"""Elements within elements."""

_OTHER = "Take out what is refused, or read it with a tool of your own if you trust the file"


def read_xml(source: Path | bytes) -> Element:
    """Read an XML file whole and return its root.

    A document type, and with it every entity but the five of XML itself, is refused: so nothing is
    expanded or fetched. Comments and processing instructions are left out. Tags with a namespace
    are `{uri}name`, as `xml.etree` writes them.

    Args:
        source: A file or its bytes, in UTF-8, UTF-16, Latin-1 or ASCII.

    Raises:
        FormatError: The file cannot be opened, is no well-formed XML, has a document type, or is
            too long or too deep, or in another encoding.
    """
    path = name_of(source)
    if size_of(source) > MAX_BYTES:
        raise FormatError(path, f"it has more than {MAX_BYTES:,} bytes", _OTHER)
    with reading(path):
        data = source if isinstance(source, bytes) else source.read_bytes()
    try:
        return _Tree(path).build(data)
    except expat.ExpatError as error:
        raise FormatError(path, f"it is no well-formed XML ({error})") from error
    except (LookupError, ValueError) as error:
        raise FormatError(path, f"its encoding is not read ({error})", "Make it UTF-8") from error


class _Tree:
    """One document, from expat's events to elements."""

    def __init__(self, path: Path) -> None:
        self._path, self._depth, self._builder = path, 0, TreeBuilder()

    def build(self, data: bytes) -> Element:
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data
        parser.Parse(data, True)  # noqa: FBT003
        return self._builder.close()

    def _refuse(self, *_: object) -> NoReturn:
        raise FormatError(self._path, "it has a document type, which is refused", _OTHER)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            reason = f"its elements lie more than {MAX_DEPTH} deep"
            raise FormatError(self._path, reason, _OTHER)
        named = {_universal(name): value for name, value in attributes.items()}
        self._builder.start(_universal(tag), named)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(_universal(tag))


def _universal(name: str) -> str:
    return "{" + name if "}" in name else name
