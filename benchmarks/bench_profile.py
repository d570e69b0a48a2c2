"""What measuring costs beside decoding: `python benchmarks/bench_profile.py [folder of PNGs]`.

Decodes the images of a generated set one by one, then measures them in the same process, several
times in turn, and prints the best times per image and their ratio.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from medshelf.parallel.cores import THREADS

os.environ.update(dict.fromkeys(THREADS, "1"))  # as in a worker

import numpy as np
import polars as pl
from PIL import Image, ImageFilter

from medshelf.core import columns as c
from medshelf.core.allocator import keep_freed_memory
from medshelf.core.assembly import assemble
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset import decoding
from medshelf.dataset.dataset import Dataset
from medshelf.quality.measuring.measure import measure
from medshelf.quality.passes import Passes

ROUNDS = 5


def chest(seed: int, edge: int) -> Image.Image:
    """Return a smooth picture with fine noise, which a PNG holds in about half its size."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (12, 12), np.uint8))
    smooth = coarse.resize((edge, edge), Image.Resampling.BICUBIC)
    smooth = smooth.filter(ImageFilter.GaussianBlur(edge / 64))
    noise = random.normal(0, 1.2, (edge, edge))
    return Image.fromarray((np.asarray(smooth) * 0.8 + 20 + noise).clip(0, 255).astype(np.uint8))


def made(root: Path, kind: str, n_images: int) -> Manifest:
    """Make a set of pictures."""
    for number in range(n_images):
        picture = chest(number % 16, 1024 if kind == "png" else 512)
        if kind == "rgb.jpg":
            picture = Image.merge("RGB", (picture, picture.rotate(90), picture.rotate(180)))
        picture.save(root / f"{number:05}.{kind}", quality=90)
    return listed(root, kind.removeprefix("rgb."))


def listed(root: Path, suffix: str) -> Manifest:
    """Make a manifest of the pictures of a folder."""
    names = sorted(each.name for each in root.iterdir() if each.name.endswith(suffix))
    image = c.media("image", path=pl.col("sample_id"), member=None, format=suffix)
    rows = pl.DataFrame({"sample_id": names}).with_columns(media=c.entries(image))
    return assemble(rows, Meta("bench", "Bench", dimensions=2), root)


def decode_s(manifest: Manifest) -> float:
    """Decode all images, one after the other, and return the time."""
    media = [each.media[0] for each in Dataset(manifest)]
    start = time.process_time()
    for each in media:
        decoding.read(manifest.root, each, 2)
    return time.process_time() - start


def measure_s(manifest: Manifest) -> float:
    """Measure all images, tables written and read again, and return the time."""
    shutil.rmtree(Path(os.environ["XDG_CACHE_HOME"]) / "medshelf" / "measures", ignore_errors=True)
    start = time.process_time()
    found = measure(manifest, Passes(workers=0))
    assert found.media.select(pl.col("error").null_count()).collect().item() == manifest.n_samples()
    return time.process_time() - start


def report(name: str, manifest: Manifest) -> None:
    """Print one line."""
    times = [(decode_s(manifest), measure_s(manifest)) for _ in range(ROUNDS)]
    n_images = manifest.n_samples()
    decode, measured = (min(each) / n_images * 1e3 for each in zip(*times, strict=True))
    ratio = min(both / alone for alone, both in times)
    print(
        f"{name:32} {n_images:5} images: decode {decode:6.3f} ms, measure {measured:6.3f} ms, "
        f"ratio {measured / decode:4.2f} (best of {ROUNDS} pairs {ratio:4.2f})"
    )


def main() -> None:
    """Measure and print."""
    keep_freed_memory()  # as in a worker
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        if len(sys.argv) > 1:
            report("PNG of a folder", listed(Path(sys.argv[1]).resolve(), "png"))
        for kind, n_images, name in (
            ("png", 200, "grey PNG 1024 x 1024"),
            ("jpg", 800, "grey JPEG 512 x 512"),
            ("rgb.jpg", 600, "colour JPEG 512 x 512"),
        ):
            root = Path(folder) / kind
            root.mkdir()
            report(name, made(root, kind, n_images))


if __name__ == "__main__":
    main()
