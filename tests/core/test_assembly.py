"""The last step of every reader: what is refused, and what is reported as an Issue."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from medshelf.core.assembly import assemble, missing_files, require_complete, unused_files
from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import SCHEMA, Meta
from medshelf.core.tasks import Task, TaskKind

ROOT = Path("raw")
BINARY = Task("state", TaskKind.BINARY, ("normal", "sick"))
FINDINGS = Task("findings", TaskKind.MULTI_LABEL, ("Edema", "Mass"))
META = Meta("some-set", "Some set", tasks=(BINARY,))
LABEL = {"task": "findings", "name": "Mass", "value": 1.0, "source": None, "annotator": None}


def rows(**given: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"sample_id": ["b", "a", "c"], **given})


def test_rows_are_sorted_and_columns_complete() -> None:
    manifest = assemble(rows(label=["sick", "normal", None]), META, ROOT)
    frame = manifest.frame.collect()
    assert frame.schema == SCHEMA
    assert frame["sample_id"].to_list() == ["a", "b", "c"]
    assert frame["label"].to_list() == ["normal", "sick", None]
    assert manifest.meta.issues == ()
    assert manifest.root == ROOT


@pytest.mark.parametrize("ids", [["a", "a", "b"], ["a", None, "b"], ["a", "b", "a"]])
def test_ids_are_unique_and_there(ids: list[str | None]) -> None:
    with pytest.raises(LayoutError, match=r"sample ids that occur twice or are empty: (a|None)"):
        assemble(pl.DataFrame({"sample_id": ids}), META, ROOT)


def test_many_equal_ids_are_shown_shortly() -> None:
    ids = [f"{number:03}" for number in range(100)] * 2
    with pytest.raises(LayoutError, match=r"000, 001, 002, 003, 004, \.\.\."):
        assemble(pl.DataFrame({"sample_id": ids}), META, ROOT)


def test_no_row_is_an_error() -> None:
    with pytest.raises(LayoutError, match="raw holds no sample of 'some-set'"):
        assemble(rows().clear(), META, ROOT)


def test_splits_have_their_names() -> None:
    found = assemble(rows(split=["test", None, "train"]), META, ROOT).frame.collect()
    assert found["split"].to_list() == [None, "test", "train"]
    with pytest.raises(LayoutError, match=r"dev, valid are no splits \(train, val, test\)"):
        assemble(rows(split=["valid", "dev", "train"]), META, ROOT)


def test_labels_are_classes() -> None:
    with pytest.raises(LayoutError, match=r"task 'state' of 'some-set': ill \(classes: normal,"):
        assemble(rows(label=["ill", "sick", None]), META, ROOT)
    meta = Meta("some-set", "Some set", tasks=(FINDINGS,))
    good = assemble(rows(labels=[[LABEL], [], None]), meta, ROOT)
    assert good.label_matrix().tolist()[1][1] == 1.0
    with pytest.raises(LayoutError, match=r"task 'findings' of 'some-set': mass \(classes: Edema"):
        assemble(rows(labels=[[{**LABEL, "name": "mass"}], [], None]), meta, ROOT)
    other = [[{**LABEL, "name": "7", "task": "grade"}], [], None]
    assert assemble(rows(labels=other), meta, ROOT).n_samples() == 3


def test_other_counts_than_published_are_reported() -> None:
    meta = Meta("some-set", "Some set", splits={"train": 2, "val": 5, "test": 1})
    issues = assemble(rows(split=["train", "train", "test"]), meta, ROOT).meta.issues
    assert [(each.rule, each.where, each.message) for each in issues] == [
        ("sample-count", "split val", "0 samples, 5 are published")
    ]
    assert assemble(rows(), meta, ROOT).meta.issues == ()


def test_patients_in_several_splits_are_reported() -> None:
    given = {"split": ["train", "test", "val"], "patient_id": ["p1", "p1", None]}
    [issue] = assemble(rows(**given), META, ROOT).meta.issues
    assert (issue.rule, issue.severity) == ("patient-leakage", "warning")
    assert "1 patients are in more than one official split: p1" in issue.message
    apart = {"split": ["train", "train", "val"], "patient_id": ["p1", "p1", "p2"]}
    assert assemble(rows(**apart), META, ROOT).meta.issues == ()


def test_only_errors_make_a_manifest_incomplete() -> None:
    unused = unused_files(pl.Series(["x.png"]))
    manifest = assemble(rows(), META, ROOT, unused)
    assert require_complete(manifest) is manifest
    missing = missing_files(pl.Series([f"{n}.png" for n in range(1200)]), "labels.csv")
    manifest = assemble(rows(), META, ROOT, (*unused, *missing))
    assert manifest.meta.issues == (*unused, *missing)
    with pytest.raises(LayoutError, match=r"labels\.csv: 1,200 files that it names") as caught:
        require_complete(manifest)
    assert "0.png, 1.png, 2.png, 3.png, 4.png, ..." in str(caught.value)
    assert missing[0].remedy in str(caught.value)


def test_nothing_missing_is_no_issue() -> None:
    none = pl.Series([], dtype=pl.String)
    assert missing_files(none) == unused_files(none) == ()
    [issue] = unused_files(pl.Series(["x.png"]), "table")
    expected = ("file-unused", "warning", "table", "1 files belong to no sample: x.png")
    assert isinstance(issue, Issue)
    assert (issue.rule, issue.severity, issue.where, issue.message) == expected
