"""Damaged files of every format end in values or in an error of ours: no crash, hang or swelling.

More of the same: `python benchmarks/fuzz_decoders.py SECONDS`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.formats.fuzz_decoders import FORMATS, damaged, watch

N_CASES = 50
PARTS = [list(FORMATS)[at::2] for at in range(2)]
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc")


@linux
@pytest.mark.parametrize("formats", PARTS, ids=", ".join)
def test_no_decoder_falls_over_damaged_files(formats: list[str], tmp_path: Path) -> None:
    pytest.importorskip("py7zr")
    n_cases, wrong = watch(formats, 0, N_CASES, tmp_path)
    assert wrong == {}
    assert n_cases == N_CASES * len(formats)


@pytest.mark.parametrize("format_", FORMATS)
def test_cases_are_whole_or_damaged_and_always_the_same(format_: str) -> None:
    whole = [FORMATS[format_].wrap(each) for each in FORMATS[format_].files()]
    assert damaged(format_, 0) in whole
    cases = [damaged(format_, number) for number in range(1, 40)]
    assert cases == [damaged(format_, number) for number in range(1, 40)]
    assert sum(each not in whole for each in cases) > 20


@linux
@pytest.mark.parametrize("format_", FORMATS)
def test_whole_files_are_read(format_: str, tmp_path: Path) -> None:
    for data in FORMATS[format_].files():
        path = tmp_path / f"whole{FORMATS[format_].suffix}"
        path.write_bytes(FORMATS[format_].wrap(data))
        FORMATS[format_].decode(path)


BAD = {
    "import ctypes; ctypes.string_at(0)": "ended with -11",
    "import os; os._exit(0)": "ended with 0",
    "raise KeyError('k')": "KeyError: 'k'",
    "while True: pass": "ended with -27",
    "b'x' * (700 << 20)": " MiB of memory",
    "bytes(1 << 40)": "MemoryError",
}


@linux
def test_what_falls_over_is_seen_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch(["ok = 1"], 0, 1, tmp_path) == (1, {})
    for code, said in BAD.items():
        monkeypatch.setenv("FUZZ_CPU_S", "2" if code.startswith("while") else "60")
        _, wrong = watch([code], 0, 1, tmp_path)
        assert said in wrong[f"{code}:0"]
