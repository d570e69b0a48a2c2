"""The leaderboard as a static site and on the command line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import medshelf
from medshelf.api import leaderboards
from medshelf.benchmark.leaderboard.entries import all_quoted
from medshelf.cli import app
from medshelf.core.errors import ReportError
from medshelf.core.settings import Settings
from medshelf.report.page import Link, Page
from tests.benchmark.run_files import SET, make_run, make_scores

CHROMIUM = shutil.which("chromium")


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    runs = Settings.from_environment().runs_folder
    for seed in range(2):
        make_run(runs, seed=seed)
    choices = [{"neighbours": 5, "auc": 0.7}, {"neighbours": 11, "auc": 0.8}]
    made = {"split": "val", "metric": "auc", "neighbours": 11, "value": 0.8}
    make_run(runs, "resnet50", history=choices, selection=made, notes=["<b>odd</b>"])
    damaged = make_run(runs, seed=9).folder / "run.json"
    damaged.write_text("{}")
    leaderboards.write_site(tmp_path / "site")
    return tmp_path / "site"


def test_the_site_has_a_page_per_dataset_and_fetches_nothing(site: Path) -> None:
    datasets = {each.dataset for each in all_quoted()} | {SET}
    expected = {"index.html", "sorting.js"} | {f"{each}.html" for each in datasets}
    assert {path.name for path in sorted(site.iterdir())} == expected
    for path in sorted(site.glob("*.html")):
        reader = Reader(path.read_text("utf-8"))
        assert reader.all("script") == [{"src": "sorting.js", "defer": None}]
        assert not any(name.startswith("on") for _, found in reader.tags for name in found)
        (policy,) = [each["content"] for each in reader.all("meta") if "http-equiv" in each]
        assert policy is not None
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        for link in reader.all("a"):
            target = str(link["href"])
            assert target.startswith(("https://doi.org/", "#")) or (site / target).is_file()
    assert not re.search(r"fetch|XMLHttp|innerHTML|eval|https?:", (site / "sorting.js").read_text())


def test_a_page_shows_curves_caveats_origin_and_what_is_missing(site: Path) -> None:
    page = (site / f"{SET}.html").read_text("utf-8")
    assert page.count("Learning curves") == 2
    assert "seed 0" in page
    assert "seed 1" in page
    assert "&lt;b&gt;odd&lt;/b&gt;" in page
    assert "python 3.11, torch 2.9" in page
    assert "device cpu, cores 2" in page
    assert "synthetic data" in page
    index = (site / "index.html").read_text("utf-8")
    assert "_seed9:" in index
    assert "not a run" in index
    quoted_only = (site / "pathmnist.html").read_text("utf-8")
    assert "Learning curves" not in quoted_only


def test_the_site_in_chinese(tmp_path: Path) -> None:
    index = leaderboards.write_site(tmp_path, language="zh").read_text("utf-8")
    assert '<html lang="zh">' in index
    assert "排行榜" in index
    assert "PathMNIST AUC" in index


def test_sentences_kinds_and_remarks_in_chinese(tmp_path: Path) -> None:
    notes = [
        "fitted on pixels, not trained over epochs",
        "L-BFGS had not converged after 100 iterations",
        "<b>odd</b>",
    ]
    for seed in range(2):
        make_run(Settings.from_environment().runs_folder, seed=seed, notes=notes)
    leaderboards.write_site(tmp_path, language="zh")
    told = (tmp_path / f"{SET}.html").read_text("utf-8").partition("<body")[2]
    remarks = "不分轮次训练, L-BFGS 迭代 100 次后仍未收敛, &lt;b&gt;odd&lt;/b&gt;"
    assert remarks in told
    for english in ("Quoted numbers", "Over seeds", "Rank:", "measured", "seed 1", "Test split"):
        assert english not in told, english
    quoted = (tmp_path / "breastmnist.html").read_text("utf-8").partition("<body")[2]
    assert "已发表" in quoted
    assert "published" not in quoted


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_click_sorts_and_empty_cells_stay_last(tmp_path: Path) -> None:
    cells = {"a": "0.9 ± 0.1", "b": "", "c": "1,200", "d": "< 0.001"}
    rows = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in cells.items())
    table = f"<table><thead><tr><th>x</th><th class=number>y</th></tr></thead>{rows}</table>"
    source = Path(str(leaderboards.__file__)).parent.parent / "benchmark/leaderboard/sorting.js"
    clicks = "const b = document.querySelectorAll('button'); const out = [];\n"
    for place in (1, 1, 0, 0):
        clicks += f"b[{place}].click(); out.push([...document.querySelectorAll('tbody th')]"
        clicks += (
            ".map(e => e.textContent).join('') + b[" + str(place) + "].parentNode.ariaSort);\n"
        )
    clicks += "document.title = out.join(' ');"
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset=utf-8>{table}<script>{source.read_text()}{clicks}</script>")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    done = subprocess.run(
        [*command, f"--user-data-dir={tmp_path}/profile", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (title,) = re.findall("<title>(.*)</title>", done.stdout)
    assert title == "cadbdescending dacbascending abcdascending dcbadescending"


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["leaderboard", *arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_the_command_shows_all_views(tmp_path: Path) -> None:
    make_run(Settings.from_environment().runs_folder)
    assert "ResNet-18 (28)" in run(SET)
    assert run(SET) == run("show", SET)
    rows = json.loads(run(SET, "--json"))
    assert [row["kind"] for row in rows] == ["measured", "floor"]
    assert SET in run("--method", "ResNet-18 (28)")
    whole = run("--table", "3d")
    assert "0.996 / 0.907" in whole
    assert "not measured" in run("--compare", "published", "breastmnist")
    compared = json.loads(run("--compare", "replication", "--json"))
    assert {row["n_seeds"] for row in compared} == {0}
    assert len(compared) == 13
    paths = {form: tmp_path / f"t.{form}" for form in ("markdown", "html", "latex", "csv")}
    run("--table", "2d", *(part for form, at in paths.items() for part in (f"--{form}", str(at))))
    assert pl.read_csv(paths["csv"]).height == 12 * 7 + 13
    assert r"\begin{tabular}" in paths["latex"].read_text()
    assert "| Method |" in paths["markdown"].read_text()
    assert "<table>" in paths["html"].read_text()
    assert Path(run("--site", str(tmp_path / "site")).strip()).name == "index.html"


@pytest.mark.parametrize(
    "arguments", [("breastmnist", "--table", "2d"), ("--method", "x", "--site", "y"), ("--json",)]
)
def test_a_choice_must_be_made(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["leaderboard", *arguments])
    assert done.exit_code == 2


def test_add_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / f"{SET}_test@mine.csv"
    targets = medshelf.load(SET, "test").targets
    table = pl.DataFrame(make_scores(targets, 2, 1.5, 0)).with_row_index()
    table.write_csv(path, include_header=False)
    out = run("add", str(path), "--selected-on", "val", "--seconds", "3", "--note", "x")
    assert out.startswith(f"{SET}: mine  AUC 0.")
    assert "measured (entered)" in run(SET)


def test_pages_link_to_pages_beside_them_alone() -> None:
    assert Link("x", "breastmnist.html").url
    for url in ("../x.html", "/x.html", "javascript:x.html", "x.html\n", "a/b.html", "data:x.js"):
        with pytest.raises(ReportError):
            Link("x", url)
        with pytest.raises(ReportError):
            Page("x", script=url)
    assert "script" not in Page("x").html()
