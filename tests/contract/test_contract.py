"""Every reader on every fixture: the whole manifest, its pixels, its refusals."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from medshelf.core.errors import FormatError, LayoutError
from medshelf.formats.tree import IMAGE_SUFFIXES
from tests.contract import checks
from tests.contract.cases import Case, all_cases

CASES = all_cases()
every = pytest.mark.parametrize("case", CASES, ids=lambda each: each.name)


def _files(*kinds: str) -> pytest.MarkDecorator:
    pairs = [(c, f) for c in CASES for kind in kinds for f in getattr(c.module, kind, ())]
    return pytest.mark.parametrize(
        ("case", "file"), pairs, ids=lambda each: each if isinstance(each, str) else each.name
    )


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw"


@every
def test_manifest_is_as_expected(case: Case, raw: Path) -> None:
    case.make(raw)
    manifest = case.read(raw)
    for check in checks.ALL:
        check(manifest, case)


@every
def test_fixture_can_tell_samples_apart(case: Case) -> None:
    greys = [
        str(each) if not isinstance(each, dict) else str(sorted(each.items()))
        for each in case.GREYS.values()
    ]
    assert len(set(greys)) == len(greys)
    assert set(case.GREYS) <= {each["sample_id"] for each in case.EXPECTED}
    assert case.SOURCE
    assert ("patient-leakage" in case.ISSUES) == checks.is_leaky(case)


@every
def test_fixture_makes_what_it_expects(case: Case, raw: Path) -> None:
    case.make(raw)
    expected = case.expected_manifest(raw)
    checks.ids(expected, case)
    checks.values(expected, case)
    checks.pixels(expected, case)


@every
def test_same_from_a_copy_listed_in_another_order(
    case: Case, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.make(raw)
    first = case.read(raw)
    files = [each for each in sorted(raw.rglob("*"), reverse=True) if each.is_file()]
    for each in files:
        target = tmp_path / "elsewhere" / "copy" / each.relative_to(raw)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(each, target)
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(os, "scandir", checks.Backwards)
    again = case.read(Path("copy"))
    assert_frame_equal(again.frame.collect(), first.frame.collect())
    assert [each.rule for each in again.meta.issues] == [each.rule for each in first.meta.issues]


@every
def test_same_from_one_archive(case: Case, raw: Path, tmp_path: Path) -> None:
    if not getattr(case.module, "PACKABLE", True):
        pytest.skip("the release cannot lie in an archive")
    case.make(raw)
    packed = tmp_path / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "release.zip", "w") as archive:
        for each in sorted(raw.rglob("*")):
            if each.is_file():
                archive.write(each, each.relative_to(raw).as_posix())
    manifest = case.read(packed)
    checks.values_without_places(manifest, case)
    checks.pixels(manifest, case)
    assert [each.name for each in sorted(packed.iterdir())] == ["release.zip"]


@every
def test_raw_tree_is_not_touched(case: Case, raw: Path) -> None:
    case.make(raw)
    before = checks.snapshot(raw)
    case.read(raw).frame.collect()
    assert checks.snapshot(raw) == before


@every
def test_no_image_is_opened(case: Case, raw: Path) -> None:
    if getattr(case.module, "READS_HEADERS", False):
        pytest.skip("an option asks for the headers of the images")
    case.make(raw)
    for each in sorted(raw.rglob("*")):
        if each.is_file() and each.name.endswith(tuple(f".{s}" for s in IMAGE_SUFFIXES)):
            each.write_bytes(b"no image".ljust(each.stat().st_size))
    checks.values(case.read(raw), case)


@every
def test_round_trip(case: Case, raw: Path, tmp_path: Path) -> None:
    case.make(raw)
    checks.round_trip(case.read(raw), tmp_path)


@every
def test_missing_and_empty_root(case: Case, raw: Path) -> None:
    with pytest.raises((LayoutError, FormatError), match=str(raw)):
        case.read(raw)
    raw.mkdir()
    with pytest.raises((LayoutError, FormatError), match=str(raw)):
        case.read(raw)


@_files("TABLES")
def test_missing_table(case: Case, file: str, raw: Path) -> None:
    case.make(raw)
    (raw / file).unlink()
    _refused_or_reported(case, raw, Path(file).name)


@_files("TABLES", "ARCHIVES")
def test_truncated_table(case: Case, file: str, raw: Path) -> None:
    case.make(raw)
    data = (raw / file).read_bytes()
    (raw / file).write_bytes(data[: len(data) // 2])
    _refused_or_reported(case, raw, Path(file).name)


def _refused_or_reported(case: Case, raw: Path, name: str) -> None:
    try:
        found = case.read(raw).meta.issues
    except (LayoutError, FormatError) as error:
        assert name in str(error)  # noqa: PT017 - an Issue is as good
        return
    new = [each for each in found if name in each.where or name in each.message]
    assert new, f"{name} is not whole, and nothing says so: {found}"
