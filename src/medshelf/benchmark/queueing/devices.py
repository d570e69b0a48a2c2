"""Which devices there are, and which run has which."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from medshelf.core.errors import InUseError, MissingExtraError, RunError, SettingError
from medshelf.core.files import lock

_PAUSE_S = 0.05


def find_devices(asked: str) -> tuple[str, ...]:
    """Return the torch devices that runs may be given to, without using one.

    Args:
        asked: `auto` for all CUDA devices, or the CPU where there is none; or names with commas
            between them, e.g. `cuda:0,cuda:1`.

    Raises:
        MissingExtraError: torch is not installed.
        RunError: There is no such device.
        SettingError: A device is named twice.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    n_cuda = torch.cuda.device_count()
    if asked == "auto":
        return tuple(f"cuda:{number}" for number in range(n_cuda)) or ("cpu",)
    names = tuple(each.strip() for each in asked.split(","))
    for name in names:
        try:
            device = torch.device(name)
        except RuntimeError as error:
            problem = f"Device {name!r} cannot be used ({str(error).splitlines()[0]})"
            raise RunError(problem, "Choose another --device, e.g. auto or cpu") from error
        if device.type == "cuda" and (device.index or 0) >= n_cuda:
            problem = f"Device {name!r} cannot be used (this machine has {n_cuda} CUDA devices)"
            raise RunError(problem, "Choose another --device, e.g. auto or cpu")
    if len(set(names)) < len(names):
        problem = f"A device is named twice: {asked}"
        raise SettingError(problem, "Name each device once; --workers gives a device several runs")
    return names


def slots(devices: Sequence[str], n_workers: int | None) -> tuple[str, ...]:
    """Return one device per worker, each device once where no number of workers is given."""
    n_slots = n_workers or len(devices)
    return tuple(devices[number % len(devices)] for number in range(n_slots))


@contextmanager
def lease(devices: Sequence[str], folder: Path) -> Iterator[str]:
    """Hold the first device that no other process of the same folder holds.

    A process that is killed gives its device back.

    Args:
        devices: One per process that may ask at a time; a device may stand there several times.
        folder: Where the locks lie.
    """
    with ExitStack() as held:
        yield _first_free(devices, folder, held)


def _first_free(devices: Sequence[str], folder: Path, held: ExitStack) -> str:
    while True:
        for number, device in enumerate(devices):
            try:
                held.enter_context(lock(folder / f"device-{number}", timeout_s=0))
            except InUseError:
                continue
            return device
        time.sleep(_PAUSE_S)
