"""How many cores this process may use, and how children are kept from taking all of them."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

THREADS = (
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""The variables by which numeric libraries learn, when imported, how many threads to start."""


def available_cores() -> int:
    """Count the cores that affinity and control group leave to this process, at least one."""
    cores = os.cpu_count()
    if sys.version_info >= (3, 13):
        cores = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    return max(1, min(cores or 1, _group_cores(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))))


def _group_cores(root: Path, membership: Path) -> int:
    """Read the CPU limit of the control group and of all above it, rounded up.

    Source: Linux kernel documentation, Control Group v2, `cpu.max`; CFS Bandwidth Control for
    version 1 (`cpu.cfs_quota_us`).
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return sys.maxsize
    limits = [sys.maxsize]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        own = root / controllers / group.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root):
                limits += _quota(folder)
    return min(limits)


def _quota(folder: Path) -> list[int]:
    try:
        if (limit := folder / "cpu.max").exists():
            quota, period = limit.read_text(encoding="utf-8").split()
        else:
            quota, period = (
                (folder / f"cpu.cfs_{each}_us").read_text(encoding="utf-8").strip()
                for each in ("quota", "period")
            )
        return [math.ceil(int(quota) / int(period))] if int(quota) > 0 else []
    except (OSError, ValueError):  # no limit here, or "max"
        return []


@contextmanager
def threads_of_children(n_threads: int = 1) -> Iterator[None]:
    """Let processes started in the block use so many threads each, where nothing else is said.

    One thread by default, not a share of the cores: how a sum is split among threads changes its
    last bits, and a shard must be the same bytes for any number of workers.
    """
    unset = [each for each in THREADS if each not in os.environ]
    os.environ.update(dict.fromkeys(unset, str(n_threads)))
    try:
        yield
    finally:
        for each in unset:
            os.environ.pop(each, None)
