"""What a dry run says of a conversion, and that it leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from medshelf.api.converting import estimate
from medshelf.conversion.choosing import Choosing
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import FormatError, SettingError
from medshelf.core.manifest import read_manifest
from tests.quality.miniatures import N_PICTURES, pictures

_REQUEST = Request("image-folder", Preparation(size=(32,)), drop=frozenset({"masks", "boxes"}))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    pictures(tmp_path / "raw").write(tmp_path / "m.parquet")
    return tmp_path / "m.parquet"


def test_the_size_is_that_of_the_product(manifest: Path, tmp_path: Path) -> None:
    root = tmp_path / "raw"
    found = estimate(manifest, _REQUEST, root=root, workers=1)
    done = convert(read_manifest(manifest, root), tmp_path / "out", _REQUEST, Labour(workers=0))
    size = sum(each.stat().st_size for each in sorted(done.folder.rglob("*")) if each.is_file())
    assert found.n_samples == N_PICTURES
    assert found.n_tried == 24
    assert found.dropped == done.dropped == ("masks", "boxes")
    assert found.size_bytes == pytest.approx(size, rel=0.1)
    assert found.duration_s > 0
    assert found.n_workers == 1


def test_one_sample_is_enough(manifest: Path, tmp_path: Path) -> None:
    found = estimate(manifest, _REQUEST, root=tmp_path / "raw", choosing=Choosing(limit=1))
    assert (found.n_samples, found.n_tried) == (1, 1)
    assert found.size_bytes > 0


def test_what_would_be_refused_is_refused_on_trial(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--drop masks,boxes"):
        estimate(manifest, replace(_REQUEST, drop=frozenset()), root=tmp_path / "raw")
    (tmp_path / "raw/images/004.png").write_bytes(b"no picture")
    with pytest.raises(FormatError, match=r"004\.png"):
        estimate(manifest, _REQUEST, root=tmp_path / "raw")
    found = estimate(manifest, replace(_REQUEST, on_error="skip"), root=tmp_path / "raw")
    assert found.n_samples == N_PICTURES


def test_nothing_is_left(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    before = sorted(tmp_path.rglob("*"))
    estimate(manifest, _REQUEST, root=tmp_path / "raw")
    assert sorted(tmp_path.rglob("*")) == before
