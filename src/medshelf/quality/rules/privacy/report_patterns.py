"""What names or locates a person in reports and other texts.

**What.** Reports, captions, questions, answers and dialogues with the pattern of a name behind a
title or `name:` (`姓名`), a signature, a telephone number, an e-mail or postal address, a number of
a patient or record (`住院号`), a social security number, a Chinese identity card number whose check
digit is right; dates finer than a year and ages over 89 as info. What is masked already (`___`,
`[**Name**]`, `XXXX`, `张某`) is no match. What was matched is never shown, only where.

**Why.** Reports are written for colleagues who know the patient. One name among thousands of clean
texts is enough.

**Example.** "Findings were discussed with Dr. Smith by telephone." The 3,851 reports of the Indiana
University chest X-ray collection, whose names were masked by `XXXX`, give no match.

**Remedy.** Read the rows; mask what is personal before the texts are passed on.

Source: 45 CFR 164.514(b)(2), the identifiers of Safe Harbor.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of
from medshelf.quality.judging.wording import counted
from medshelf.quality.personal.personal_text import PATTERNS, find_personal_rows

SEVERITY = "error"
NEEDS = ()
TITLE_ZH = "文本中可识别个人的内容"


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per kind of pattern."""
    found = find_personal_rows(case.manifest)
    for kind, pattern in PATTERNS.items():
        rows = found.filter(pl.col("kind") == kind).drop("kind").rename({"at": "at_byte"})
        if rows.height:
            n_samples = rows["row"].n_unique()
            message = f"{counted(n_samples, 'sample')} with texts that seem to hold {pattern.what}"
            remedy = "Read them, and mask what is personal before they are passed on"
            yield issue_of(rows, "report-patterns", pattern.severity, kind, message, remedy)
