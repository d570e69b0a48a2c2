"""Radiographs of 1024 px to WebDataset shards of 224 px: `python benchmarks/bench_convert.py`.

A Pillow process pool writes the same shards (image, class and JSON) with as many processes; "decode
only" reads the same pictures in the same kind of process and writes nothing. All in turn, A B C ...
and again, each from the start of its processes to the end; ratios are medians of the rounds. The
CPU time per picture (the least of the rounds) says more where other work runs beside.

`python benchmarks/bench_convert.py steps` prints instead what each step costs per picture.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from medshelf.parallel.cores import THREADS

os.environ.update(dict.fromkeys(THREADS, "1"))  # as in a worker

import numpy as np
import polars as pl
from bench_profile import chest
from PIL import Image

from medshelf.conversion.moving import prepared_image
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.prepared import Prepared, encode
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core import columns as c
from medshelf.core.allocator import keep_freed_memory
from medshelf.core.assembly import assemble
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset import decoding
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.fields import Medium
from medshelf.parallel.run import run

N_PICTURES, N_DISTINCT, SHARD_SIZE, N_ROUNDS, SIZE = 800, 24, 50, 3, 224
_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
CLASSES = ("No Finding", "Mass")


def made(root: Path) -> Manifest:
    """Make a set of pictures, each of which lies there many times."""
    root.mkdir()
    for number in range(N_DISTINCT):
        chest(number, 1024).save(root / f"{number:05}.png")
    for number in range(N_DISTINCT, N_PICTURES):
        shutil.copyfile(root / f"{number % N_DISTINCT:05}.png", root / f"{number:05}.png")
    name = pl.int_range(N_PICTURES).cast(pl.String).str.zfill(5)
    image = c.media("image", path=pl.format("{}.png", name), member=None, format="png")
    rows = pl.DataFrame({"number": range(N_PICTURES)}).select(
        sample_id=name,
        patient_id=name,
        split=pl.lit("train"),
        label=pl.when(pl.int_range(N_PICTURES) % 2 == 0)
        .then(pl.lit(CLASSES[0]))
        .otherwise(pl.lit(CLASSES[1])),
        media=c.entries(image),
    )
    task = Task("finding", TaskKind.BINARY, CLASSES)
    return assemble(rows, Meta("bench", "Bench", tasks=(task,), dimensions=2), root)


@dataclass(frozen=True)
class Decode:
    """Decode pictures and write nothing."""

    root: Path

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        for item in items:
            medium = Medium("image", "image", f"{item:05}.png", format="png")
            decoding.read(self.root, medium, 2)
        path.touch()


def pillow_shard(root: Path, folder: Path, start: int) -> None:
    """Write one shard as a script with Pillow and tarfile does."""
    with tarfile.open(folder / f"bench-train-{start // SHARD_SIZE:06}.tar", "w") as archive:
        for number in range(start, min(start + SHARD_SIZE, N_PICTURES)):
            with Image.open(root / f"{number:05}.png") as picture:
                small = picture.resize((SIZE, SIZE), Image.Resampling.BOX)
            buffer = io.BytesIO()
            small.save(buffer, "PNG")
            row = json.dumps({"sample_id": f"{number:05}", "label": CLASSES[number % 2]})
            members = {"cls": str(number % 2).encode(), "json": row.encode()}
            for ending, content in {**members, "png": buffer.getvalue()}.items():
                entry = tarfile.TarInfo(f"{number:05}.{ending}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


def with_pillow(root: Path, folder: Path) -> None:
    """Let a pool of two processes do it."""
    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        starts = range(0, N_PICTURES, SHARD_SIZE)
        list(pool.map(partial(pillow_shard, root, folder), starts))


def ways(manifest: Manifest) -> dict[str, Callable[[Path], object]]:
    """Return every way of doing it, ours first."""
    request = Request("webdataset", preparation=Preparation(size=(SIZE,)), shard_size=SHARD_SIZE)

    def ours(labour: Labour) -> Callable[[Path], object]:
        return lambda folder: convert(manifest, folder, request, labour)

    def decode(folder: Path) -> None:
        from bench_convert import Decode  # by this name workers can import it

        run(Decode(manifest.root), N_PICTURES, folder, shard_size=SHARD_SIZE, workers=2)

    found: dict[str, Callable[[Path], object]] = {
        "medshelf, 2 workers": ours(Labour(workers=2)),
        "Pillow pool, 2 processes": lambda folder: with_pillow(manifest.root, folder),
        "decode only, 2 workers": decode,
        "medshelf, 1 worker": ours(Labour(workers=1)),
    }
    if find_spec("ray"):
        import ray

        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        found["medshelf, ray started, 2 workers"] = ours(Labour(workers=2, engine="ray"))
    return found


def compare(manifest: Manifest, scratch: Path) -> None:
    """Print each way's rate, and its time over ours."""
    seconds: dict[str, list[tuple[float, float]]] = {}
    every = ways(manifest)
    for number in range(N_ROUNDS):
        for name, work in every.items():
            folder = scratch / f"{number}-{name}"
            start, busy = time.perf_counter(), cpu_s()
            work(folder)
            spent = time.perf_counter() - start, cpu_s() - busy
            seconds.setdefault(name, []).append(spent)
            shutil.rmtree(folder)
    first = next(iter(seconds.values()))
    for name, taken in seconds.items():
        walls, cpus = zip(*taken, strict=True)
        ratios = sorted(each[0] / ours[0] for each, ours in zip(taken, first, strict=True))
        print(
            f"{name:34} {N_PICTURES / statistics.median(walls):6.1f} pictures/s, takes "
            f"{statistics.median(ratios):4.2f}x as long as 2 workers ({ratios[0]:.2f} to "
            f"{ratios[-1]:.2f}), CPU {min(cpus) / N_PICTURES * 1e3:5.2f} ms"
        )


