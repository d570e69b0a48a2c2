"""Sets of rows as whole numbers: bit `i` is set where row `i` belongs to the set.

A catalog of 100,000 records makes numbers of 12.5 KB. Python joins two of them in microseconds and
counts one in as much, which is what facets need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def from_rows(rows: Iterable[int], size: int) -> int:
    """Return the set of the given rows, each below `size`."""
    held = bytearray(size // 8 + 1)
    for row in rows:
        held[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(held, "little")


def rows_of(bits: int) -> Iterator[int]:
    """Yield the rows of a set, ascending."""
    for place, byte in enumerate(to_bytes(bits)):
        while byte:
            lowest = byte & -byte
            yield 8 * place + lowest.bit_length() - 1
            byte ^= lowest  # noqa: PLW2901 - the bits are taken off one by one


def to_bytes(bits: int) -> bytes:
    """Return a set as bytes, row 0 in the lowest bit of the first one."""
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def planes(values: Sequence[int | None]) -> list[int]:
    """Return for each binary digit, the lowest first, the rows whose value has it.

    Args:
        values: A number >= 0 for each row; null where it is not known.
    """
    known = [(row, value) for row, value in enumerate(values) if value is not None]
    digits = max((value for _, value in known), default=0).bit_length()
    return [
        from_rows((row for row, value in known if value >> digit & 1), len(values))
        for digit in range(digits)
    ]


def at_least(digits: Sequence[int], known: int, least: int) -> int:
    """Return the rows of `known` whose number, given as `planes`, is not below `least`."""
    if least.bit_length() > len(digits):
        return 0
    greater, equal = 0, known
    for digit in range(len(digits) - 1, -1, -1):
        if least >> digit & 1:
            equal &= digits[digit]
        else:
            greater |= equal & digits[digit]
            equal &= ~digits[digit]
    return greater | equal


def heaviest(among: int, weighted: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Return the rows whose sets weigh most together, and that weight.

    Args:
        among: The rows to choose from.
        weighted: Sets with their weights > 0; a row weighs the sum over its sets.
    """
    sums: list[int] = []
    for rows, weight in weighted:
        _add(sums, rows & among, weight)
    best, total = among, 0
    for digit in range(len(sums) - 1, -1, -1):
        if best & sums[digit]:
            best &= sums[digit]
            total += 1 << digit
    return best, total


def _add(sums: list[int], rows: int, weight: int) -> None:
    """Add `weight` to the numbers of some rows; `sums` holds them as `planes`."""
    for digit in range(weight.bit_length()):
        carry, place = (rows if weight >> digit & 1 else 0), digit
        while carry:
            sums.extend([0] * (place + 1 - len(sums)))
            sums[place], carry = sums[place] ^ carry, sums[place] & carry
            place += 1
