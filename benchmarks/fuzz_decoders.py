"""Decode damaged files of every format for some time, other ones than the tests do.

`python benchmarks/fuzz_decoders.py SECONDS [FORMAT]...` names what is wrong, and exits 1 if
anything is; `python benchmarks/fuzz_decoders.py FORMAT:NUMBER` decodes one case and shows where it
fails.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.formats.fuzz_decoders import FORMATS, damaged, watch


def one(case: str, folder: Path) -> None:
    """Decode one case; whatever it raises is shown with its traceback."""
    format_, _, number = case.rpartition(":")
    path = folder / f"case{FORMATS[format_].suffix}"
    path.write_bytes(damaged(format_, int(number)))
    FORMATS[format_].decode(path)


def fuzz(seconds: float, formats: list[str], folder: Path) -> int:
    """Print what is wrong; return how many cases are."""
    start = int(time.time()) * 1000
    deadline_s = time.monotonic() + seconds
    n_cases, wrong = watch(formats, start, start + (1 << 30), folder, deadline_s)
    for case, what in wrong.items():
        print(f"{case}  {what}")
    print(f"{n_cases:,} cases in {seconds:.0f} s, {len(wrong)} wrong")
    return len(wrong)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        if ":" in sys.argv[1]:
            one(sys.argv[1], Path(name))
        else:
            chosen = sys.argv[2:] or list(FORMATS)
            sys.exit(fuzz(float(sys.argv[1]), chosen, Path(name)) > 0)
