"""The same report, question or dialogue in several splits.

**What.** Reports (report, else findings and impression), captions, questions (with their options,
context and picture) and dialogues that are the same but for capitals and blanks, in more than one
official split. Not counted are texts of a template, which more than `text-leakage.most` patients
(5) share, and short ones: below `text-leakage.words` words (12; a Chinese or Japanese character is
a word), reports and captions below `text-leakage.report-words` (60), for radiologists reuse their
sentences: of the 3,065 different reports of IU X-Ray, 156 are shared by patients, the longest of 54
words.

**Why.** A model that was trained on a text has seen its answer, so it may remember instead of read.

**Example.** A question that occurs in train and, with other capitals, in test. "No acute disease"
is none: normal reports are alike.

**Remedy.** Take the texts out of train, and report the score again.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import crossing, crossing_issue_of

SEVERITY: Severity = "warning"
NEEDS = ()
TITLE_ZH = "同一文本出现在多个划分中"
SETTINGS = {"most": 5, "words": 12, "report-words": 60}

_WORD = r"[\p{Han}\p{Hiragana}\p{Katakana}]|[[\p{L}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}]]+"
_BLANKS = ("\n", "\r", "\t", "\u00a0", "\u3000")
_HALVED = 6
_SHOWN = 60


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per kind of text that several splits share."""
    most = case.setting("text-leakage.most", SETTINGS["most"])
    words = case.setting("text-leakage.words", SETTINGS["words"])
    least = dict.fromkeys(
        ("reports", "captions"), case.setting("text-leakage.report-words", SETTINGS["report-words"])
    )
    whose = pl.coalesce("patient_id", "study_id", "sample_id").hash()
    for what, text in _texts().items():
        stated = case.rows.select("row", "split", whose=whose, text=text)
        shared = _shared(stated.filter(pl.col("split").is_not_null(), pl.col("text") != ""))
        if shared.is_empty():
            continue
        several = pl.col("whose").n_unique().over("key") <= most
        long = pl.col("text").str.count_matches(_WORD) >= least.get(what, words)
        found = shared.lazy().filter(long, several)
        ids = case.rows.select("row", "sample_id")
        rows = found.join(ids, on="row", how="left", maintain_order="left")
        first = [pl.col(each).first().over("key") for each in ("sample_id", "text")]
        rows = rows.with_columns(key=pl.format("{}: {}", first[0], first[1].str.head(_SHOWN)))
        one = what.removesuffix("s")
        named = rows.rename({"key": one})
        yield from crossing_issue_of(named, "text-leakage", (one, what), what, SEVERITY)


def _texts() -> dict[str, pl.Expr]:
    """Return the kinds of text in the plural, each as one text per row."""
    part = pl.col("text").struct.field
    report = pl.concat_str(part("findings"), part("impression"), separator="\n", ignore_nulls=True)
    place = [pl.col("media").list.first().struct.field(each) for each in ("path", "member")]
    asked = [pl.col("question", "patient_id"), pl.col("options").list.join("\n", ignore_nulls=True)]
    question = pl.concat_str(*asked, part("context"), *place, separator="\n", ignore_nulls=True)
    said = pl.col("turns").list.eval(pl.element().struct.field("content"))
    return {
        "reports": pl.coalesce(part("report"), report),
        "captions": part("caption"),
        "questions": pl.when(pl.col("question").is_not_null()).then(question),
        "dialogues": said.list.join("\n", ignore_nulls=True),
    }


def _shared(stated: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows whose text stands in several splits, with `key`, a number of the text.

    Each different text is looked at once.
    """
    rows = stated.with_columns(raw=pl.col("text").hash()).collect()
    texts = rows.select(pl.col("raw", "text").gather(pl.col("raw").arg_unique()))
    keys = texts.lazy().select("raw", key=_plain(texts["text"]).hash())
    return crossing(rows.lazy().join(keys, on="raw", maintain_order="left")).collect()


def _plain(texts: pl.Series) -> pl.Series:
    """Return texts without capitals, line breaks and runs of blanks.

    Plain replacing, where there is something to replace, takes a tenth of a regular expression.
    """
    plain = texts.str.to_lowercase()
    for blank, single in (*((each, " ") for each in _BLANKS), *[("  ", " ")] * _HALVED):
        if plain.str.contains(blank, literal=True).any():
            plain = plain.str.replace_all(blank, single, literal=True)
    return plain.str.strip_chars()
