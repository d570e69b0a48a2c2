"""Decode and shrink pictures in shards: one worker against two, and against other engines.

Every engine calls the same task for the same shards and starts anew each time; "warm" is Ray on a
cluster that runs already. Two processes each, rounds in turn A B C ..., A B C ...
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from medshelf.parallel.run import run
from medshelf.parallel.shards import write_shard

N_PICTURES, SIZE_PX, N_ITEMS, SHARD_SIZE, N_ROUNDS = 20, 1024, 300, 10, 3
SHARDS = [range(each, each + SHARD_SIZE) for each in range(0, N_ITEMS, SHARD_SIZE)]


@dataclass(frozen=True)
class Shrink:
    """Decode, shrink to 224 px and digest."""

    pictures: Path

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        digests = []
        for item in items:
            with Image.open(self.pictures / f"{item % N_PICTURES}.png") as image:
                small = image.resize((224, 224), Image.Resampling.BILINEAR)
            digests.append(hashlib.sha256(small.tobytes()).hexdigest())
        path.write_text("\n".join(digests), encoding="ascii")


def make(folder: Path) -> Path:
    """Write pictures of smooth noise, as compressible as radiographs."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(N_PICTURES):
        coarse = Image.fromarray(rng.integers(0, 256, (64, 64), np.uint8))
        smooth = np.asarray(coarse.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC), np.int16)
        noisy = smooth + rng.integers(-2, 3, smooth.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def with_executor(task: Shrink, folder: Path) -> None:
    """Let the standard library's pool do it, which ends at the first worker that dies."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        futures = [pool.submit(write_shard, task, s, folder / f"{s.start}") for s in SHARDS]
        for each in futures:
            each.result()


def with_joblib(task: Shrink, folder: Path) -> None:
    """Let joblib do it."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    Parallel(2)(delayed(write_shard)(task, s, folder / f"{s.start}") for s in SHARDS)
    get_reusable_executor().shutdown(wait=True)


def with_ray_warm(task: Shrink, folder: Path) -> None:
    """Let a Ray that runs already do it."""
    run(task, N_ITEMS, folder, shard_size=SHARD_SIZE, engine="ray")


def engines() -> dict[str, Callable[[Shrink, Path], object]]:
    """Return every engine that is installed."""

    def local(workers: int) -> Callable[[Shrink, Path], object]:
        return lambda task, to: run(task, N_ITEMS, to, shard_size=SHARD_SIZE, workers=workers)

    found: dict[str, Callable[[Shrink, Path], object]] = {
        "local, 2 workers": local(2),
        "local, 1 worker": local(1),
        "no process": local(0),
        "ProcessPoolExecutor": with_executor,
    }
    if find_spec("joblib"):
        found["joblib"] = with_joblib
    if find_spec("ray"):
        found["ray"] = lambda task, to: run(
            task, N_ITEMS, to, shard_size=SHARD_SIZE, engine="ray", workers=2
        )
    return found


def compare(task: Shrink, root: Path, engines: dict[str, Callable[[Shrink, Path], object]]) -> None:
    """Time all engines in turn and print each one's rate, and its time over that of the first."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(N_ROUNDS):
        for name, work in engines.items():
            folder = root / f"{name}-{number}"
            folder.mkdir()
            started = time.perf_counter()
            work(task, folder)
            seconds[name].append(time.perf_counter() - started)
    first = next(iter(seconds.values()))
    for name, taken in seconds.items():
        ratios = sorted(own / base for own, base in zip(taken, first, strict=True))
        print(
            f"{name:22} {N_ITEMS / statistics.median(taken):6.0f} pictures/s, time "
            f"{statistics.median(ratios):.2f}x that of 2 local workers "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


def main() -> None:
    """Measure cold starts, then Ray warm."""
    from bench_parallel import Shrink  # by this name Ray's workers can import it

    with tempfile.TemporaryDirectory() as name:
        task = Shrink(make(Path(name) / "pictures"))
        print(f"Load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        compare(task, Path(name), engines())
        if find_spec("ray"):
            import ray

            ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
            two = {"local, 2 workers ": engines()["local, 2 workers"], "ray, warm": with_ray_warm}
            compare(task, Path(name), two)
            ray.shutdown()
        print(f"Load average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
