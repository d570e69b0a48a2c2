"""The leaderboard: quoted, measured and entered results, their tables and their ranks."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from markdown_it import MarkdownIt

import medshelf
from medshelf.api import leaderboards
from medshelf.benchmark.entered import Claim
from medshelf.benchmark.leaderboard import Entry, quoted
from medshelf.benchmark.leaderboard.comparison import compare_quoted
from medshelf.benchmark.leaderboard.entries import all_quoted
from medshelf.benchmark.leaderboard.tables import narrow_tables, paper_datasets, paper_table
from medshelf.benchmark.leaderboard.writing import View, latex_text, write_view
from medshelf.benchmark.protocol import find_protocol
from medshelf.core.errors import FormatError, MetricError, RunError, SettingError, UnknownNameError
from medshelf.core.settings import Settings
from medshelf.report.page import Table
from tests.benchmark.run_files import SET, make_run, make_scores


@pytest.fixture
def runs() -> Path:
    return Settings.from_environment().runs_folder


def entry(**changed: object) -> Entry:
    (first, *_) = (each for each in quoted("breastmnist") if (each.method, each.kind) == PUBLISHED)
    return replace(first, kind="measured", n_seeds=3, **changed)  # type: ignore[arg-type]


PUBLISHED = ("ResNet-18 (28)", "published")


def test_quoted_numbers_name_protocol_selection_and_source() -> None:
    assert len(all_quoted()) == 145
    for each in all_quoted():
        assert each.is_quoted
        assert "(quoted)" in each.kind_text
        assert 0 < each.acc < 1
        assert 0 < each.auc < 1
        assert each.source
        if not each.method.startswith("ResNet"):
            assert each.protocol is None
            continue
        assert each.protocol is not None
        protocol = find_protocol(each.protocol)
        assert each.method.endswith(protocol.method_suffix)
        assert protocol.data.dimensions == (3 if each.dataset.endswith("3d") else 2)
        if each.kind == "published":
            assert protocol.selection.split == each.selection_split
    by_method = {each.method: each.protocol for each in all_quoted()}
    assert by_method["ResNet-18 (224)"] == "medmnist-224-upsampled"
    assert by_method["ResNet-50 + ACS"] == "medmnist3d-28"
    assert {each.method for each in all_quoted() if each.protocol is None} == {
        "auto-sklearn",
        "AutoKeras",
        "Google AutoML Vision",
    }
    assert [len(paper_datasets(each)) for each in ("2d", "3d")] == [12, 6]


def test_seeds_are_averaged_and_both_intervals_named(runs: Path) -> None:
    made = [make_run(runs, seed=seed) for seed in range(3)]
    (found, floor) = medshelf.leaderboard(SET)
    aucs = [each.scores["test"].auc.value for each in made]
    assert found.auc == pytest.approx(np.mean(aucs))
    assert found.auc_sd == pytest.approx(np.std(aucs, ddof=1))
    assert (found.n_seeds, found.seconds, found.macs) == (3, 61, 457_000_000)
    assert found.auc_over_seeds == pytest.approx(
        (found.auc - 4.302653 * found.auc_sd / 3**0.5, found.auc + 4.302653 * found.auc_sd / 3**0.5)
    )
    assert found.auc_over_samples is not None
    assert found.auc_over_samples[0] < found.auc < found.auc_over_samples[1]
    assert found.auc_standing is None
    assert (floor.kind, floor.auc, floor.dataset) == ("floor", 0.5, SET)


def test_one_seed_keeps_the_interval_of_its_run_and_has_none_over_seeds(runs: Path) -> None:
    made = make_run(runs)
    found = medshelf.leaderboard(SET)[0]
    recorded = made.scores["test"].auc
    assert found.auc_over_samples == pytest.approx((recorded.low, recorded.high), abs=1e-6)
    assert (found.auc_sd, found.auc_over_seeds) == (None, None)


def test_methods_are_ranked_on_the_same_samples_only(runs: Path) -> None:
    make_run(runs, "resnet18", skill=2)
    make_run(runs, "resnet50", skill=0.1)
    make_run(runs, "resnet18", skill=2, precision="bfloat16")
    make_run(runs, "resnet50", skill=3, modified=True)
    made = {"split": "test", "metric": "auc", "epoch": 2, "value": 0.9}
    make_run(runs, "resnet50", skill=4, precision="bfloat16", selection=made)
    found = {each.source: each for each in medshelf.leaderboard(SET)}
    ranks = {
        name.removeprefix(f"{SET}_medmnist-28_"): str(each.auc_standing)
        for name, each in found.items()
    }
    assert ranks.pop("resnet50_modified-" + next(iter(ranks_of(found)))) == "None"
    assert ranks == {
        "resnet50_bfloat16": "None",
        "resnet18_bfloat16": "1-2",
        "resnet18": "1-2",
        "resnet50": "3",
        "": "None",
    }
    assert "selected on test" in found[f"{SET}_medmnist-28_resnet50_bfloat16"].note
    worst = found[f"{SET}_medmnist-28_resnet50"].auc_standing
    assert worst is not None
    assert worst.n_methods == 3
    assert worst.p < 0.001
    assert worst.interval[0] < worst.difference < worst.interval[1] < 0


def ranks_of(found: dict[str, Entry]) -> list[str]:
    return [name.rpartition("modified-")[2] for name in found if "modified-" in name]


def test_a_result_file_that_does_not_give_its_auc_is_not_ranked(
    runs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = [make_run(runs, "resnet18", skill=2), make_run(runs, "resnet50", skill=0.1)]
    path = made[1].folder / made[1].result_files["test"]
    shuffled = pl.read_csv(path, has_header=False, glob=False)
    shuffled.with_columns(pl.nth(2).reverse()).write_csv(path, include_header=False)
    found = medshelf.leaderboard(SET)
    assert {each.auc_standing for each in found} == {None}
    assert len(found) == 3
    assert "with the labels at hand" in caplog.text
    path.unlink()
    assert len(medshelf.leaderboard(SET)) == 3
    assert "not a table of numbers" in caplog.text


def test_without_labels_there_are_no_ranks_and_the_reason_is_told(
    runs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = make_run(runs)
    text = (made.folder / "run.json").read_text().replace(SET, "breastmnist")
    (made.folder / "run.json").write_text(text)
    with caplog.at_level("INFO"):
        found = medshelf.leaderboard("breastmnist")
    assert "Without floor and ranks" in caplog.text
    assert [each.kind for each in found].count("measured") == 1
    assert "floor" not in {each.kind for each in found}


def test_one_method_on_all_datasets(runs: Path) -> None:
    make_run(runs)
    found = leaderboards.method_leaderboard("ResNet-18 (28)")
    assert [each.dataset for each in found[:2]] == ["pathmnist", "pathmnist"]
    assert found[-1].dataset == SET
    assert len(found) == 12 + 12 + 1
    with pytest.raises(UnknownNameError, match=r"(?s)Unknown method 'ResNet-19 \(28\)'.*ResNet-18"):
        leaderboards.method_leaderboard("ResNet-19 (28)")


def test_the_whole_table_has_the_publications_layout() -> None:
    titles = {each: each for each in paper_datasets("3d")}
    mine = entry(dataset="organmnist3d", method="ResNet-18 + 3D", auc=0.99, auc_sd=0.001)
    again = replace(mine, source="another group", auc=0.98)
    table = paper_table([*all_quoted(), mine, again], titles)
    assert list(table.header[:4]) == ["Method", "Kind", "organmnist3d AUC", "organmnist3d ACC"]
    rows = [list(map(str, row)) for row in table.rows]
    assert [row[0] for row in rows] == [
        "ResNet-18 + 2.5D",
        *["ResNet-18 + 3D"] * 3,
        *("ResNet-18 + ACS", "ResNet-50 + 2.5D", "ResNet-50 + 3D", "ResNet-50 + ACS"),
        *("auto-sklearn", "AutoKeras"),
    ]
    assert rows[1][1:6] == ["published (quoted)", "0.996", "0.907", "0.863", "0.844"]
    assert rows[2][1:6] == ["measured", "0.990 ± 0.001", "0.863", "", ""]
    assert rows[3][2] == "0.980 ± 0.001"
    parts = narrow_tables(table, 4)
    assert [len(part.header) for part in parts] == [10, 6]
    assert [len(part.rows) for part in parts] == [10, 8]


@pytest.mark.parametrize(
    ("auc", "acc", "inside"),
    [(0.881, 0.833, (True, True)), (0.8809, 0.893, (False, True)), (0.921, 0.8329, (True, False))],
)
def test_comparison_with_the_tolerance(auc: float, acc: float, inside: tuple[bool, bool]) -> None:
    compared = compare_quoted([entry(auc=auc, acc=acc)], "published", "breastmnist")
    assert len(compared) == 7
    (found,) = [each for each in compared if each.auc is not None]
    assert (found.method, found.n_seeds) == ("ResNet-18 (28)", 3)
    assert found.auc_difference == pytest.approx(auc - 0.901)
    assert (found.auc_inside, found.acc_inside) == inside
    for other in compared:
        if other is not found:
            assert (other.note, other.n_seeds, other.acc_inside) == ("not measured", 0, None)
    (replicated,) = compare_quoted([entry(protocol="other")], "replication", "breastmnist")
    assert replicated.note == "not measured"


def view(tmp_path: Path, suffix: str, runs: Path) -> str:
    make_run(runs, notes=["50 % & _more_ | {x} $1 <b> ~ \\ ^"])
    path = tmp_path / f"board{suffix}"
    return leaderboards.write_leaderboard(SET, medshelf.leaderboard(SET), path).read_text("utf-8")


def test_markdown_is_read_as_it_was_meant(tmp_path: Path, runs: Path) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(view(tmp_path, ".md", runs))
    cells = [
        "".join(child.content for child in each.children or [] if child.type == "text")
        for each in tokens
        if each.type == "inline"
    ]
    assert sum(each.type == "table_open" for each in tokens) == 3
    assert any("50 % & _more_ | {x} $1 <b> ~ \\ ^" in each for each in cells)
    assert "" in cells


def test_latex_is_balanced_and_rectangular(tmp_path: Path, runs: Path) -> None:
    text = view(tmp_path, ".tex", runs)
    check_latex(text)
    assert r"50 \% \& \_more\_ | \{x\} \$1" in text
    entries = leaderboards.table_leaderboard("2d")
    path = tmp_path / "table.tex"
    write_view(leaderboards.table_view("2d", entries), path)
    check_latex(path.read_text("utf-8"))
    assert r"\multicolumn{2}{c}{PathMNIST}" in path.read_text("utf-8")
    assert latex_text("0.9 ± 0.1") == r"0.9 $\pm$ 0.1"


def check_latex(text: str) -> None:
    """Check environments, braces, dollars and the number of cells in each row."""
    bare = re.sub(r"\\[\\{}$&%#_]", lambda each: "\\\\" if each[0] == "\\\\" else "", text)
    depth = 0
    for each in bare:
        depth += (each == "{") - (each == "}")
        assert depth >= 0
    assert depth == 0
    assert bare.count("$") % 2 == 0
    tables = re.findall(r"\\begin\{tabular\}\{([lr]+)\}(.*?)\\end\{tabular\}", bare, re.DOTALL)
    assert len(tables) == bare.count(r"\begin{") == bare.count(r"\end{") > 0
    for form, body in tables:
        for line in body.splitlines():
            if line.endswith(r"\\"):
                wide = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
                assert line.count("&") + 1 + wide == len(form)


def test_csv_is_read_back_with_empty_cells(tmp_path: Path, runs: Path) -> None:
    make_run(runs)
    view(tmp_path, ".csv", runs)
    found = pl.read_csv(tmp_path / "board.csv")
    expected = medshelf.leaderboard(SET)
    assert found["auc"].to_list() == pytest.approx([each.auc for each in expected])
    assert found["auc_sd"].null_count() == 2
    assert found["auc_over_samples_low"][0] == pytest.approx(expected[0].auc_over_samples[0])  # type: ignore[index]
    with pytest.raises(SettingError, match=r"(?s)'board.doc'.*\.md, \.tex, \.csv, \.html"):
        write_view(View("x", [Table((), [])], [], []), tmp_path / "board.doc")


@pytest.fixture
def result(tmp_path: Path) -> Path:
    path = tmp_path / f"{SET}_test_[AUC]0.900_[ACC]0.900@mine.csv"
    targets = medshelf.load(SET, "test").targets
    table = pl.DataFrame(make_scores(targets, 2, 1.5, 0)).with_row_index()
    table.reverse().write_csv(path, include_header=False)
    return path


def test_a_result_file_is_scored_copied_and_entered_once(result: Path, runs: Path) -> None:
    make_run(runs, skill=0.1)
    expected = medshelf.evaluate(result).scores
    done = leaderboards.enter(result, Claim("Mine", "val", 12.5, "ensemble of 5"))
    assert asdict(done.scores) == asdict(expected)
    assert done.folder.parent == runs.parent / "results"
    copied = done.folder / str(done.name)
    assert medshelf.evaluate(copied).name_agrees
    first, second, _ = medshelf.leaderboard(SET)
    assert (first.method, first.kind_text) == ("Mine", "measured (entered)")
    assert (first.seconds, first.selection_split, first.n_seeds) == (12.5, "val", 1)
    assert first.note.endswith("ensemble of 5")
    assert (first.protocol, first.auc) == (None, expected.auc.value)
    assert [str(each.auc_standing) for each in (first, second)] == ["1", "2"]
    renamed = result.with_name(f"{SET}_test@other.csv")
    renamed.write_text("\n".join(reversed(result.read_text().splitlines())))
    with pytest.raises(RunError, match=r"entered before, as 'Mine'"):
        leaderboards.enter(renamed, Claim("Other"))
    assert len(medshelf.leaderboard(SET)) == 3


def test_what_cannot_be_entered(result: Path) -> None:
    def content(change: object) -> Path:
        lines = change(result.read_text().splitlines())  # type: ignore[operator]
        path = result.with_name(f"{SET}_test@changed.csv")
        path.write_text("\n".join(lines))
        return path

    cases = [
        (lambda lines: lines[1:], FormatError, "299 samples, test has 300"),
        (lambda lines: lines[:-1], FormatError, "sample 0 is missing"),
        (lambda lines: ["0,no lesion,0.1", *lines[1:]], FormatError, "not a table of numbers"),
        (lambda lines: ["299,nan,0.1", *lines[1:]], MetricError, "not finite"),
        (lambda lines: [f"{each},0.1" for each in lines], MetricError, "shape"),
        (lambda lines: [each.split(",")[0] for each in lines], FormatError, "no score columns"),
        (lambda lines: [lines[0].rpartition(",")[0], *lines[1:]], FormatError, "fewer values"),
        (lambda _: [], FormatError, "not a table"),
    ]
    for change, error, message in cases:
        with pytest.raises(error, match=message):
            leaderboards.enter(content(change))
    val = result.with_name(f"{SET}_val@x.csv")
    n_val = len(medshelf.load(SET, "val").targets)
    val.write_text("\n".join(f"{i},0.5,0.{i % 9}" for i in range(n_val)))
    with pytest.raises(RunError, match="split 'val'"):
        leaderboards.enter(val)
    with pytest.raises(RunError, match=r"(?s)no name.*--method"):
        leaderboards.enter(result.rename(result.with_name(f"{SET}_test.csv")))
    with pytest.raises(SettingError, match="'holdout'"):
        Claim(selected_on="holdout")
    with pytest.raises(SettingError, match="no time"):
        Claim(seconds=float("nan"))


def test_a_damaged_entry_is_named(
    result: Path, caplog: pytest.LogCaptureFixture, runs: Path
) -> None:
    done = leaderboards.enter(result)
    path = done.folder / "entered.json"
    values = json.loads(path.read_text())
    del values["scores"]
    path.write_text(json.dumps(values))
    assert [each.kind for each in medshelf.leaderboard(SET)] == ["floor"]
    assert f"{done.folder.name}: Cannot read {path}: no entered result" in caplog.text
    assert runs.parent == done.folder.parent.parent
