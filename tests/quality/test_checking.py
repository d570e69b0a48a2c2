"""What a check finds, leaves out, accepts and says it could not do."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from medshelf.core.errors import FormatError, UnknownNameError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest
from medshelf.quality.case import Case
from medshelf.quality.checking import check, read_baseline, write_baseline
from medshelf.quality.passes import Passes
from tests.quality.miniatures import N_PICTURES, as_manifest, picture_meta, picture_rows

_NO_PIXELS = Passes(pixels=False)


def _case(patients: pl.Expr, **fields: object) -> Case:
    rows = picture_rows().with_columns(patient_id=patients)
    return Case(as_manifest(rows, Path("raw")), passes=_NO_PIXELS, **fields)


def _leaking() -> Case:
    number = pl.int_range(N_PICTURES)
    return _case(pl.when(number.is_in([0, 39])).then(pl.lit("same")).otherwise(number))


def test_an_issue_names_all_samples_and_its_evidence() -> None:
    (found,) = check(_leaking(), ["patient-leakage"]).issues
    assert found.samples == ("000", "039")
    (shown,) = found.evidence
    assert (shown["patient"], shown["splits"], shown["n_samples"]) == ("same", "test, train", 2)
    assert found.severity == "error"


def test_what_the_reader_found_is_told_once() -> None:
    reader = Issue("sample-count", "warning", "split test", "7 samples", "Fetch the rest")
    case = _leaking()
    meta = case.meta.with_issues(reader)
    found = check(Case(Manifest(case.manifest.frame, meta, case.root), passes=_NO_PIXELS))
    rules = [each.rule for each in found.issues]
    assert rules.count("patient-leakage") == 1
    assert reader in found.issues
    assert reader not in check(case, ["leakage"]).issues


def test_an_id_is_stable_and_changes_with_the_samples() -> None:
    (first,) = check(_leaking(), ["patient-leakage"]).issues
    (again,) = check(_leaking(), ["patient-leakage"]).issues
    assert first.id == again.id
    number = pl.int_range(N_PICTURES)
    more = _case(pl.when(number.is_in([0, 1, 39])).then(pl.lit("same")).otherwise(number))
    (other,) = check(more, ["patient-leakage"]).issues
    assert other.id != first.id


def test_accepted_issues_count_no_more(tmp_path: Path) -> None:
    path = tmp_path / "accepted.json"
    found = check(_leaking(), ["patient-leakage"])
    write_baseline(found, path)
    again = check(_leaking(), ["patient-leakage"], baseline=path)
    assert again.issues == ()
    assert again.accepted == found.issues
    write_baseline(again, path)
    assert read_baseline(path) == {found.issues[0].id}


@pytest.mark.parametrize("content", ["", "[1]", '{"accepted": 7}', "\x00"])
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "accepted.json"
    path.write_text(content)
    with pytest.raises(FormatError, match="--write-baseline"):
        check(_leaking(), baseline=path)


def test_what_could_not_be_run_is_said() -> None:
    skipped = check(_case(pl.int_range(N_PICTURES).cast(pl.String))).skipped
    assert all("--" in reason or "catalog" in reason for reason in skipped.values())


def test_severities_are_counted_from_the_worst() -> None:
    found = check(_leaking(), ["patient-leakage"])
    assert found.at_least("error") == found.at_least("info") == found.issues
    info = Issue("x", "info", "", "", "")
    only = check(Case(_clean(info), passes=_NO_PIXELS), ignore=["leakage", "integrity"])
    assert only.at_least("warning") == ()
    assert info in only.at_least("info")


def _clean(*issues: Issue) -> Manifest:
    return as_manifest(picture_rows(), Path("raw"), picture_meta().with_issues(*issues))


def test_json_holds_everything() -> None:
    told = json.loads(json.dumps(check(_leaking(), ["leakage"]).as_dict()))
    (issue,) = [each for each in told["issues"] if each["rule"] == "patient-leakage"]
    assert Issue.from_dict(issue).id == issue["id"]
    assert told["n_samples"] == N_PICTURES
    assert "patient-leakage" in told["ran"]


def test_a_threshold_is_named_by_its_rule() -> None:
    case = _case(pl.lit("x"), settings={"rare-class.minimum": 0.0})
    assert "rare-class" in check(case, ["rare-class"]).ran


def test_an_unknown_threshold_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="threshold"):
        check(_case(pl.lit("x"), settings={"no-rule.radius": 3.0}))
