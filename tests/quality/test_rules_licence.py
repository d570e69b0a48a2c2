"""What the rules of licence say of terms, alone and together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medshelf.catalog.licence import Licence, licences
from medshelf.core.issues import Issue
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.union import concat
from medshelf.quality.case import Case
from medshelf.quality.judging import terms
from medshelf.quality.rulebook import chosen_rules
from tests.quality.miniatures import as_manifest, picture_meta, picture_rows, pictures, volumes


def under(
    licence: str | None, tmp_path: Path, name: str = "miniature-pictures", **facts: Any
) -> Case:
    """Return a case under a licence."""
    (tmp_path / name).mkdir(exist_ok=True)
    meta = replace(picture_meta(), licence=licence, dataset=name, **facts)
    return Case(as_manifest(picture_rows(), tmp_path / name, meta))


def issues(case: Case) -> list[Issue]:
    """Return what all rules of the area find."""
    return [each for rule in chosen_rules(["licence"]) for each in rule.check(case)]


@pytest.mark.parametrize("make", [pictures, volumes])
def test_clean_miniatures_have_no_issue(tmp_path: Path, make: Any) -> None:
    assert issues(Case(make(tmp_path / "clean"))) == []


@pytest.mark.parametrize(
    ("licence", "told"), [(None, "no licence is stated"), ("My-Own-1.0", "terms of My-Own-1.0")]
)
def test_missing_and_unknown_terms_are_found(
    tmp_path: Path, licence: str | None, told: str
) -> None:
    (issue,) = issues(under(licence, tmp_path))
    assert (issue.rule, issue.severity) == ("missing-licence", "warning")
    assert told in issue.message


def test_generated_data_need_no_licence(tmp_path: Path) -> None:
    assert issues(under(None, tmp_path, synthetic=True)) == []


def test_what_may_not_be_passed_on_is_told(tmp_path: Path) -> None:
    (issue,) = issues(under("CC-BY-NC-ND-4.0", tmp_path))
    assert (issue.rule, issue.severity) == ("redistribution", "warning")
    assert issue.message == "data under CC-BY-NC-ND-4.0 may not be passed on in changed form"
    forbidden = next(each for each in licences().values() if each.redistribution is False)
    told = [each.message for each in issues(under(forbidden.id, tmp_path))]
    assert any(f"data under {forbidden.id} may not be passed on" in each for each in told)


def test_what_a_licence_does_not_say_is_for_information(tmp_path: Path) -> None:
    silent = next(
        each for each in licences().values() if each.redistribution is None is each.derivatives
    )
    (issue,) = issues(under(silent.id, tmp_path))
    assert (issue.rule, issue.severity) == ("redistribution", "info")


def test_a_union_is_under_all_terms(tmp_path: Path) -> None:
    parts = [under("CC-BY-4.0", tmp_path, "one"), under("CC-BY-NC-4.0", tmp_path, "two")]
    union = concat([Dataset(each.manifest) for each in parts])
    (issue,) = issues(Case(union.manifest))
    assert (issue.rule, issue.severity) == ("merged-terms", "info")
    assert issue.message == "the whole allows redistribution, derivatives; it asks for attribution"
    assert issue.evidence[0]["commercial"] is False


def test_a_union_with_a_part_without_licence_is_found(tmp_path: Path) -> None:
    parts = [under("CC-BY-4.0", tmp_path, "one"), under(None, tmp_path, "two")]
    union = concat([Dataset(each.manifest) for each in parts])
    assert [each.rule for each in issues(Case(union.manifest))] == ["missing-licence"]


def test_terms_that_exclude_each_other_are_found_before_merging(tmp_path: Path) -> None:
    ours, theirs = under("CC-BY-SA-4.0", tmp_path, "one"), under("CC-BY-NC-4.0", tmp_path, "two")
    (issue,) = issues(replace(ours, against=(theirs,)))
    assert (issue.rule, issue.severity) == ("merged-terms", "warning")
    assert "CC-BY-SA-4.0 asks for its own terms, CC-BY-NC-4.0 does not allow them" in issue.message
    assert issues(replace(ours, against=(under("CC0-1.0", tmp_path, "three"),))) == []


@pytest.mark.parametrize(
    ("one", "other", "excluded"),
    [
        ("CC-BY-SA-4.0", "CC-BY-4.0", False),
        ("CC-BY-SA-4.0", "CC0-1.0", False),
        ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", True),
        ("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0", False),
        ("CC-BY-SA-4.0", "GPL-3.0-only", False),
        ("CC-BY-ND-4.0", "CC0-1.0", True),
        ("MIT", "Apache-2.0", False),
    ],
)
def test_which_licences_exclude_each_other(one: str, other: str, excluded: bool) -> None:
    for pair in ((one, other), (other, one)):
        assert bool(terms.conflicts(terms.known(pair))) is excluded


def test_combined_terms_are_the_strictest() -> None:
    one = Licence(id="a", en="a", zh="a", commercial=True, redistribution=True, share_alike=False)
    other = Licence(id="b", en="b", zh="b", commercial=None, redistribution=False, share_alike=True)
    both = terms.combined([one, other])
    assert (both["commercial"], both["redistribution"], both["share_alike"]) == (None, False, True)
