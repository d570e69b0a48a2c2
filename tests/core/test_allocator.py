"""The allocator setting, seen in the page faults of a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from medshelf.core.allocator import keep_freed_memory


def faults(*, kept: bool) -> int:
    script = (
        "import resource, sys\n"
        "from medshelf.core.allocator import keep_freed_memory\n"
        "if sys.argv[1] == 'True':\n    assert keep_freed_memory()\n"
        "b'x' * (40 << 20)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(10):\n    b'x' * (40 << 20 | _)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(kept)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_freed_memory_is_used_again_without_page_faults() -> None:
    if not keep_freed_memory():
        pytest.skip("The C library is not glibc")
    assert faults(kept=True) < faults(kept=False) / 5
