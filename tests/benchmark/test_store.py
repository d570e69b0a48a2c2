"""The store: made from the folders, brought up to date, never trusted more than they."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from medshelf.benchmark.store import SCHEMA, STORE, as_table, read_store
from medshelf.core.settings import Settings
from tests.benchmark.run_files import make_run


@pytest.fixture
def runs() -> Path:
    return Settings.from_environment().runs_folder


def read(runs: Path) -> tuple[pl.DataFrame, list[str]]:
    found = read_store(runs, runs.parent / "results")
    return found.table, [f"{each.where}: {each.message}" for each in found.issues]


def test_one_row_per_run_and_split_with_all_that_was_written_down(runs: Path) -> None:
    run = make_run(runs, notes=["batch halved"], seed=3)
    table, issues = read(runs)
    assert issues == []
    assert table.schema == SCHEMA
    assert table["split"].to_list() == ["test", "val"]
    row = table.filter(pl.col("split") == "test").row(0, named=True)
    estimate = run.scores["test"].auc
    assert (row["auc"], row["auc_low"], row["auc_high"]) == (
        estimate.value,
        estimate.low,
        estimate.high,
    )
    assert (row["method"], row["seed"], row["protocol"]) == ("ResNet-18 (28)", 3, "medmnist-28")
    assert (row["parameters"], row["macs"], row["seconds"]) == (11_169_089, 457_000_000, 63)
    assert row["caveats"] == ["synthetic data", "batch halved"]
    assert json.loads(row["versions"]) == run.versions
    assert json.loads(row["hardware"]) == run.hardware
    assert json.loads(row["files"]) == run.spec.files
    assert row["result_file"] == run.result_files["test"]
    assert (
        as_table([run])
        .drop("size_bytes", "mtime_ns")
        .sort("split")
        .equals(table.drop("size_bytes", "mtime_ns"))
    )


def test_no_run_at_all(runs: Path) -> None:
    table, issues = read(runs)
    assert table.is_empty()
    assert table.schema == SCHEMA
    assert issues == []


def test_added_changed_and_removed_runs_are_noticed(runs: Path) -> None:
    first, second = make_run(runs), make_run(runs, seed=1)
    assert len(read(runs)[0]) == 4
    third = make_run(runs, seed=2)
    make_run(runs, seed=1, wall_s=999.5)
    for path in sorted(first.folder.iterdir()):
        path.unlink()
    table, _ = read(runs)
    assert sorted(set(table["run"])) == [second.spec.name, third.spec.name]
    assert set(table.filter(pl.col("seed") == 1)["seconds"]) == {999.5}


def test_only_what_changed_is_read(runs: Path) -> None:
    run = make_run(runs)
    expected, _ = read(runs)
    path = run.folder / "run.json"
    stat = path.stat()
    path.write_bytes(b" " * stat.st_size)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert read(runs)[0].equals(expected)
    path.touch()
    table, issues = read(runs)
    assert table.is_empty()
    assert len(issues) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1 no table", b"PAR1PAR1"],
)
def test_a_damaged_store_is_made_again(runs: Path, content: bytes) -> None:
    make_run(runs)
    expected, _ = read(runs)
    (runs / STORE).write_bytes(content)
    assert read(runs)[0].equals(expected)
    assert pl.read_parquet(runs / STORE).equals(expected)


def test_a_store_of_another_form_is_made_again(runs: Path) -> None:
    make_run(runs)
    expected, _ = read(runs)
    expected.drop("macs").write_parquet(runs / STORE)
    assert read(runs)[0].equals(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("spec"), "not a run"),
        (lambda values: values["scores"]["test"].pop("auc"), "not a run"),
        (lambda values: values["scores"]["test"]["auc"].update(value="high"), "could not convert"),
        (lambda values: values.update(wall_s=None), "float"),
        (lambda values: values.update(selection=[]), "indices"),
        (lambda values: values["result_files"].update(test="../../x.csv"), "no file of its folder"),
        (lambda values: values["cost"].update(parameters="many"), "many"),
    ],
)
def test_a_damaged_record_is_named_and_the_others_are_read(
    runs: Path, change: object, message: str
) -> None:
    good, bad = make_run(runs), make_run(runs, seed=1)
    path = bad.folder / "run.json"
    values = json.loads(path.read_text())
    change(values)  # type: ignore[operator]
    path.write_text(json.dumps(values))
    for _ in range(2):
        table, (issue,) = read(runs)
        assert set(table["run"]) == {good.spec.name}
        assert issue.startswith(f"{bad.spec.name}: ")
        assert message in issue


def test_a_home_that_cannot_be_written_is_read_all_the_same(runs: Path) -> None:
    make_run(runs)
    (runs / STORE).mkdir()
    table, issues = read(runs)
    assert len(table) == 2
    assert issues == []
