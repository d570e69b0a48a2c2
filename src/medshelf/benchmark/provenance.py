"""What a result depends on besides data, protocol and seed."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from medshelf.core.version import __version__

_PACKAGES = ("torch", "numpy", "polars")
_IF_LOADED = {
    "flaml": "flaml",
    "lightgbm": "lightgbm",
    "monai": "monai",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "xgboost": "xgboost",
}
"""Module to the package that it belongs to."""


def versions() -> dict[str, str]:
    """Return the versions of Python, medshelf and the packages that may touch the numbers.

    Of those that only some models need, the ones that this process has loaded.
    """
    loaded = [package for module, package in _IF_LOADED.items() if module in sys.modules]
    found = {"python": platform.python_version(), "medshelf": __version__}
    return found | {package: _version(package) for package in (*_PACKAGES, *loaded)}


def hardware(device: str) -> dict[str, str | int]:
    """Return what ran the training.

    Args:
        device: Torch device, e.g. `cpu` or `cuda:0`.
    """
    found: dict[str, str | int] = {
        "device": device,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 0,
    }
    if "torch" in sys.modules:
        import torch

        found["threads"] = torch.get_num_threads()
        if device.startswith("cuda"):
            found["gpu"] = torch.cuda.get_device_name(device)
    return found


def _version(package: str) -> str:
    for name in (package, f"{package}-cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "not installed"


def _cpu_name() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
