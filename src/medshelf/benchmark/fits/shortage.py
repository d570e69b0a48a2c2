"""Running out of memory, as torch says it on each device."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from medshelf.core.errors import RunError

_CPU_ALLOCATOR = "DefaultCPUAllocator: "


class ShortageError(Exception):
    """There was not enough memory; whoever catches it asks for less.

    Its message is the device's, one line.
    """


@contextmanager
def shortages() -> Iterator[None]:
    """Turn what torch and NumPy raise when memory is short into a ShortageError.

    What the failed block held is freed only when the error is no longer handled.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not (isinstance(error, torch.OutOfMemoryError | MemoryError) or _is_cpu(error)):
            raise
        text = str(error).partition(_CPU_ALLOCATOR)[2] or str(error) or "out of memory"
        raise ShortageError(text.splitlines()[0].split(". ")[0]) from error


def halved(n: int, model: str, reason: str) -> int:
    """Return half of `n` samples at once, and give back what nobody holds any more.

    Raises:
        RunError: It was one sample already.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if n == 1:
        problem = f"{model} needs more memory than there is for one sample ({reason})"
        raise RunError(problem, "Choose a smaller model, or a device with more memory")
    return (n + 1) // 2


def _is_cpu(error: BaseException) -> bool:
    return _CPU_ALLOCATOR in str(error)
