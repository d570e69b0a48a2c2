"""The manifest of chosen samples is a manifest like any other."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from medshelf.api.manifests import open_manifest
from medshelf.conversion.choosing import Choosing, choose
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import SettingError
from medshelf.dataset.dataset import Dataset
from tests.quality.miniatures import N_PICTURES, pictures


def test_the_choice_comes_back_with_its_images(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    chosen = choose(manifest, Choosing(split="patient:0.5,0.5", labels=("benign",), seed=2))
    convert(chosen, tmp_path / "out", Request("manifest"), Labour(workers=0))
    again, _ = open_manifest(tmp_path / "out/manifest.parquet", root=tmp_path / "raw")
    assert again.meta == chosen.meta
    rows, wanted = again.frame.collect(), chosen.frame.collect()
    assert rows.sort("sample_id").equals(wanted.sort("sample_id"))
    assert rows["split"].cast(pl.String).to_list() == sorted(
        wanted["split"].cast(pl.String), key=["train", "val", "test"].index
    )
    assert (Dataset(again).find("000").image() == Dataset(manifest).find("000").image()).all()
    sources = pl.read_parquet(tmp_path / "out/provenance.parquet")
    assert sources.height == N_PICTURES
    assert sources["sha256"].null_count() == sources.height
    card = json.loads((tmp_path / "out/medshelf.json").read_text())
    assert card["n_written"] == N_PICTURES // 2


def test_images_cannot_be_prepared(tmp_path: Path) -> None:
    request = Request("manifest", preparation=Preparation(size=(16,)))
    with pytest.raises(SettingError, match="holds no images"):
        convert(pictures(tmp_path / "raw"), tmp_path / "out", request, Labour(workers=0))
