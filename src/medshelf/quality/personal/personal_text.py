"""What in a text may name or locate a person: patterns that would rather miss than cry wolf.

What a release has masked already (`___`, `[**Name**]`, `XXXX`, 张某) is no match. The text that
matched is never given out, only its kind and place.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from medshelf.core.issues import Severity
from medshelf.core.manifest import TEXT, Manifest

_LISTS = ("options", "answers")
_HAN = "[一-鿿]"
_MONTH = (
    "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    "Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_YEAR, _MONTH_NUMBER, _DAY = (
    "(?:19|20)[0-9]{2}",
    "(?:0?[1-9]|1[0-2])",
    "(?:0?[1-9]|[12][0-9]|3[01])",
)
_STREET = "(?:Street|Avenue|Boulevard|Blvd|Road|Lane|Drive|Court|Parkway)"
_NAME = "[A-Z][a-z]{2,}"
_BEFORE, _AFTER = "(?:^|[^0-9A-Za-z.])", "(?:$|[^0-9A-Za-z])"
_CHECKED = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one kind of personal text looks like.

    Attributes:
        what: The kind in the plural, for messages.
        expression: A regular expression of polars, with boundaries of ASCII words: those of Unicode
            words make it a hundred times slower on Chinese.
        severity: How bad one is.
        never: A regular expression of matches that are none.
    """

    what: str
    expression: str
    severity: Severity = "warning"
    never: str | None = None


PATTERNS: dict[str, Pattern] = {
    "name-with-title": Pattern(
        "names with a title",
        rf"(?-u:\b)(?:Dr|Mr|Mrs|Ms|Prof|Professor)\.?[ ]+(?:[A-Z]\.[ ]?)?{_NAME}(?:[ ]+{_NAME})?",
        never=r"(?-u:\b)(?:Contin|Who|Patient|The|And|Has|Was)(?-u:\b)",
    ),
    "signature": Pattern(
        "signatures",
        r"(?i:dictated|signed|transcribed)[ ]+(?i:by)[ ]*:?[ ]+(?:Dr\.?[ ]+)?"
        rf"{_NAME},?[ ]+(?:[A-Z]\.?[ ]+)?{_NAME}",
    ),
    "stated-name": Pattern(
        "names behind 'name:'",
        rf"(?i:patient(?:'s)?[ ]+name|name[ ]+of[ ]+(?:the[ ]+)?patient)[ ]*[:=][ ]*[A-Z][a-z]+"
        rf"|姓名[:\uff1a\s]*{_HAN}{{2,4}}|(?:报告|审核|主治|检查)(?:医师|医生)[:\uff1a]\s*{_HAN}{{2,4}}",
        never="某|不详|未知|保密|隐|匿名|性别|年龄",
    ),
    "identity-card": Pattern(
        "numbers of Chinese identity cards",
        rf"{_BEFORE.replace('.', '')}[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])"
        rf"(?:0[1-9]|[12][0-9]|3[01])[0-9]{{3}}[0-9Xx]{_AFTER}",
        "error",
    ),
    "social-security-number": Pattern(
        "numbers like US social security numbers",
        rf"(?i:SSN|social[ ]+security)[^0-9]{{0,20}}[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}{_AFTER}",
        "error",
    ),
    "record-number": Pattern(
        "patient or record numbers",
        r"(?-u:\b)(?i:MRN|medical[ ]+record(?:[ ]+(?:number|no\.?))?"
        r"|accession(?:[ ]+(?:number|no\.?))?"
        r"|patient[ ]+id|chart[ ]+(?:number|no\.?))[ ]*[:#=]?[ ]*[A-Z]{0,3}-?[0-9]{5,}"
        r"|(?:住院号|门诊号|病历号|病案号|检查号|影像号|登记号|就诊卡号)"
        r"[:\uff1a\s]*[A-Za-z]{0,3}[0-9]{4,}",
    ),
    "phone": Pattern(
        "telephone numbers",
        rf"{_BEFORE}(?:\+?1[-. ])?(?:\([2-9][0-9]{{2}}\)[ ]?|[2-9][0-9]{{2}}[-.])[2-9][0-9]{{2}}"
        rf"[-.][0-9]{{4}}{_AFTER}|(?:^|[^0-9.])(?:\+?86[- ]?)?1[3-9][0-9]{{9}}(?:$|[^0-9.])"
        r"|电话[:\uff1a\s]*0[0-9]{2,3}[- ]?[0-9]{7,8}",
    ),
    "email": Pattern(
        "e-mail addresses",
        r"(?-u:\b)[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?-u:\b)",
    ),
    "address": Pattern(
        "postal addresses",
        rf"(?-u:\b)[0-9]{{1,5}}[ ]+(?:{_NAME}[ ]+){{1,3}}{_STREET}(?-u:\b)"
        rf"|(?:家庭住址|家庭地址|住址|现住址)[:\uff1a\s]*{_HAN}{{4,}}"
        rf"|(?:市|区|县){_HAN}{{1,12}}(?:路|街|巷)[0-9]+号",
        never="不详|未知|保密|隐",
    ),
    "full-date": Pattern(
        "dates finer than a year",
        rf"(?-u:\b){_MONTH_NUMBER}/{_DAY}/{_YEAR}(?-u:\b)"
        rf"|(?-u:\b){_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?-u:\b)"
        rf"|(?-u:\b){_MONTH}\.?[ ]+{_DAY}(?:st|nd|rd|th)?,?[ ]+{_YEAR}(?-u:\b)"
        rf"|(?-u:\b){_DAY}(?:st|nd|rd|th)?[ ]+{_MONTH}\.?,?[ ]+{_YEAR}(?-u:\b)"
        rf"|{_YEAR}年{_MONTH_NUMBER}月{_DAY}日",
        "info",
    ),
    "age-over-89": Pattern(
        "ages over 89",
        rf"{_BEFORE}(?:9[0-9]|1[01][0-9])[- ]?(?i:years?|yrs?)[- ]?(?i:old)(?-u:\b)"
        rf"|{_BEFORE}(?:9[0-9]|1[01][0-9])[ ]?(?i:y/?o)(?-u:\b)"
        r"|(?:^|[^0-9.~-])(?:9[0-9]|1[01][0-9])岁",
        "info",
        never="[<>≤≥]",
    ),
}
"""By kind. Source: 45 CFR 164.514(b)(2), the identifiers of Safe Harbor; GB 11643-1999 for the
check digit of identity cards."""


