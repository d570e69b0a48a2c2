"""Text files as blocks of checked UTF-8, whatever their encoding and compression."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from medshelf.core.errors import FormatError, SettingError
from medshelf.formats.streams import compression_of, name_of, open_stream

MAX_BYTES = 1 << 31
"""What is taken into memory as a whole: 2 GiB, unpacked."""

_FIRST_BYTES = 1 << 20  # so that the first rows of a large file come at once
_BLOCK_BYTES = 1 << 23
_SAMPLE_BYTES = 1 << 16
_UTF8_MARK = codecs.BOM_UTF8
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def utf8_blocks(source: Path | bytes, encoding: str = "utf-8") -> Iterator[bytes]:
    r"""Yield a text file in UTF-8, in blocks of 1 MiB at first and 8 MiB later.

    A byte order mark is taken off; where lines end in a lone `\r`, each becomes `\n`. A block may
    end within a line, in UTF-8 also within a character.

    Args:
        source: A file, or its bytes; either may be compressed with gzip.
        encoding: Any that Python knows.

    Raises:
        FormatError: The file cannot be opened, its compressed data are damaged or end too early, it
            is in another encoding, or no text at all.
        SettingError: There is no such encoding.
    """
    decoder = _Decoder(name_of(source), encoding)
    with open_stream(source, compression_of(source)) as stream:
        n_bytes, classic = _FIRST_BYTES, False
        while data := stream.head(n_bytes):
            if data.endswith(b"\r"):
                data += stream.head(1)
            block = decoder.feed(data)
            if n_bytes == _FIRST_BYTES:
                classic = b"\r" in block and b"\n" not in block
            yield block.replace(b"\r", b"\n") if classic else block
            n_bytes = min(2 * n_bytes, _BLOCK_BYTES)
        decoder.feed(b"", last=True)


def limited(path: Path, blocks: Iterator[bytes], remedy: str) -> Iterator[bytes]:
    """Pass blocks on until they are more than `MAX_BYTES`.

    Raises:
        FormatError: They are.
    """
    n_bytes = 0
    for block in blocks:
        n_bytes += len(block)
        if n_bytes > MAX_BYTES:
            raise FormatError(path, f"it holds more than {MAX_BYTES:,} bytes of text", remedy)
        yield block


def read_text(source: Path | bytes, encoding: str = "utf-8") -> str:
    """Read a text file whole; see `utf8_blocks`.

    Raises:
        FormatError: As `utf8_blocks`, or it holds more than `MAX_BYTES`.
        SettingError: There is no such encoding.
    """
    blocks = utf8_blocks(source, encoding)
    return b"".join(limited(name_of(source), blocks, "Split it into smaller files")).decode()


class _Decoder:
    """Bytes of one file to UTF-8, with the place of the first byte that is wrong."""

    def __init__(self, path: Path, encoding: str) -> None:
        try:
            "".encode(encoding)  # refuses what is no encoding of text, e.g. hex
            self._codec = codecs.lookup(encoding).name.removesuffix("-sig")
            self._decoder = codecs.getincrementaldecoder(self._codec)()
        except (LookupError, ValueError) as error:
            problem = f"There is no encoding {encoding!r}"
            raise SettingError(problem, "Pass one that Python knows, e.g. gbk or utf-8") from error
        self._path, self._n_read = path, 0

    def feed(self, data: bytes, *, last: bool = False) -> bytes:
        starts = self._n_read == 0
        if starts and data.startswith(_UTF8_MARK) and self._codec != "utf-8":
            raise self._wrong(data, 0)
        pending = self._decoder.getstate()[0]
        try:
            text = self._decoder.decode(data, last)
        except UnicodeDecodeError as error:
            raise self._wrong(pending + data, error.start, len(pending)) from error
        self._n_read += len(data)
        if self._codec != "utf-8":
            data = text.encode()
        elif starts:
            data = data.removeprefix(_UTF8_MARK)
        if b"\0" in data:
            reason = "it holds the character NUL, so it is no text in this encoding"
            raise FormatError(self._path, reason, "Pass its encoding, e.g. encoding='utf-16'")
        return data

    def _wrong(self, data: bytes, at: int, n_pending: int = 0) -> FormatError:
        reason = f"byte {self._n_read - n_pending + at:,} is not {self._codec}"
        remedy = f"Pass its encoding, perhaps encoding={_guess(data, at)!r}"
        return FormatError(self._path, reason, remedy)


def _guess(data: bytes, at: int) -> str:
    """Say in what encoding the line around byte `at` may be."""
    if data.startswith(_UTF16_MARKS):
        return "utf-16"
    start = max(data.rfind(b"\n", 0, at) + 1, at - _SAMPLE_BYTES)
    line = data[start : at + _SAMPLE_BYTES].partition(b"\n")[0]
    for encoding in ("utf-8", "gb18030"):
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            continue
        runs = [len(each) for each in re.findall(rb"[\x80-\xff]+", line)]
        if encoding == "utf-8" or 2 * runs.count(1) < len(runs):  # Chinese stands in pairs of bytes
            return encoding
    return "cp1252"
