"""What the rules found, as a page: the worst first, each with what shows it and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from medshelf.core.issues import Issue
from medshelf.core.version import __version__
from medshelf.quality.checking import Checked
from medshelf.quality.pages.profile_page import add_source
from medshelf.quality.pages.words import Words
from medshelf.quality.rulebook import Rule, all_rules
from medshelf.report.page import Card, Cell, NoticeKind, Page, Picture, Table

_N_SAMPLES = 12


def check_page(
    checked: Checked, pictures: Mapping[str, Picture] | None = None, language: str = "en"
) -> Page:
    """Return the page of a check.

    Args:
        checked: What was found.
        pictures: Of Issues by their id, see `pictures.pictures_of_issues`.
        language: `en` or `zh`; what rules say of one dataset is in English.
    """
    word = Words(language)
    meta, rules = checked.meta, {each.id: each for each in all_rules()}
    page = Page(meta.name, f"{word('Issues')}: {meta.dataset}", lang=language)
    page.cards(
        [
            Card(word("Samples"), f"{checked.n_samples:,}"),
            *(
                Card(word(plural), f"{sum(each.severity == name for each in checked.issues):,}")
                for name, plural in (
                    ("error", "errors"),
                    ("warning", "warnings"),
                    ("info", "notes"),
                )
            ),
            Card(word("rules were run"), f"{len(checked.ran):,}"),
        ]
    )
    if checked.issues:
        page.heading(word("Issues found"))
        header = [word(each) for each in ("severity", "rule", "where", "what", "samples")]
        rows: list[tuple[Cell, ...]] = [
            (word(each.severity), each.rule, each.where, each.message, len(each.samples) or None)
            for each in checked.issues
        ]
        page.table(Table(header, rows))
    for each in checked.issues:
        _add_issue(page, each, rules.get(each.rule), word)
        if picture := (pictures or {}).get(each.id):
            page.picture(picture)
    clean = set(checked.ran) - {each.rule for each in (*checked.issues, *checked.accepted)}
    if clean:
        page.heading(word("Nothing was found by"))
        page.table(Table((), [_named(rules[each], word) for each in sorted(clean)]))
    if checked.skipped:
        page.heading(word("Not run"))
        page.table(Table([word("rule"), word("reason")], sorted(checked.skipped.items())))
    add_source(page, meta, __version__, word)
    return page


def _add_issue(page: Page, issue: Issue, rule: Rule | None, word: Words) -> None:
    title = rule.title_zh if rule and word.language == "zh" else rule.title if rule else issue.rule
    page.subheading(f"{title}: {issue.where}")
    kind: NoticeKind = "info" if issue.severity == "info" else "warning"
    page.notice(f"{issue.message}. {issue.remedy}.", f"{word(issue.severity)}, {issue.id}", kind)
    if issue.evidence:
        header = list(dict.fromkeys(name for each in issue.evidence for name in each))
        rows = [tuple(_cell(each.get(name)) for name in header) for each in issue.evidence]
        page.table(Table(header, rows, caption=word("evidence")))
    if issue.samples:
        page.paragraph(f"{word('samples')}: {_some(issue.samples, word)}")


def _some(samples: tuple[str, ...], word: Words) -> str:
    shown = ", ".join(samples[:_N_SAMPLES])
    rest = len(samples) - _N_SAMPLES
    return f"{shown} {word('and {n} more').format(n=f'{rest:,}')}" if rest > 0 else shown


def _named(rule: Rule, word: Words) -> tuple[str, str]:
    return rule.id, rule.title_zh if word.language == "zh" else rule.title


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return str(value)
    return value if isinstance(value, int | float | str) or value is None else str(value)
