"""The page about the benchmark says what the protocols and the command line say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from medshelf.benchmark.protocol import find_protocol, protocol_ids
from medshelf.benchmark.specs import RunSpec
from medshelf.benchmark.wording import fit_text, protocol_facts
from medshelf.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "benchmark.md"


def row(name: str) -> list[str]:
    protocol = find_protocol(name)
    few, chosen = protocol.few_shot, protocol.selection
    return [
        f"`{name}`",
        f"{protocol.data.dimensions}D",
        f"{protocol.data.size} px",
        f"{few.per_class} per class" if few else "all",
        fit_text(protocol),
        f"{chosen.metric.upper()} on {chosen.split}",
    ]


def test_the_table_of_protocols_is_that_of_the_files() -> None:
    lines = re.findall(r"^\| (`.*px .*) \|$", PAGE.read_text("utf-8"), re.M)
    assert [line.split(" | ") for line in lines] == [row(each) for each in protocol_ids()]


def test_the_commands_and_options_exist() -> None:
    text = PAGE.read_text("utf-8")
    group = typer.main.get_command(app)
    known = {
        opt
        for each in group.commands["benchmark"].params
        for opt in each.opts  # type: ignore[attr-defined]
    }
    assert set(re.findall(r"--[a-z][a-z-]+", text)) <= known


def test_names_are_as_the_page_says() -> None:
    spec = RunSpec(
        *("breastmnist", "64", {"a.npz": "md5:0123456789"}, True, False, "p", 100, 5, "m", 3),
        precision="bfloat16",
        deterministic=True,
        weights="sha256:abcdef0123",
        tested_on="pneumoniamnist",
        compiled=True,
        new_head=True,
    )
    parts = spec.name.split("_")
    assert parts[:4] == ["breastmnist", "64", "p", "m"]
    assert parts[-1] == "seed3"
    text = PAGE.read_text("utf-8")
    for each in ("5epochs", "bfloat16", "deterministic", "compiled", "new-head"):
        assert each in parts
        assert f"`{each}`" in text
    assert {"weights-abcdef01", "on-pneumoniamnist", "modified-01234567"} <= set(parts)


def test_the_python_runs(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition("_")[0] for line in done.stdout.splitlines()] == [
        "phantom-grey-binary"
    ] * 2


def test_protocols_are_listed_and_told_in_words() -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["protocols"]).stdout
    assert all(each in listed for each in protocol_ids())
    told = runner.invoke(app, ["protocols", "medmnist3d-28"]).stdout
    for said in ("batches of 32", "0.5 in evaluation", "highest AUC on val", "0.996", "(quoted)"):
        assert said in told
    assert "No published numbers" in runner.invoke(app, ["protocols", "few-shot-5"]).stdout


@pytest.mark.parametrize("name", protocol_ids())
def test_no_field_of_a_protocol_is_left_unsaid(name: str) -> None:
    protocol = find_protocol(name)
    told = " ".join(text for _, text in protocol_facts(protocol))
    data = protocol.data
    for value in (protocol.source, f"{data.size} px", f"minus {data.mean:g}", f"by {data.std:g}"):
        assert value in told
    assert (protocol.test_on == "other") == ("another dataset" in told)
    if data.resize is not None:
        assert f"to {data.resize.edge} px, {data.resize.method}" in told
    numbers = {
        number
        for value in protocol.fit.model_dump().values()
        for number in (value if isinstance(value, tuple) else (value,))
        if isinstance(number, int | float)
    }
    assert all(f"{number:g}" in told for number in numbers)
