"""Twins: how many copies of real pictures are found, and how many strangers are taken for one.

Every picture of a set is changed in one way, and twins are searched among originals and copies
together. A pair of an original and another's copy, or of two originals, is false; pictures that the
release itself has twice are counted first and left out. The folder holds, as far as there are any,
nih_chest_xray/images/*.png, ham10000/images_224/*.jpg, bccd/BCCD/JPEGImages/*.jpg,
medmnist_variants/pneumoniamnist.npz, medmnist/breastmnist.npz and
msd/Task04_Hippocampus/imagesTr/*.nii.gz.

    python benchmarks/bench_twins.py FOLDER
"""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from medshelf.imaging import hashing, near
from medshelf.imaging.phantom import make_phantom

SEED = 20
N_PER_SET = 300
RADII = (4,)
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def resized(array: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(array).resize((width, height), Image.Resampling.BILINEAR))


def cropped(array: np.ndarray, share: float, random: np.random.Generator | None) -> np.ndarray:
    """Take off a share of each edge: about the middle, or wherever chance leaves the rest."""
    off = [max(1, round(edge * share)) for edge in array.shape]
    top, left = (each // 2 if random is None else int(random.integers(each + 1)) for each in off)
    return array[top : array.shape[0] - off[0] + top, left : array.shape[1] - off[1] + left]


def as_jpeg(array: np.ndarray, quality: int) -> np.ndarray:
    held = io.BytesIO()
    Image.fromarray(array).save(held, "JPEG", quality=quality)
    return np.asarray(Image.open(held))


def turned(array: np.ndarray, degrees: float, random: np.random.Generator) -> np.ndarray:
    sign = 1 if random.random() < 0.5 else -1
    return np.asarray(Image.fromarray(array).rotate(sign * degrees, Image.Resampling.BILINEAR))


def stretched(array: np.ndarray, gain: float, offset: float) -> np.ndarray:
    return np.clip(array * gain + offset, 0, 255).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "half the size": lambda a, _: resized(a, a.shape[0] // 2, a.shape[1] // 2),
    "224 x 224": lambda a, _: resized(a, 224, 224),
    "28 x 28": lambda a, _: resized(a, 28, 28),
    "JPEG, quality 50": lambda a, _: as_jpeg(a, 50),
    "darker, flatter (0.8 v + 30)": lambda a, _: stretched(a, 0.8, 30),
    "contrast x 1.4, clipped": lambda a, _: stretched(a, 1.4, -31),
    "gamma 0.7": lambda a, _: np.rint(255 * (a / 255) ** 0.7).astype(np.uint8),
    "mirrored": lambda a, _: a[:, ::-1],
    "crop of 5 %, anywhere": lambda a, r: cropped(a, 0.05, r),
    "crop of 10 %, middle": lambda a, _: cropped(a, 0.10, None),
    "crop of 10 %, anywhere": lambda a, r: cropped(a, 0.10, r),
    "turned by 2 degrees": lambda a, r: turned(a, 2, r),
    "turned by 3 degrees": lambda a, r: turned(a, 3, r),
    "turned by 5 degrees": lambda a, r: turned(a, 5, r),
    "turned by 10 degrees": lambda a, r: turned(a, 10, r),
}


def pictures(folder: Path, pattern: str) -> list[np.ndarray]:
    return [np.asarray(Image.open(each).convert("L")) for each in sorted(folder.glob(pattern))]


def from_npz(path: Path) -> list[np.ndarray]:
    if not path.is_file():
        return []
    with np.load(path) as file:
        return list(np.concatenate([file[f"{split}_images"] for split in ("train", "val", "test")]))


def slices(folder: Path) -> list[np.ndarray]:
    import nibabel as nib

    found = []
    for path in sorted(folder.glob("*.nii.gz")):
        volume = np.asarray(nib.load(path).dataobj, dtype=np.float32)
        grey = np.clip(volume * (255 / np.percentile(volume, 99.5)), 0, 255).astype(np.uint8)
        found += [grey[:, :, n] for n in range(4, grey.shape[2] - 4)]
    return found


def sets(folder: Path) -> dict[str, list[np.ndarray]]:
    """Return the sets that are there, by name."""
    chests, _ = make_phantom("phantom-grey-binary", "test", size=256, n_samples=N_PER_SET)
    found = {
        "chest 1024": pictures(folder, "nih_chest_xray/images/*.png"),
        "skin, blood": pictures(folder, "ham10000/images_224/*.jpg")
        + pictures(folder, "bccd/BCCD/JPEGImages/*.jpg"),
        "MR slices": slices(folder / "msd/Task04_Hippocampus/imagesTr"),
        "phantom 256": list(chests),
        "chest 28": from_npz(folder / "medmnist_variants/pneumoniamnist.npz"),
        "breast 28": from_npz(folder / "medmnist/breastmnist.npz"),
    }
    return {name: each for name, each in found.items() if each}


def reduced(arrays: list[np.ndarray]) -> np.ndarray:
    return np.stack([hashing.reduced(each) for each in arrays])


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def cell(hits: int, n: int) -> str:
    low, high = wilson(hits, n)
    return f"{hits / n:.3f} ({low:.2f}-{high:.2f})"


def negatives(name: str, small: np.ndarray) -> np.ndarray:
    """Print what the release has twice and how alike strangers look; return what is left."""
    begin = time.perf_counter()
    near.twins(small)
    seconds = time.perf_counter() - begin
    twice = near.twins(small, 8, views=())
    left = np.setdiff1d(np.arange(len(small)), twice.j)
    rest = small[left]
    if len(rest) < 400:
        i, j = np.array(list(combinations(range(len(rest)), 2))).T
    else:
        i, j, _ = near.pairs_within(hashing.phash(rest), 10)
    scores, _ = near.same_picture(rest[i], rest[j])
    n_pairs = len(rest) * (len(rest) - 1) // 2
    above = " | ".join(str(int((scores >= each).sum())) for each in (0.95, 0.96, 0.97, 0.975, 0.98))
    print(
        f"| {name} | {len(small)} | {len(twice.i)} | {n_pairs:,} | {len(i):,} | {above} "
        f"| {scores.max():.3f} | {seconds:.1f} |"
    )
    return left


def measure(small: np.ndarray, copies: np.ndarray, radius: int) -> tuple[int, int]:
    """Return how many copies are found, and how many pairs are false."""
    n = len(small)
    found = near.twins(np.concatenate((small, copies)), radius)
    right = found.j == found.i + n
    # The copies of two strangers show one stranger pair again, and are not counted twice.
    return int(right.sum()), int((~right & (found.i < n)).sum())


def main() -> None:
    """Print the tables in Markdown."""
    random = np.random.default_rng(SEED)
    held = sets(Path(sys.argv[1]))
    print("| set | pictures | twins in the release | other pairs | looked at | >= 0.95 ", end="")
    print("| >= 0.96 | >= 0.97 | >= 0.975 | >= 0.98 | highest | twins, s |\n|" + "---|" * 12)
    chosen: dict[str, list[np.ndarray]] = {}
    for name, arrays in held.items():
        left = negatives(name, reduced(arrays))
        kept = np.sort(random.permutation(left)[:N_PER_SET])
        chosen[name] = [arrays[at] for at in kept]
    changed = {
        (name, change): reduced([make(each, random) for each in arrays])
        for name, arrays in chosen.items()
        for change, make in CHANGES.items()
    }
    for radius in RADII:
        false = dict.fromkeys(chosen, 0)
        true = dict.fromkeys(chosen, 0)
        heads = (f"{name} (n = {len(each)})" for name, each in chosen.items())
        print(f"\nradius = {radius}\n\n| recall | " + " | ".join(heads) + " |")
        print("|---|" + "---|" * len(chosen))
        for change in CHANGES:
            cells = []
            for name, arrays in chosen.items():
                hits, wrong = measure(reduced(arrays), changed[name, change], radius)
                true[name], false[name] = true[name] + hits, false[name] + wrong
                cells.append(cell(hits, len(arrays)))
            print(f"| {change} | " + " | ".join(cells) + " |", flush=True)
        counts = (f"{true[name]} right, {false[name]} false" for name in chosen)
        print("| all changes | " + " | ".join(counts) + " |")


if __name__ == "__main__":
    main()