def find_personal(texts: pl.LazyFrame, keys: list[str], column: str = "text") -> pl.DataFrame:
    """Find what may name or locate a person.

    Args:
        texts: The texts in a column of strings, null where there is none.
        keys: Columns that tell the texts apart; they come back in the result.
        column: Of the texts.

    Returns:
        A row per text and kind that is in it: the keys, `kind`, `n_matches` and `at`, the place in
        bytes of the first; in the order of the texts, then of the kinds.
    """
    text = pl.col(column)
    any_kind = "|".join(f"(?:{each.expression})" for each in PATTERNS.values())
    suspects = texts.filter(text.str.contains(any_kind)).select(*keys, text)
    held = suspects.with_row_index("_order").collect(engine="streaming")
    found = [
        _matches(held, keys, text, kind, pattern).with_columns(
            kind=pl.lit(kind), rank=pl.lit(rank, pl.UInt8)
        )
        for rank, (kind, pattern) in enumerate(PATTERNS.items())
    ]
    return pl.concat(found).sort("_order", "rank").select(*keys, "kind", "n_matches", "at")


def texts_of(manifest: Manifest) -> pl.LazyFrame:
    """Return all texts of a manifest, lazily: `row`, `sample_id`, `column`, `text`."""
    fields = {
        **{f"text.{each.name}": pl.col("text").struct[each.name] for each in TEXT.fields},
        **{name: pl.col(name) for name in ("question", "explanation")},
        **{name: pl.col(name).list.join("\n", ignore_nulls=True) for name in _LISTS},
        "turns": pl.col("turns").list.eval(pl.element().struct["content"]).list.join("\n"),
    }
    rows = manifest.frame.with_row_index("row")
    return pl.concat(
        rows.select("row", "sample_id", pl.lit(name).alias("column"), text.alias("text")).filter(
            pl.col("text").is_not_null()
        )
        for name, text in fields.items()
    )


def find_personal_rows(manifest: Manifest) -> pl.DataFrame:
    """Return what in the texts of a manifest may name or locate a person; see `find_personal`.

    Returns:
        `row`, `sample_id`, `column` (such as `text.report`), `kind`, `n_matches`, `at`; by row.
    """
    found = find_personal(texts_of(manifest), ["row", "sample_id", "column"])
    return found.sort("row", "column", "kind")


def _matches(
    held: pl.DataFrame, keys: list[str], text: pl.Expr, kind: str, pattern: Pattern
) -> pl.DataFrame:
    matches = text.str.extract_all(pattern.expression)
    rows = held.select("_order", *keys, match=matches, at=text.str.find(pattern.expression))
    rows = rows.explode("match").drop_nulls("match")
    if pattern.never is not None:
        rows = rows.filter(~pl.col("match").str.contains(pattern.never))
    if kind == "identity-card":
        rows = rows.filter(_check_digit_is_right(pl.col("match")))
    grouped = rows.group_by("_order", *keys, "at", maintain_order=True)
    return grouped.agg(n_matches=pl.len().cast(pl.UInt32))


def _check_digit_is_right(match: pl.Expr) -> pl.Expr:
    number = match.str.extract("([0-9]{17}[0-9Xx])").str.to_uppercase()
    total = pl.sum_horizontal(
        number.str.slice(place, 1).cast(pl.Int32, strict=False) * weight
        for place, weight in enumerate(_CHECKED)
    )
    digits = dict(enumerate(_CHECK_DIGITS))
    expected = (total % 11).replace_strict(digits, return_dtype=pl.String, default=None)
    return number.str.slice(17, 1) == expected
