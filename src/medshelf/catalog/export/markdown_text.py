"""Pieces of GitHub-flavoured Markdown in which every text from outside is escaped.

Source: https://github.github.com/gfm/
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from urllib.parse import quote

_SPECIAL = re.compile(r"[\\`*\[\]<|~$]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
_AT_START = re.compile(r"^(\d{1,9})([.)])(?=\s|$)|^([#>+=-])")
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp)(:)(?=//)|\b(www)(\.)")
_SAFE_IN_URL = "/:?#@!$&'*+,;=%~-._"
_FENCE = re.compile(r"`{3,}")


def escape(text: str) -> str:
    """Return text that shows as it is, on one line, in a paragraph, a list or a table cell."""
    return _AUTOLINK.sub(r"\1\3\\\2\4", _escape(text))


def link(text: str, target: str) -> str:
    """Link a text to a web address or to a relative path."""
    return f"[{_escape(text)}]({quote(target, safe=_SAFE_IN_URL)})"


def picture(text: str, target: str) -> str:
    """Show a picture; the text is for those who cannot see it."""
    return f"!{link(text, target)}"


def bold(text: str) -> str:
    """Emphasise a text."""
    return f"**{escape(text)}**" if text.strip() else ""


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], numeric: Collection[int] = ()
) -> str:
    """Lay out a table.

    Args:
        header: Column names, which are escaped here.
        rows: Cells that are Markdown already.
        numeric: Columns that are right-aligned.
    """
    lines = [
        _row(escape(name) for name in header),
        _row("---:" if place in numeric else "---" for place in range(len(header))),
        *(_row(row) for row in rows),
    ]
    return "\n".join(lines)


def code_block(text: str, language: str = "text") -> str:
    """Show preformatted text; the fence is longer than any in the text."""
    longest = max((len(each) for each in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"{fence}{language}\n{lines}\n{fence}"


def bullets(items: Iterable[str]) -> str:
    """List Markdown texts."""
    return "\n".join(f"- {item}" for item in items)


def anchored_heading(level: int, text: str, anchor: str) -> str:
    """Write a heading that `#anchor` leads to, whatever its language."""
    return f'<a id="{quote(anchor)}"></a>\n\n{"#" * level} {escape(text)}'


def _escape(text: str) -> str:
    line = _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))
    return _AT_START.sub(r"\1\\\2\3", line)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
