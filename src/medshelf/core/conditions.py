"""Conditions on the columns of a manifest, written as text, in a grammar that can do no more.

    age_years > 60 and view == 'PA'
    labels has 'Effusion' and not (split in ('val', 'test') or report contains 'device')

A comparison is a column and one of

    = == != <> < <= > >= VALUE      in (VALUE, ...)      between VALUE and VALUE
    is null      like 'PATTERN'     contains 'TEXT'      has 'NAME'

with `not` before `in`, `between`, `like`, `contains`, `has` and after `is`. In a pattern `%` stands
for any text and `_` for any letter. `contains` finds a piece of text in either case. `has` is for
columns that hold lists: `labels` and `shapes` with a name, `media` with a name or a role, `extra`
with a name, `options` and `answers` with a text; a label counts if its value is at least 0.5.
`length(COLUMN)` is the number of entries of a list, or of letters of a text. The parts of `text`
(report, findings, impression, caption, context) are columns of their own. Text stands in single
quotes, doubled inside; a column may stand in double quotes. Words of the grammar may be in either
case. As in SQL, what is compared with null is neither true nor false, and is not chosen.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from medshelf.core.errors import SettingError
from medshelf.core.manifest import SCHEMA, TEXT

MOST_CHARACTERS: Final = 20_000
DEEPEST: Final = 50

_PRESENT: Final = 0.5
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>\"[^\"]*\")|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<sign>==|!=|<>|<=|>=|=|<|>|\(|\)|,)|(?P<word>[^\W\d]\w*))"
)
_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NEGATABLE: Final = ("in", "between", "like", "contains", "has")
_LENGTHS: Final = ("length", "array_length")
_KEYWORDS: Final = frozenset({"and", "or", "not", "is", "null", *_NEGATABLE})
_LISTED: Final = {"media": ("name", "role"), "labels": ("name",), "shapes": ("label",)} | {
    "extra": ("name",)
}


def parse(text: str) -> pl.Expr:
    """Return a condition as an expression on a table with the columns of a manifest.

    Raises:
        SettingError: It does not parse, names no column, or compares what cannot be; the message
            says at which character.
    """
    if len(text) > MOST_CHARACTERS:
        problem = f"The filter has {len(text):,} characters"
        raise SettingError(problem, f"Use at most {MOST_CHARACTERS:,}")
    parser = _Parser(text, _tokens(text))
    found = parser.either(0)
    if parser.now.kind != "end":
        raise parser.wrong("Expected 'and', 'or' or the end")
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the text; `kind` is a group of the pattern, `end`, or `other`."""

    kind: str
    text: str
    start: int

    @property
    def word(self) -> str:
        """The word in lower case, if it is one."""
        return self.text.lower() if self.kind == "word" else ""


@dataclass(frozen=True, slots=True)
class _Operand:
    """A column, or what is made of one, with its type."""

    expression: pl.Expr
    kind: Any
    column: str


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while match := _TOKEN.match(text, place):
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind)))
        place = match.end()
    rest = text[place:].lstrip()
    start = len(text) - len(rest)
    return [*found, _Token("other" if rest else "end", rest[:1], start if rest else len(text))]


