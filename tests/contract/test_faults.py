"""The contract notices what goes wrong in readers: a right toy reader, then one fault at a time."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from medshelf.core.assembly import assemble, missing_files
from medshelf.core.columns import with_legend
from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from tests.contract import checks
from tests.contract.cases import Case, make_case
from tests.contract.making import medium, named_values, text, volume

Row = dict[str, Any]
_HEIGHT = 100
_TABLE = """\
scan,patient,part,finding,age,x,y,width,height
b,p2,train,malignant,61,10,20,30,5
a,p1,train,benign,40,1,2,3,4
d,p2,test,benign,62,50,60,7,8
c,p3,validation,malignant,,11,12,13,14
"""
_SPLITS = {"train": "train", "validation": "val", "test": "test"}
_GREYS = {"a": {"T1": 1, "T2": 2}, "b": {"T1": 3, "T2": 4}, "d": {"T1": 5, "T2": 6}}


def _make(root: Path) -> None:
    text(root / "table.csv", _TABLE)
    for sample, values in _GREYS.items():
        volume(root / f"scans/{sample}.nii.gz", *values.values())


def _expected(sample: str, patient: str, split: str, label: str, *facts: Any) -> Row:
    age, *points = facts
    path = f"scans/{sample}.nii.gz"
    media = [
        medium(name, "image", path, index=n, format="nii.gz") for n, name in enumerate(("T1", "T2"))
    ]
    box = {"kind": "box", "label": "lesion", "points": points, "unit": "pixel", "media": "T1"}
    return {
        "sample_id": sample,
        "patient_id": patient,
        "split": split,
        "label": label,
        "media": media if sample in _GREYS else None,
        "shapes": [box],
        "labels": [{"task": "grade", "name": "grade", "value": 1.0}],
        "age_years": age,
        "extra": named_values({"part": next(k for k, v in _SPLITS.items() if v == split)}),
    }


_FIXTURE = SimpleNamespace(
    __name__="toy",
    READER="toy",
    SOURCE="none: a toy",
    META=Meta(
        "toy", "Toy", tasks=(Task("classification", TaskKind.BINARY, ("benign", "malignant")),)
    ),
    GREYS=_GREYS,
    LEGEND="0=background; 1=lesion",
    ISSUES=["file-missing", "patient-leakage"],
    EXPECTED=[
        _expected("a", "p1", "train", "benign", 40.0, 1.0, 2.0, 4.0, 6.0),
        _expected("b", "p2", "train", "malignant", 61.0, 10.0, 20.0, 40.0, 25.0),
        _expected("c", "p3", "val", "malignant", None, 11.0, 12.0, 24.0, 26.0),
        _expected("d", "p2", "test", "benign", 62.0, 50.0, 60.0, 57.0, 68.0),
    ],
)


class _Reader:
    """A right reader in steps; a fault replaces one of them."""

    legend = "lesion"

    def files(self, root: Path, rows: list[Row]) -> dict[str, str | None]:
        there = {f"scans/{each['scan']}.nii.gz": each["scan"] for each in rows}
        found = {scan: path for path, scan in there.items() if (root / path).is_file()}
        return {each["scan"]: found.get(each["scan"]) for each in rows}

    def rows(self, root: Path) -> list[Row]:
        with (root / "table.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def label(self, row: Row, _rows: list[Row]) -> str:
        return str(row["finding"])

    def split(self, row: Row) -> str:
        return _SPLITS[row["part"]]

    def patient(self, row: Row) -> str:
        return str(row["patient"])

    def points(self, x: float, y: float, width: float, height: float) -> list[float]:
        return [x, y, x + width, y + height]

    def media(self, paths: list[str | None]) -> list[list[Row] | None]:
        return [
            path
            and [
                {"name": name, "role": "image", "path": path, "index": n, "format": "nii.gz"}
                for n, name in enumerate(("T1", "T2"))
            ]
            for path in paths
        ]

    def issues(self, absent: list[str]) -> tuple[Any, ...]:
        return missing_files(pl.Series(absent, dtype=pl.String), "table.csv")

    def finish(self, made: list[Row]) -> list[Row]:
        return made

    def read(self, root: Path, meta: Meta) -> Manifest:
        rows = self.rows(root)
        files = self.files(root, rows)
        media = self.media([files[each["scan"]] for each in rows])
        made = []
        for row, images in zip(rows, media, strict=True):
            numbers = [float(row[name]) for name in ("x", "y", "width", "height")]
            box = {"kind": "box", "label": "lesion", "unit": "pixel", "media": "T1"}
            made.append(
                {
                    "sample_id": row["scan"],
                    "patient_id": self.patient(row),
                    "split": self.split(row),
                    "label": self.label(row, rows),
                    "media": images,
                    "shapes": [{**box, "points": self.points(*numbers)}],
                    "labels": [{"task": "grade", "name": "grade", "value": 1.0}],
                    "age_years": float(row["age"]) if row["age"] else None,
                    "extra": [{"name": "part", "value": row["part"]}],
                }
            )
        absent = [scan for scan, path in files.items() if path is None]
        made = self.finish(made)
        types = {name: SCHEMA[name] for name in made[0] if name != "split"}
        frame = pl.DataFrame(made, schema_overrides=types)
        meta = with_legend(meta, {"0": "background", "1": self.legend})
        return assemble(frame, meta, root, self.issues(absent))


class _SwappedLabels(_Reader):
    def label(self, row: Row, rows: list[Row]) -> str:
        return str(rows[rows.index(row) - 1]["finding"])


class _SwappedPixels(_Reader):
    def files(self, root: Path, rows: list[Row]) -> dict[str, str | None]:
        right = super().files(root, rows)
        return {**right, "a": right["b"], "b": right["a"]}


class _SwappedChannels(_Reader):
    def media(self, paths: list[str | None]) -> list[list[Row] | None]:
        right = super().media(paths)
        return [m and [{**each, "index": 1 - each["index"]} for each in m] for m in right]


class _UnsortedListing(_Reader):
    def files(self, root: Path, rows: list[Row]) -> dict[str, str | None]:
        with os.scandir(root / "scans") as entries:
            names = [f"scans/{each.name}" for each in entries]
        there = sorted(each["scan"] for each in rows if each["scan"] in _GREYS)
        return {**dict.fromkeys("abcd"), **dict(zip(there, names, strict=True))}


class _LateBinding(_Reader):
    def media(self, paths: list[str | None]) -> list[list[Row] | None]:
        image = {"role": "image", "format": "nii.gz"}
        lazy = []
        for path in filter(None, paths):
            lazy.append(lambda n, name: {**image, "name": name, "path": path, "index": n})  # noqa: B023, PERF401 - the fault
        made = iter([[one(0, "T1"), one(1, "T2")] for one in lazy])
        return [None if path is None else next(made) for path in paths]


class _WrongSplit(_Reader):
    def split(self, row: Row) -> str:
        return "test" if row["part"] == "validation" else str(row["part"])


class _WrongPatient(_Reader):
    def patient(self, row: Row) -> str:
        return str(row["scan"])


class _DroppedColumn(_Reader):
    def finish(self, made: list[Row]) -> list[Row]:
        return [{k: v for k, v in each.items() if k != "age_years"} for each in made]


class _DroppedSample(_Reader):
    def finish(self, made: list[Row]) -> list[Row]:
        return [each for each in made if each["media"]]


class _OffByOneBox(_Reader):
    def points(self, x: float, y: float, width: float, height: float) -> list[float]:
        return [x, y, x + width - 1, y + height - 1]


class _FlippedAxis(_Reader):
    def points(self, x: float, y: float, width: float, height: float) -> list[float]:
        return [x, _HEIGHT - y - height, x + width, _HEIGHT - y]


class _SwappedAxes(_Reader):
    def points(self, x: float, y: float, width: float, height: float) -> list[float]:
        return [y, x, y + height, x + width]


class _SilentAboutFiles(_Reader):
    def issues(self, _absent: list[str]) -> tuple[Any, ...]:
        return ()


class _WrongLegend(_Reader):
    legend = "background"


class _PathOfThisMachine(_Reader):
    def files(self, root: Path, rows: list[Row]) -> dict[str, str | None]:
        return {k: v and str(root / v) for k, v in super().files(root, rows).items()}


_FAULTS: dict[type[_Reader], set[str]] = {
    _SwappedLabels: {"values"},
    _SwappedPixels: {"values", "pixels"},
    _SwappedChannels: {"values", "pixels"},
    _UnsortedListing: {"values", "pixels"},
    _LateBinding: {"values", "pixels"},
    _WrongSplit: {"values"},
    _WrongPatient: {"values", "issues"},
    _DroppedColumn: {"values"},
    _DroppedSample: {"values"},
    _OffByOneBox: {"values"},
    _FlippedAxis: {"values"},
    _SwappedAxes: {"values"},
    _SilentAboutFiles: {"issues"},
    _WrongLegend: {"legend"},
    _PathOfThisMachine: {"values", "pixels"},
}


def _case(reader: Callable[..., Manifest]) -> Case:
    return Case("toy", _FIXTURE, reader, _FIXTURE.META)


def _caught(case: Case, root: Path) -> set[str]:
    """Return the names of the checks that fail."""
    manifest, failed = case.read(root), set()
    for check in checks.ALL:
        try:
            check(manifest, case)
        except AssertionError:
            failed.add(check.__name__)
    return failed


def test_a_right_reader_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path)
    assert _caught(_case(_Reader().read), tmp_path) == set()
    monkeypatch.setattr(os, "scandir", checks.Backwards)
    assert _caught(_case(_Reader().read), tmp_path) == set()


@pytest.mark.parametrize("fault", _FAULTS, ids=lambda each: each.__name__)
def test_a_fault_is_caught(
    fault: type[_Reader], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path)
    monkeypatch.setattr(os, "scandir", checks.Backwards)
    assert _caught(_case(fault().read), tmp_path) == _FAULTS[fault]


def test_a_fixture_without_reader_fails_only_when_read(tmp_path: Path) -> None:
    case = make_case(SimpleNamespace(__name__="later", RECORD="set-of-nobody", EXPECTED=[]))
    with pytest.raises(AssertionError, match="names no reader for set-of-nobody"):
        case.read(tmp_path)
