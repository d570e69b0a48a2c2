"""What `medshelf check` found in a manifest, rule by rule, each with exactly its samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel

from medshelf.core.issues import SEVERITIES, Issue
from medshelf.explorer.language import say
from medshelf.explorer.pages.samples import Kinds, Name
from medshelf.explorer.shelf.collection import Collection, Kind
from medshelf.explorer.site import Held, Language, Page, Site, View
from medshelf.quality.rulebook import all_rules

_MOST_PAIRS: Final = 12
_PAIR: Final = ("sample_id", "sample_id_2")


class Half(BaseModel):
    """One of two samples that are shown side by side."""

    sample_id: str
    split: str | None
    url: str
    thumbnail: str | None


class Pair(BaseModel):
    """Two samples that a rule puts together.

    Attributes:
        one: The first.
        other: The second.
        score: How alike they are, where the rule says so.
    """

    one: Half
    other: Half
    score: float | None


class Finding(BaseModel):
    """One Issue.

    Attributes:
        rule: Its rule.
        what: What the rule looks for, in the language of the page.
        severity: error, warning or info.
        where: What it is about.
        message: What was found.
        remedy: What to do.
        n_samples: How many samples it names.
        url: The page of exactly these, where it names any.
        pairs: Samples side by side, where it puts two together.
    """

    rule: str
    what: str
    severity: str
    where: str
    message: str
    remedy: str
    n_samples: int
    url: str | None
    pairs: tuple[Pair, ...]


class QualityView(View):
    """What was found in a manifest.

    Attributes:
        kind: `datasets` or `manifests`.
        name: Of the manifest.
        n_samples: Samples of the manifest.
        was_checked: Whether `medshelf check` has looked at it as it is; otherwise what reading it
            showed is all there is.
        command: What checks it.
        counts: Severity to number of findings, the worst first.
        findings: The worst first.
    """

    kind: Kind
    name: str
    n_samples: int
    was_checked: bool
    command: str
    counts: dict[str, int]
    findings: tuple[Finding, ...]


def quality(language: Language, held: Held, kind: Kinds, name: Name) -> QualityView:
    """Return what was found in a manifest."""
    shown = held.open(kind, name)
    issues = shown.reported.issues
    told = {each.id: each.title_zh if language == "zh" else each.title for each in all_rules()}
    here = f"/{language}/{kind}/{name}/samples"
    return QualityView(
        title=say("quality.title", language, name=shown.manifest.meta.name),
        kind=kind,
        name=name,
        n_samples=len(shown),
        was_checked=shown.reported.was_checked,
        command=f"medshelf check {name}" + (".parquet" if kind == "manifests" else ""),
        counts={each: sum(issue.severity == each for issue in issues) for each in SEVERITIES},
        findings=tuple(
            Finding(
                rule=each.rule,
                what=told.get(each.rule, ""),
                severity=each.severity,
                where=each.where,
                message=each.message,
                remedy=each.remedy,
                n_samples=len(each.samples),
                url=f"{here}?issue={each.id}" if each.samples else None,
                pairs=tuple(_pairs(shown, each, here)),
            )
            for each in issues
        ),
    )


def _pairs(shown: Collection, issue: Issue, here: str) -> Iterator[Pair]:
    cases = [case for case in issue.evidence if all(name in case for name in _PAIR)]
    for case in cases[:_MOST_PAIRS]:
        halves = [_half(shown, str(case[name]), here) for name in _PAIR]
        score = case.get("score")
        if halves[0] is not None and halves[1] is not None:
            number = float(score) if isinstance(score, int | float) else None
            yield Pair(one=halves[0], other=halves[1], score=number)


def _half(shown: Collection, sample_id: str, here: str) -> Half | None:
    row = shown.row_of(sample_id)
    if row is None:
        return None
    split = shown.facets.get("split")
    return Half(
        sample_id=sample_id,
        split=None if split is None else split.text(row),
        url=f"{here}/{row}",
        thumbnail=shown.thumbnail(row, "size=128"),
    )


def register(site: Site) -> None:
    """Add the page."""
    site.add(Page("/{kind}/{name}/quality", "quality.html", quality))
