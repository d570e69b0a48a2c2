"""The manifest schema and what hangs on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medshelf.core.errors import FormatError, LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import SCHEMA, Manifest, Meta, read_manifest
from medshelf.core.tasks import Task, TaskKind

SINGLE = Task("grade", TaskKind.MULTI_CLASS, ("a", "b", "c"))
MULTI = Task("findings", TaskKind.MULTI_LABEL, ("mass", "edema", "hernia"))


def make_manifest(columns: dict[str, object], *tasks: Task) -> Manifest:
    meta = Meta("toy", "Toy", tasks=tasks, issues=(Issue("r", "info", "w", "m", "d"),))
    return Manifest.from_columns(pl.LazyFrame(columns), meta, Path("/somewhere"))


def test_columns_are_the_ones_of_the_plan() -> None:
    planned = (
        "sample_id split patient_id study_id media label labels shapes text question options "
        "answers explanation language turns age_years sex view laterality site scanner extra"
    )
    assert list(SCHEMA) == planned.split()


def test_missing_columns_become_typed_nulls_in_order() -> None:
    manifest = make_manifest({"label": ["a"], "sample_id": ["1"]}, SINGLE)
    assert manifest.frame.collect_schema() == SCHEMA
    assert manifest.frame.collect()["shapes"].to_list() == [None]


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(LayoutError, match=r"(?s)unknown columns: age, labell.*'extra'"):
        make_manifest({"sample_id": ["1"], "labell": ["a"], "age": [3]})


def test_a_split_outside_the_enum_is_refused() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        make_manifest({"sample_id": ["1"], "split": ["validation"]}).frame.collect()


def test_manifests_of_different_tasks_concatenate() -> None:
    one = make_manifest({"sample_id": ["1"], "label": ["a"]}, SINGLE)
    entry = {"task": "findings", "name": "mass", "value": 1.0, "source": None, "annotator": None}
    two = make_manifest({"sample_id": ["2"], "labels": [[entry]]}, MULTI)
    assert pl.concat([one.frame, two.frame]).collect().height == 2


def test_parquet_keeps_table_and_metadata(tmp_path: Path) -> None:
    manifest = make_manifest({"sample_id": ["1", "2"], "label": ["a", None]}, SINGLE)
    path = tmp_path / "with [brackets]" / "m.parquet"
    manifest.write(path)
    found = read_manifest(path, manifest.root)
    assert found.meta == manifest.meta
    assert found.frame.collect().equals(manifest.frame.collect())


def test_other_files_are_no_manifests(tmp_path: Path) -> None:
    path = tmp_path / "m.parquet"
    with pytest.raises(FormatError, match="not a Parquet file"):
        read_manifest(path, tmp_path)
    path.write_text("hello")
    with pytest.raises(FormatError, match="not a Parquet file"):
        read_manifest(path, tmp_path)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(FormatError, match="not a manifest"):
        read_manifest(path, tmp_path)


def test_class_codes_follow_the_class_order() -> None:
    manifest = make_manifest({"sample_id": ["1", "2", "3"], "label": ["c", "a", "b"]}, SINGLE)
    assert manifest.class_codes().tolist() == [2, 0, 1]


@pytest.mark.parametrize("label", ["d", None])
def test_a_label_that_is_no_class_is_named(label: str | None) -> None:
    manifest = make_manifest({"sample_id": ["1", "2"], "label": ["a", label]}, SINGLE)
    with pytest.raises(LayoutError, match=rf"Row 1 of 'toy' has the label {label!r}"):
        manifest.class_codes()


def test_label_matrix_tells_absent_uncertain_and_not_stated_apart() -> None:
    def entry(
        name: str, value: float, source: str = "s", task: str = "findings"
    ) -> dict[str, object]:
        origin = {"source": source, "annotator": None}
        return {"task": task, "name": name, "value": value} | origin

    labels = [
        [
            entry("hernia", 1),
            entry("mass", 0),
            entry("edema", 1, "other"),
            entry("mass", 1, task="x"),
        ],
        [],
        None,
        [entry("edema", -1)],
    ]
    manifest = make_manifest({"sample_id": list("1234"), "labels": labels}, MULTI)
    nan = np.nan
    expected = [[0, nan, 1], [nan] * 3, [nan] * 3, [nan, -1, nan]]
    np.testing.assert_array_equal(manifest.label_matrix(source="s"), np.float32(expected))
    expected[0][1] = 1
    np.testing.assert_array_equal(manifest.label_matrix("findings"), np.float32(expected))


def test_the_task_must_be_named_where_there_are_several() -> None:
    manifest = make_manifest({"sample_id": ["1"]}, SINGLE, MULTI)
    with pytest.raises(LayoutError, match=r"tasks: grade, findings"):
        _ = manifest.task
    with pytest.raises(LayoutError, match=r"(?s)no task 'x'.*grade, findings"):
        manifest.label_matrix("x")
    with pytest.raises(LayoutError, match="tasks: none"):
        _ = make_manifest({"sample_id": ["1"]}).task


def test_the_digest_changes_with_rows_their_order_and_facts(tmp_path: Path) -> None:
    medium = dict.fromkeys(("member", "index", "label", "annotator")) | {
        "name": "image",
        "role": "image",
        "format": "png",
    }
    rows = {
        "sample_id": ["a", "b", "c"],
        "media": [[{**medium, "path": f"{name}.png"}] for name in "abc"],
        "label": ["x", "y", None],
    }
    meta = Meta("made", "Made", "1", "image", ())

    def digest(table: pl.DataFrame, **facts: str) -> str:
        changed = replace(meta, **facts)  # type: ignore[arg-type]
        return Manifest.from_columns(table.lazy(), changed, tmp_path).digest()

    table = pl.DataFrame(rows, schema_overrides={"media": SCHEMA["media"]})
    exchanged = table.with_columns(
        media=pl.Series([rows["media"][n] for n in (1, 0, 2)], dtype=SCHEMA["media"])
    )
    others = [
        table.reverse(),
        exchanged,
        table.head(2),
        table.with_columns(label=pl.lit("x")),
    ]
    found = [digest(table), digest(table, version="2"), *map(digest, others)]
    assert len(set(found)) == 6
    assert digest(table.clone()) == found[0]