def cpu_s() -> float:
    """Return the CPU time of this process and of those that it has waited for (not Ray's)."""
    own, children = (resource.getrusage(each) for each in _WHO)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def steps(manifest: Manifest) -> None:
    """Print the time of each step, in this process, of one picture."""
    keep_freed_memory()
    samples = list(Dataset(manifest))[: 4 * N_DISTINCT]
    preparation = Preparation(size=(SIZE,))
    paths = [manifest.root / str(each.media[0].path) for each in samples]
    contents = [each.read_bytes() for each in paths]
    rasters = [each.raster() for each in samples[:N_DISTINCT]]
    small = [prepared_image(each, preparation).raster for each in rasters]
    each_of: dict[str, tuple[int, Callable[[int], object]]] = {
        "read the file": (len(paths), lambda n: paths[n].read_bytes()),
        "decode": (len(samples), lambda n: samples[n].raster()),
        "SHA-256 of the file": (len(paths), lambda n: hashlib.sha256(contents[n]).digest()),
        "shrink": (len(rasters), lambda n: prepared_image(rasters[n], preparation)),
        "encode PNG": (len(small), lambda n: encode(small[n], "x")),
        "Pillow: decode": (len(paths), lambda n: np.asarray(Image.open(io.BytesIO(contents[n])))),
        "Pillow: encode PNG": (
            len(small),
            lambda n: Image.fromarray(small[n].array).save(io.BytesIO(), "PNG"),
        ),
        "provenance": (
            len(samples),
            lambda n: list(Prepared("k", None, samples[n], preparation).provenance()),
        ),
    }
    for name, (n_items, step) in each_of.items():
        times = []
        for _ in range(5):
            start = time.process_time()
            for number in range(n_items):
                step(number)
            times.append((time.process_time() - start) / n_items * 1e3)
        print(f"{name:24} {min(times):6.3f} ms")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        manifest = made(Path(name) / "raw")
        print(f"Load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        steps(manifest) if "steps" in sys.argv else compare(manifest, Path(name))
        print(f"Load average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
