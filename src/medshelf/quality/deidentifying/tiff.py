"""What a TIFF file says beside its pixels, removed in place: every offset that stays, stays valid.

Source: TIFF 6.0, sections 2 and 8 to 20; BigTIFF as libtiff reads it.
"""

from __future__ import annotations

import struct
from typing import Any

_KEPT = frozenset({
    *range(254, 267), 273, 274, 277, 278, 279, *range(280, 285), 286, 287, 290, 291, 292, 293, 296,
    297, 301, 317, 318, 319, 320, 321, *range(322, 326), 330, 332, 334, 338, 339, 340, 341, 347,
    *range(512, 522), 529, 530, 531, 532, 32995, 32996, 32997, 34675,
})  # fmt: skip
_SUB_FOLDERS, _OTHER_FOLDERS = 330, (34665, 34853, 40965)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
          17: 8, 18: 8}  # fmt: skip
_MAX_FOLDERS = 1 << 16


_PLACES = {273: 279, 324: 325, 513: 514}
"""Tags with the places of pixels, each with the tag of their lengths."""
_NUMBERS = {1: "B", 3: "H", 16: "Q", 18: "Q"}
_CLASSIC, _BIG = ("H", "HHI4s", "I"), ("Q", "HHQ8s", "Q")


def without_texts(source: bytes) -> tuple[bytes, list[str]]:
    """Return a TIFF whose directories hold only what describes its pixels.

    Returns:
        The file, of the same length, and the numbers of the tags that were removed.

    Raises:
        ValueError: A directory leads out of the file or to itself, or what is to be removed lies
            where the pixels are.
    """
    tiff = _Tiff(source)
    tiff.walk()
    return tiff.cleaned(), sorted(tiff.removed)


class _Tiff:
    """A file that is only read, and lists of what is to stay and what is to be overwritten."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._order = "<" if source[:2] == b"II" else ">"
        self._is_big = source[2:4] in (b"+\0", b"\0+")
        self._count, self._entry, self._offset = _BIG if self._is_big else _CLASSIC
        self._seen: set[int] = set()
        self._kept: list[tuple[int, int]] = []
        self._written: list[tuple[int, bytes]] = []
        self.removed: set[str] = set()

    def walk(self) -> None:
        """Go through all directories of pictures."""
        todo = [self._read(self._offset, 8 if self._is_big else 4)[0]]
        while todo:
            if at := todo.pop():
                self._visit(at)
                todo += self._clean(at)

    def cleaned(self) -> bytes:
        """Return the file with what is to be overwritten."""
        kept = [(start, end, False) for start, end in self._kept]
        ranges = kept + [(at, at + len(new), True) for at, new in self._written if new]
        reached = {False: 0, True: 0}
        for start, end, is_new in sorted(ranges):
            if start < reached[not is_new]:
                msg = f"what is to be removed lies among the pixels, at byte {start}"
                raise ValueError(msg)
            reached[is_new] = max(reached[is_new], end)
        data = bytearray(self._source)
        for at, new in self._written:
            data[at : at + len(new)] = new
        return bytes(data)

    def _clean(self, at: int) -> list[int]:
        """Take up what stays of one directory; return where further ones are."""
        start, entries = self._entries(at)
        size = self._size(self._entry)
        end = start + len(entries) * size
        further = list(self._read(self._offset, end))
        kept, places = [], {}
        for number, (tag, *where) in enumerate(entries):
            if tag in _KEPT:
                kept.append(self._source[start + number * size : start + (number + 1) * size])
                self._kept.append(self._outside(*where))
                places[tag] = where
                further += self._numbers(*where) if tag == _SUB_FOLDERS else []
            else:
                self.removed.add(str(tag))
                self._wipe_values(tag, where)
        for tag, lengths in _PLACES.items():
            if tag in places and lengths in places:
                self._keep_pixels(self._numbers(*places[tag]), self._numbers(*places[lengths]))
        if len(kept) < len(entries):
            tail = self._source[end : end + self._size(self._offset)]
            count = struct.pack(self._order + self._count, len(kept))
            packed = count + b"".join(kept) + tail
            self._written.append((at, packed.ljust(end + len(tail) - at, b"\0")))
        return further

    def _keep_pixels(self, places: list[int], lengths: list[int]) -> None:
        for start, length in zip(places, lengths, strict=False):
            if start + length > len(self._source):
                raise _leads_out(start)
            self._kept.append((start, start + length))

    def _wipe(self, at: int) -> None:
        """Overwrite a directory that is removed, and all that it points to."""
        if at == 0:
            return
        self._visit(at)
        start, entries = self._entries(at)
        for tag, *where in entries:
            self._wipe_values(tag, where)
        self._written.append((at, bytes(start + len(entries) * self._size(self._entry) - at)))

    def _wipe_values(self, tag: int, where: list[Any]) -> None:
        if tag in _OTHER_FOLDERS:
            for each in self._numbers(*where):
                self._wipe(each)
        start, end = self._outside(*where)
        self._written.append((start, bytes(end - start)))

    def _visit(self, at: int) -> None:
        if at in self._seen or len(self._seen) > _MAX_FOLDERS:
            msg = "its directories lead to one another"
            raise ValueError(msg)
        self._seen.add(at)

    def _entries(self, at: int) -> tuple[int, list[tuple[Any, ...]]]:
        (count,) = self._read(self._count, at)
        start, size = at + self._size(self._count), self._size(self._entry)
        if start + count * size > len(self._source):
            raise _leads_out(at)
        return start, [self._read(self._entry, start + n * size) for n in range(count)]

    def _outside(self, kind: int, n_values: int, field: bytes) -> tuple[int, int]:
        """Return where the values are that do not fit into the entry; an empty range if they do."""
        size = _SIZES.get(kind, 1) * n_values
        if size <= len(field):
            return 0, 0
        (start,) = struct.unpack(self._order + self._offset, field)
        if start + size > len(self._source):
            raise _leads_out(start)
        return start, start + size

    def _numbers(self, kind: int, n_values: int, field: bytes) -> list[int]:
        start, end = self._outside(kind, n_values, field)
        held = self._source[start:end] if end else field
        code = _NUMBERS.get(kind, "I")
        n_held = min(n_values, len(held) // self._size(code))
        return list(struct.unpack_from(f"{self._order}{n_held}{code}", held))

    def _read(self, code: str, at: int) -> tuple[Any, ...]:
        if at + self._size(code) > len(self._source):
            raise _leads_out(at)
        return struct.unpack_from(self._order + code, self._source, at)

    def _size(self, code: str) -> int:
        return struct.calcsize(self._order + code)


def _leads_out(at: int) -> ValueError:
    return ValueError(f"its directories lead out of the file at byte {at}")
