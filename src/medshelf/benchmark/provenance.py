"""What a result depends on besides data, protocol and seed."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from medshelf.core.version import __version__

_PACKAGES = ("torch", "numpy", "polars")


def versions() -> dict[str, str]:
    """Return the versions of Python, medshelf and the packages that touch the numbers."""
    found = {"python": platform.python_version(), "medshelf": __version__}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def hardware(device: str) -> dict[str, str | int]:
    """Return what ran the training.

    Args:
        device: Torch device, e.g. `cpu` or `cuda:0`.
    """
    import torch

    found: dict[str, str | int] = {
        "device": device,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
    }
    if device.startswith("cuda"):
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def _cpu_name() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
