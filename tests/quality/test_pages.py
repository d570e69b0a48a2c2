"""Pages show what was counted and found, with pictures, in both languages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import polars as pl
import pytest

from medshelf.core.issues import Issue
from medshelf.dataset.dataset import Dataset
from medshelf.quality import pages
from medshelf.quality.case import Case
from medshelf.quality.checking import Checked, check
from medshelf.quality.pages.check_page import check_page
from medshelf.quality.pages.pictures import pictures_of, pictures_of_issues
from medshelf.quality.pages.profile_page import profile_page
from medshelf.quality.pages.words import Words, phrases
from medshelf.quality.passes import Passes
from medshelf.quality.profile import profile
from tests.quality.miniatures import as_manifest, picture_rows, pictures, volumes

_HERE = Passes(workers=0)


def _said() -> set[str]:
    """Return what the pages ask a word for, as far as it is written out."""
    found = set()
    for path in sorted(Path(pages.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in ("word", "all") and isinstance(first, ast.Constant):
                found |= set(filter(None, str(first.value).split("|")))
    return found


def test_every_phrase_is_there_in_chinese() -> None:
    assert len(_said()) > 40
    assert not _said() - phrases()


def test_the_page_of_pictures(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    found = profile(Case(manifest, passes=_HERE))
    shown = pictures_of(Dataset(manifest))
    assert len(shown) == 3
    page = profile_page(found, manifest.meta, shown).html()
    for told in ("40", "malignant", "liver", "96 \u00d7 96", "Not for clinical use", "CC-BY-4.0"):
        assert told in page
    assert page.count("data:image/png;base64,") == 3
    assert "<script" not in page
    chinese = profile_page(found, manifest.meta, shown, "zh").html()
    for told in ("数据概况", "标注统计", "训练集", "不得用于临床"):
        assert told in chinese


def test_the_page_of_volumes(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    found = profile(Case(manifest, passes=_HERE))
    page = profile_page(found, manifest.meta, pictures_of(Dataset(manifest))).html()
    for told in ("24 \u00d7 20 \u00d7 16", "1 \u00d7 1.5 \u00d7 2", "cm³", "tumour"):
        assert told in page


def test_a_page_without_pixels_says_less_and_nothing_wrong(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    found = profile(Case(manifest, passes=Passes(pixels=False)))
    page = profile_page(found, manifest.meta).html()
    assert "Sizes and spacing" not in page
    assert "malignant" in page


def _leaking(root: Path) -> tuple[Case, Checked]:
    pictures(root)
    number = pl.int_range(pl.len())
    patient = pl.when(number.is_in([0, 39])).then(pl.lit("same")).otherwise(number)
    case = Case(as_manifest(picture_rows().with_columns(patient_id=patient), root), passes=_HERE)
    return case, check(case, ["leakage"])


def test_the_page_of_issues_shows_their_samples(tmp_path: Path) -> None:
    case, checked = _leaking(tmp_path / "raw")
    shown = pictures_of_issues(Dataset(case.manifest), checked.issues)
    (issue,) = checked.issues
    assert shown[issue.id].alt == "000, 039"
    page = check_page(checked, shown).html()
    assert issue.id in page
    assert issue.remedy in page
    assert page.count("data:image/png;base64,") == 1
    assert "同一患者" in check_page(checked, shown, "zh").html()


def test_an_issue_of_samples_that_cannot_be_shown_has_no_picture(tmp_path: Path) -> None:
    case, checked = _leaking(tmp_path / "raw")
    for name in ("000", "039"):
        (tmp_path / f"raw/images/{name}.png").unlink()
    assert pictures_of_issues(Dataset(case.manifest), checked.issues) == {}


def test_hostile_evidence_is_text() -> None:
    manifest = as_manifest(picture_rows(), Path("raw"))
    issue = Issue(
        rule="</table><script>alert(1)</script>",
        severity="error",
        where="<img src=x>",
        message="<b>",
        remedy="'\"><svg onload=x>",
        samples=("<script>",),
        evidence=({"<i>": "<script>", "n": 1}, {"other": None}),
    )
    checked = Checked(manifest.meta, 40, (issue,), (), ("patient-leakage",), {"x": "<u>"})
    page = check_page(checked).html()
    assert not re.search(r"<(script|img|b|i|u)[ >]", page)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words(language: str) -> None:
    word = Words(language)
    assert word("a class of its own") == "a class of its own"
    assert (word("class") == "class") == (language == "en")
