"""Perceptual hashes and near pairs against imagehash and faiss, in one run.

Hashes are uniform, or skewed: every bit is 1 with the same probability, so that 64 bits hold 46 or
37 bits of entropy; 2,000 near pairs are planted in each. With FOLDER, which holds
medmnist_variants/pneumoniamnist.npz, there are also hashes like those of chest radiographs:
thresholded spectra drawn from the normal distribution that fits the real ones.

    python benchmarks/bench_hashing.py [FOLDER]
"""

from __future__ import annotations

import importlib.metadata
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import imagehash
import numpy as np
from pairs import compare
from PIL import Image

from medshelf.imaging import hashing, near

N_NIH = 112_120
ENTROPIES = {"uniform": 0.5, "46 bits of entropy": 0.1984, "37 bits of entropy": 0.1377}
"""Probability of a 1."""


def skewed(n: int, probability: float, n_planted: int = 2000) -> np.ndarray:
    random = np.random.default_rng(1)
    packed = [
        np.packbits(random.random((min(100_000, n - at), 64)) < probability, axis=1)
        for at in range(0, n, 100_000)
    ]
    return planted(np.concatenate(packed).view(np.uint64).ravel(), n_planted, random)


def planted(hashes: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    """Overwrite n hashes with others of which up to 4 bits are changed."""
    at, of = random.integers(0, len(hashes), (2, n))
    masks = np.zeros(n, np.uint64)
    for _ in range(4):
        masks |= np.uint64(1) << random.integers(0, 64, n, dtype=np.uint64)
    hashes[at] = hashes[of] ^ masks
    return hashes


def like_chests(path: Path, n: int) -> np.ndarray:
    with np.load(path) as file:
        images = np.concatenate([file[f"{split}_images"] for split in ("train", "val", "test")])
    spectra = hashing._spectrum(np.stack([hashing.reduced(each) for each in images]))
    flat = spectra.reshape(-1, 64)[:, 1:]
    random = np.random.default_rng(2)
    drawn = random.multivariate_normal(flat.mean(axis=0), np.cov(flat.T), n)
    whole = np.concatenate((np.full((n, 1), np.inf), drawn), axis=1).reshape(n, 8, 8)
    return planted(hashing._bits(whole), 2000, random)


def seconds(work: Callable[[], object], repeats: int) -> tuple[float, object]:
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times), result


def by_faiss(index: faiss.IndexBinary, hashes: np.ndarray) -> list[np.ndarray]:
    """Return all pairs within 4 bits, in the form of near.pairs_within."""
    codes = hashes[:, None].view(np.uint8)
    index.add(codes)
    limits, _, j = index.range_search(codes, 5)
    i = np.repeat(np.arange(len(hashes)), np.diff(limits.astype(np.int64)))
    upper = i < j
    order = np.lexsort((j[upper], i[upper]))
    return [i[upper][order], j[upper][order]]


def multi_hash() -> faiss.IndexBinary:
    index = faiss.IndexBinaryMultiHash(64, 5, 12)
    index.nflip = 0
    return index


def measure_pairs(name: str, hashes: np.ndarray) -> None:
    """Print times; faiss's multi-hash takes minutes where hashes are skewed, and is left out."""
    ours, found = seconds(lambda: near.pairs_within(hashes, 4), 5)
    flat, theirs = seconds(lambda: by_faiss(faiss.IndexBinaryFlat(64), hashes), 1)
    equal = all(np.array_equal(a, b) for a, b in zip(found[:2], theirs, strict=True))
    print(
        f"{name}: {len(found.i):,} pairs, medshelf {ours:.2f} s; faiss flat {flat:.2f} s, "
        f"x{flat / ours:.1f}, {'equal' if equal else 'NOT EQUAL'}",
        flush=True,
    )
    if name.endswith("uniform"):
        other, quick = seconds(lambda: by_faiss(multi_hash(), hashes), 1)
        print(f"  faiss multi-hash {other:.2f} s, x{other / ours:.1f}, {len(quick[0]):,} pairs")


MILLION = """
import resource, sys, time
import numpy as np
sys.path.insert(0, {folder!r})
from bench_hashing import skewed
from medshelf.imaging import near
hashes = skewed(1_000_000, {probability})
begin = time.perf_counter()
found = near.pairs_within(hashes, 4, at_most=100_000_000)
taken = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"1,000,000 hashes, {name}: {{len(found.i):,}} pairs, {{taken:.1f}} s, peak {{peak:.2f}} GB")
"""


def main() -> None:
    """Print all times."""
    for package in ("imagehash", "faiss-cpu", "numpy", "pillow", "scipy"):
        print(package, importlib.metadata.version(package), end="; ")
    print(f"faiss threads {faiss.omp_get_max_threads()}")
    random = np.random.default_rng(0)
    large = random.integers(0, 256, (16, 1024, 1024), dtype=np.uint8)
    pictures = [Image.fromarray(each) for each in large]
    compare(
        "hash of 16 x 1024 x 1024 against imagehash",
        lambda: hashing.phash(np.stack([hashing.reduced(each) for each in large])),
        lambda: [imagehash.phash(each) for each in pictures],
    )
    reducing, _ = seconds(lambda: hashing.reduced(large[0]), 200)
    print(f"reduced, 1024 x 1024 uint8: {reducing * 1000:.2f} ms")
    small = random.integers(0, 256, (1000, 32, 32), dtype=np.uint8)
    pictures = [Image.fromarray(each) for each in small]
    for name, own in (("hash", hashing.phash), ("8 hashes", hashing.phash_dihedral)):
        compare(
            f"{name} of 1000 x 32 x 32 against one of imagehash",
            lambda own=own: own(small),
            lambda: [imagehash.phash(each) for each in pictures],
        )
    for name, probability in ENTROPIES.items():
        measure_pairs(f"{N_NIH:,} hashes, {name}", skewed(N_NIH, probability))
    if len(sys.argv) > 1:
        path = Path(sys.argv[1]) / "medmnist_variants/pneumoniamnist.npz"
        measure_pairs(f"{N_NIH:,} hashes like those of chests", like_chests(path, N_NIH))
    for name, probability in list(ENTROPIES.items())[:2]:
        folder = str(Path(__file__).parent)
        code = MILLION.format(folder=folder, probability=probability, name=name)
        subprocess.run([sys.executable, "-c", code], check=True)


if __name__ == "__main__":
    main()
