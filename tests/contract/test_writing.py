"""Every fixture through every writer: a whole product, or a sentence that says why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medshelf.conversion.contents import contents
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.conversion.sharding import writer_module, writer_names
from medshelf.core.errors import MedshelfError
from medshelf.core.manifest import Manifest
from tests.contract.cases import Case, all_cases

_CASES = all_cases()


def _converted(manifest: Manifest, folder: Path, target: str) -> str | None:
    """Write what a format can carry; return why it cannot be written, if so."""
    lost = set(contents(manifest)) - writer_module(target).CARRIES
    request = Request(target, drop=frozenset(lost), on_error="skip")
    try:
        convert(manifest, folder, request, Labour(workers=0))
    except MedshelfError as error:
        return f"{error.problem} -> {error.remedy}"
    return None


def _files(folder: Path) -> dict[str, int]:
    return {str(each): each.stat().st_mtime_ns for each in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("case", _CASES, ids=lambda each: each.name)
def test_a_fixture_is_written_or_refused_with_a_reason(case: Case, tmp_path: Path) -> None:
    case.make(tmp_path / "raw")
    manifest = case.read(tmp_path / "raw")
    before = _files(tmp_path / "raw")
    written = []
    for target in writer_names():
        folder = tmp_path / target
        if (refusal := _converted(manifest, folder, target)) is None:
            card = json.loads((folder / "medshelf.json").read_text("utf-8"))
            assert card["n_written"] + len(card["skipped"]) == manifest.n_samples()
            written.append(target)
        else:
            assert len(refusal) > 20
            assert not folder.exists()
    assert {"hf", "manifest"} <= set(written), case.name
    assert _files(tmp_path / "raw") == before
