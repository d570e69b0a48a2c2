"""Convert generated CT volumes with masks to nnU-Net's raw format, against a loop with nibabel.

    python benchmarks/bench_nnunet.py [slices per volume, 64] [volumes, 20]

All turn LPS volumes of 512 x 512 to RAS and compress anew, at level 1, which is nibabel's own; the
loop does nothing else. medshelf also checks grids, values and labels, and hashes the raw files.
Rounds of all ways follow each other, and ratios are of one round. Beside seconds of the clock stand
those of the processors, workers and their start included, which other work on the machine alters
less.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.manifest import Manifest, Meta
from medshelf.readers import image_masks

N_ROUNDS = 2
EDGE = 512
AFFINE = np.diag([-0.7, -0.7, 1.5, 1.0])


def make(root: Path, n_volumes: int, n_slices: int) -> int:
    """Write int16 volumes, air around a body with noise, and masks of two organs; return bytes."""
    rng = np.random.default_rng(0)
    x, y, z = np.ogrid[-1 : 1 : EDGE * 1j, -1 : 1 : EDGE * 1j, -1 : 1 : n_slices * 1j]
    body = ((x / 0.85) ** 2 + (y / 0.6) ** 2 < 1) & (z < 2)
    tissue = (40 + 60 * np.sin(6 * x) * np.cos(5 * y) * np.sin(4 * z)).astype(np.float32)
    noise = rng.normal(0, 12, body.shape).astype(np.float32)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(n_volumes):
        values = tissue + np.roll(noise, number * 7, axis=2)
        ct = np.where(body, values, -1000).round().astype(np.int16, order="F")
        radius = (x - 0.02 * number) ** 2 + y**2 + z**2
        mask = ((radius < 0.2).astype(np.uint8) + (radius < 0.02)).astype(np.uint8, order="F")
        for folder, array in (("images", ct), ("masks", mask)):
            nibabel.save(nibabel.Nifti1Image(array, AFFINE), root / folder / f"{number:03}.nii.gz")
    return n_volumes * (ct.nbytes + mask.nbytes)


def plain(root: Path, folder: Path) -> None:
    """Do it with nibabel."""
    for kind, target, end in (("images", "imagesTr", "_0000"), ("masks", "labelsTr", "")):
        (folder / target).mkdir(parents=True)
        for path in sorted((root / kind).glob("*.nii.gz")):
            turned = nibabel.as_closest_canonical(nibabel.load(path))
            name = f"{path.name.removesuffix('.nii.gz')}{end}.nii.gz"
            nibabel.save(turned, folder / target / name)


def ours(root: Path, folder: Path, workers: int, codec: str) -> None:
    """Do it with medshelf."""
    manifest = _manifest(root)
    request = Request("nnunet", options={"channels": "image=CT", "compression": codec})
    convert(manifest, folder, request, Labour(workers=workers))


def _manifest(root: Path) -> Manifest:
    meta = Meta("generated-ct", "Generated", dimensions=3, synthetic=True)
    places = {"image": "images/{id}.nii.gz", "mask": "masks/{id}.nii.gz"}
    return image_masks.read(root, meta, **places, legend="0=background; 1=liver; 2=tumour")


def check(folder: Path, converted: Path) -> None:
    """Compare what was written."""
    (raw,) = sorted((converted / "nnUNet_raw").glob("Dataset*"))
    for path in sorted(folder.rglob("*.nii.gz")):
        theirs, own = nibabel.load(path), nibabel.load(raw / path.relative_to(folder))
        assert np.array_equal(np.asarray(theirs.dataobj), np.asarray(own.dataobj)), path
        assert np.allclose(theirs.affine, own.affine, rtol=1e-6), path


def main() -> None:
    """Print seconds and ratios."""
    n_slices, n_volumes = (int(each) for each in (*sys.argv[1:], "64", "20")[:2])
    ways: dict[str, Callable[[Path, Path], None]] = {
        "nibabel loop": plain,
        "medshelf, 1 worker, zlib": lambda root, out: ours(root, out, 1, "zlib"),
        "medshelf, 2 workers, zlib": lambda root, out: ours(root, out, 2, "zlib"),
        "medshelf, 1 worker, isal": lambda root, out: ours(root, out, 1, "isal"),
        "medshelf, 2 workers, isal": lambda root, out: ours(root, out, 2, "isal"),
    }
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        size = make(base / "raw", n_volumes, n_slices)
        print(f"{n_volumes} volumes of {EDGE} x {EDGE} x {n_slices}, {size / 1e9:.2f} GB unpacked")
        rounds = [_round(base, ways, number) for number in range(N_ROUNDS)]
    for way in ways:
        for n, kind in enumerate(("clock", "processors")):
            seconds = [each[way][n] for each in rounds]
            ratios = sorted(each["nibabel loop"][n] / each[way][n] for each in rounds)
            print(
                f"{way}, {kind}: {statistics.median(seconds):.1f} s, "
                f"{statistics.median(ratios):.2f}x ({ratios[0]:.2f} to {ratios[-1]:.2f})"
            )


def _round(
    base: Path, ways: dict[str, Callable[[Path, Path], None]], n: int
) -> dict[str, tuple[float, float]]:
    seconds = {}
    for number, (way, work) in enumerate(ways.items()):
        started, used = time.perf_counter(), sum(os.times()[:4])
        work(base / "raw", base / f"{n}-{number}")
        seconds[way] = (time.perf_counter() - started, sum(os.times()[:4]) - used)
        if n == 0 and number:
            check(base / "0-0", base / f"0-{number}")
    return seconds


if __name__ == "__main__":
    main()