class _Parser:
    """Recursive descent; each method reads what its name says and returns it."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._place = 0

    @property
    def now(self) -> _Token:
        """The token that comes next."""
        return self._tokens[self._place]

    def wrong(self, wanted: str, token: _Token | None = None) -> SettingError:
        """Return an error that points at a token, by default the next one."""
        token = token or self.now
        there = {"end": "the end", "other": f"{token.text!r}"}.get(token.kind, token.text)
        shown = self._text if len(self._text) <= 200 else f"{self._text[:200]}..."  # noqa: PLR2004
        problem = f"{wanted} at character {token.start + 1}, found {there} (filter {shown!r})"
        remedy = "Write it like: age_years > 60 and view == 'PA'"
        if token.kind in {"word", "quoted"} and "single quotes" in wanted:
            remedy = f"Text is written in single quotes: '{token.text.strip(chr(34))}'"
        return SettingError(problem, remedy)

    def either(self, depth: int) -> pl.Expr:
        """Read conditions joined by `or`."""
        if depth > DEEPEST:
            raise self.wrong(f"Expected at most {DEEPEST} levels of parentheses")
        found = self._both(depth)
        while self._accepts("or"):
            found = found | self._both(depth)
        return found

    def _both(self, depth: int) -> pl.Expr:
        found = self._one(depth)
        while self._accepts("and"):
            found = found & self._one(depth)
        return found

    def _one(self, depth: int) -> pl.Expr:
        negated = False
        while self._accepts("not"):
            negated = not negated
        if self._accepts_sign("("):
            found = self.either(depth + 1)
            self._expect_sign(")")
        else:
            found = self._comparison()
        return ~found if negated else found

    def _comparison(self) -> pl.Expr:
        left = self._operand()
        if self._accepts("is"):
            wanted = self._accepts("not")
            if not self._accepts("null"):
                raise self.wrong("Expected 'null'")
            return left.expression.is_not_null() if wanted else left.expression.is_null()
        if self.now.text in _COMPARISONS:
            compare = _COMPARISONS[self._take().text]
            return compare(left.expression, self._value(left))
        negated = self._accepts("not")
        for name in _NEGATABLE:
            if self._accepts(name):
                found: pl.Expr = getattr(self, f"_{name}")(left)
                return ~found if negated else found
        raise self.wrong(f"Expected a comparison after {left.column}")

    def _in(self, left: _Operand) -> pl.Expr:
        self._expect_sign("(")
        values = [self._value(left)]
        while self._accepts_sign(","):
            values.append(self._value(left))
        self._expect_sign(")")
        return left.expression.is_in(values)

    def _between(self, left: _Operand) -> pl.Expr:
        low = self._value(left)
        if not self._accepts("and"):
            raise self.wrong("Expected 'and'")
        return left.expression.is_between(low, self._value(left))

    def _like(self, left: _Operand) -> pl.Expr:
        pattern = re.escape(self._words_for(left)).replace("%", ".*").replace("_", ".")
        return left.expression.cast(pl.String).str.contains(f"(?s)^{pattern}$")

    def _contains(self, left: _Operand) -> pl.Expr:
        wanted = re.escape(self._words_for(left))
        return left.expression.cast(pl.String).str.contains(f"(?i){wanted}")

    def _has(self, left: _Operand) -> pl.Expr:
        if not isinstance(left.kind, pl.List):
            raise self.wrong(f"Expected a column that holds a list before 'has', not {left.column}")
        name, entry = self._quoted_text(), pl.element()
        if left.column not in _LISTED:
            return left.expression.list.contains(name)
        fields = _LISTED[left.column]
        found = pl.any_horizontal(
            *(entry.struct.field(each).cast(pl.String) == name for each in fields)
        )
        if left.column == "labels":
            found = found & (entry.struct.field("value") >= _PRESENT)
        return left.expression.list.eval(found).list.any()

    def _operand(self) -> _Operand:
        token = self._take()
        if token.word in _LENGTHS and self._accepts_sign("("):
            inner = self._column(self._take())
            self._expect_sign(")")
            if isinstance(inner.kind, pl.List):
                return _Operand(inner.expression.list.len(), pl.UInt32, f"length({inner.column})")
            if inner.kind != pl.String:
                raise self.wrong(f"Expected a list or a text in {token.text}()", token)
            return _Operand(inner.expression.str.len_chars(), pl.UInt32, f"length({inner.column})")
        return self._column(token)

    def _column(self, token: _Token) -> _Operand:
        if token.kind not in {"word", "quoted"} or token.word in _KEYWORDS:
            raise self.wrong("Expected a column", token)
        name = token.text.strip('"')
        if name in {each.name for each in TEXT.fields}:
            return _Operand(pl.col("text").struct.field(name), pl.String, name)
        if name not in SCHEMA:
            known = [*SCHEMA, *(each.name for each in TEXT.fields)]
            near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
            listed = f"Nearest: {', '.join(near)}" if near else f"Columns: {', '.join(known)}"
            problem = f"There is no column {name!r} at character {token.start + 1}"
            raise SettingError(
                f"{problem} (filter {self._text[:200]!r})",
                f"{listed}. Text is written in single quotes: '{name}'",
            )
        return _Operand(pl.col(name), SCHEMA[name], name)

    def _value(self, left: _Operand) -> Any:
        """Read a value that can be compared with a column."""
        token = self.now
        if left.kind == pl.String or isinstance(left.kind, pl.Enum):
            text = self._quoted_text()
            if isinstance(left.kind, pl.Enum) and text not in left.kind.categories:
                raise self.wrong(f"Expected one of {', '.join(left.kind.categories)}", token)
            return text
        if isinstance(left.kind, pl.List | pl.Struct):
            raise self.wrong(
                f"Expected 'has', 'is' or length() for {left.column}, which holds more", token
            )
        if token.kind != "number":
            raise self.wrong(f"Expected a number to compare {left.column} with")
        return float(self._take().text)

    def _words_for(self, left: _Operand) -> str:
        if left.kind != pl.String and not isinstance(left.kind, pl.Enum):
            raise self.wrong(f"Expected a column of text, not {left.column}")
        return self._quoted_text()

    def _quoted_text(self) -> str:
        if self.now.kind != "text":
            raise self.wrong("Expected a text in single quotes")
        return self._take().text[1:-1].replace("''", "'")

    def _take(self) -> _Token:
        token = self.now
        if token.kind != "end":
            self._place += 1
        return token

    def _accepts(self, word: str) -> bool:
        accepted = self.now.word == word
        self._place += accepted
        return accepted

    def _accepts_sign(self, sign: str) -> bool:
        accepted = self.now.kind == "sign" and self.now.text == sign
        self._place += accepted
        return accepted

    def _expect_sign(self, sign: str) -> None:
        if not self._accepts_sign(sign):
            raise self.wrong(f"Expected {sign!r}")
