"""The device and the arithmetic of a fit: number formats, and operations free of chance."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from medshelf.core.errors import RunError

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_REPEATABLE = (":4096:8", ":16:8")
_CHANCE = re.compile(r"(\S+) does not have a deterministic implementation")


def choose_device(name: str) -> str:
    """Return `name`, or for `auto` the first CUDA device, else the CPU.

    Raises:
        RunError: torch does not have the device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        problem = f"Device {name!r} cannot be used ({str(error).splitlines()[0]})"
        raise RunError(problem, "Choose another --device, e.g. auto or cpu") from error
    return name


def check_precision(device: str, precision: str) -> None:
    """Refuse a number format that the device does not have.

    Raises:
        RunError: It is `tfloat32`, and the device is no CUDA device.
    """
    if precision == "tfloat32" and not device.startswith("cuda"):
        problem = f"Device {device!r} has no tfloat32"
        raise RunError(problem, "Choose precision float32, or a CUDA device")


def require_repeatable_products() -> None:
    """Have cuBLAS use a fixed workspace; to be called before anything runs on a CUDA device.

    The variable stays set: cuBLAS reads it once per process.

    Raises:
        RunError: It is too late.

    Source: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    """
    if not torch.cuda.is_available() or os.environ.get(_WORKSPACE) in _REPEATABLE:
        return
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        raise RunError(
            "Matrix products cannot be made repeatable: CUDA is in use in this process already",
            f"Set {_WORKSPACE}={_REPEATABLE[0]} before the process starts",
        )
    os.environ[_WORKSPACE] = _REPEATABLE[0]


@contextmanager
def numerics(precision: str, *, deterministic: bool) -> Iterator[None]:
    """Compute in the block as asked; torch's settings are restored afterwards.

    Float32 means float32: left alone, torch lets convolutions on CUDA round their factors to TF32.

    Args:
        precision: Only `tfloat32` lets CUDA use TF32, for products of matrices too.
        deterministic: Refuse operations whose result depends on chance.

    Raises:
        RunError: An operation in the block has no deterministic form.
    """
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    kept = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, products.allow_tf32
    strict = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn.allow_tf32 = products.allow_tf32 = precision == "tfloat32"
    if deterministic:
        torch.use_deterministic_algorithms(mode=True)
        cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    except RuntimeError as error:
        if not (deterministic and (found := _CHANCE.search(str(error)))):
            raise
        raise RunError(
            f"{found[1]} has no deterministic form on this device",
            "Choose another model or device, or run without deterministic mode",
        ) from error
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warns)
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, products.allow_tf32 = kept
