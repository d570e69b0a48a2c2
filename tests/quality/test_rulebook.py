"""Every rule says what it looks for, why, an example and the remedy; the page in docs is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from medshelf.core.errors import UnknownNameError
from medshelf.core.issues import SEVERITIES
from medshelf.quality.rulebook import NEEDS, all_rules, as_markdown, chosen_rules

_AREAS = {"bias", "geometry", "integrity", "labels", "leakage", "licence", "privacy"}
_PARTS = ("**What.**", "**Why.**", "**Example.**", "**Remedy.**")


@pytest.mark.parametrize("rule", all_rules(), ids=lambda each: each.id)
def test_a_rule_is_described(rule) -> None:
    assert rule.area in _AREAS
    assert rule.severity in SEVERITIES
    assert rule.needs <= set(NEEDS)
    assert [rule.page.index(each) for each in _PARTS] == sorted(
        rule.page.index(each) for each in _PARTS
    )
    assert any("\u4e00" <= each <= "\u9fff" for each in rule.title_zh)
    assert len(rule.title) < 90
    assert not rule.title.endswith(".")


def test_ids_are_unique() -> None:
    ids = [each.id for each in all_rules()]
    assert len(ids) == len(set(ids))


def test_the_page_holds_what_the_rules_say() -> None:
    page = (Path(__file__).parents[2] / "docs/rules.md").read_text("utf-8")
    assert as_markdown(all_rules()) in page, "medshelf rules --markdown prints what it must hold"


def test_rules_are_chosen_by_id_and_area() -> None:
    leakage = [each.id for each in chosen_rules(["leakage"])]
    assert "patient-leakage" in leakage
    assert [each.id for each in chosen_rules(["patient-leakage"])] == ["patient-leakage"]
    without = [each.id for each in chosen_rules(["leakage"], ["patient-leakage"])]
    assert without == [each for each in leakage if each != "patient-leakage"]


def test_an_unknown_rule_is_refused_with_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="patient-leakage"):
        chosen_rules(["patient-leak"])
