"""A shuffled pass in normalised float32 batches of 128, against medmnist and other loaders.

One thread. Generated PathMNIST files, since speed does not depend on what the pixels show.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pairs import compare
from PIL import Image
from torchvision_forms import augmented, usual

import medshelf
from medshelf.dataset.batching.augmentation import Augmentation

FOLDER = tempfile.TemporaryDirectory()
os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = FOLDER.name  # the peer makes a folder in HOME
import medmnist  # noqa: E402

torch.set_num_threads(1)
COUNTS = {28: 20_000, 224: 3_000}


def make_file(size: int) -> None:
    """Noise in PathMNIST's layout."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", COUNTS[size]), ("val", 2), ("test", 2)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, size, size, 3), np.uint8)
        arrays[f"{split}_labels"] = rng.integers(0, 9, (n, 1)).astype(np.uint8)
    path = Path(FOLDER.name) / ("pathmnist.npz" if size == 28 else f"pathmnist_{size}.npz")
    np.savez(path, **arrays)
    os.utime(path, (0, 0))
    medmnist.INFO["pathmnist"]["n_samples"]["train"] = COUNTS[size]


def visit(batches: Iterable[Any]) -> None:
    """Go through all batches and keep none."""
    for _ in batches:
        pass


def loader(dataset: Any, *, shuffle: bool = True) -> Any:
    """The usual DataLoader in one process."""
    return torch.utils.data.DataLoader(dataset, batch_size=128, shuffle=shuffle)


def peer(size: int, transform: Callable[[Any], Any]) -> Any:
    """Return medmnist's own dataset."""
    return medmnist.PathMNIST("train", transform, root=FOLDER.name, size=size)


def check_bits(ours: medshelf.dataset.dataset.Dataset, theirs: Any) -> None:
    """Every batch must be equal to the bit."""
    pairs = zip(
        ours.batches(128, device="cpu", normalise=(0.5, 0.5)),
        loader(theirs, shuffle=False),
        strict=True,
    )
    for (images, targets), (other_images, other_targets) in pairs:
        assert torch.equal(images, other_images)
        assert torch.equal(targets, other_targets[:, 0])


def compare_size(size: int) -> None:
    """Print the ratios at one size."""
    make_file(size)
    ours = medshelf.load("pathmnist", "train", size=size, root=FOLDER.name, allow_modified=True)
    theirs = peer(size, usual())
    check_bits(ours, theirs)
    options = {"shuffle": True, "device": "cpu", "normalise": (0.5, 0.5)}
    compare(
        f"{size} px, dataset.batches, against medmnist + DataLoader, equal to the bit",
        lambda: visit(ours.batches(128, **options)),
        lambda: visit(loader(theirs)),
    )
    random = peer(size, augmented())
    compare(
        f"{size} px with flip and padded crop, against the same",
        lambda: visit(ours.batches(128, augment=Augmentation(), **options)),
        lambda: visit(loader(random)),
    )
    for name, other in others(ours).items():
        compare(
            f"{size} px, {name}, against medmnist + DataLoader",
            other,
            lambda: visit(loader(theirs)),
        )


def as_sample(pair: tuple[np.ndarray, int]) -> dict[str, Any]:
    """What litdata stores of one image."""
    return {"image": pair[0], "label": pair[1]}


def others(ours: medshelf.dataset.dataset.Dataset) -> dict[str, Callable[[], None]]:
    """Passes of other loaders over the same images, as far as they are installed."""
    transform, folder = usual(), tempfile.mkdtemp(dir=FOLDER.name)
    found: dict[str, Callable[[], None]] = {}
    if find_spec("datasets"):
        import datasets

        columns = {
            "image": [Image.fromarray(image) for image in ours.images()],
            "label": ours.targets.tolist(),
        }
        features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
        table = datasets.Dataset.from_dict(columns, features)
        table.set_transform(
            lambda rows: {
                "image": [transform(each) for each in rows["image"]],
                "label": rows["label"],
            }
        )
        found["Hugging Face datasets (PNG)"] = lambda: visit(loader(table))
    if find_spec("webdataset"):
        import webdataset

        path = f"{folder}/shard.tar"
        with webdataset.TarWriter(path) as shard:
            for index, (image, target) in enumerate(ours):
                png = io.BytesIO()
                Image.fromarray(image).save(png, "PNG")
                shard.write({"__key__": f"{index:06d}", "png": png.getvalue(), "cls": target})

        def streamed() -> None:
            shards = webdataset.WebDataset(path, shardshuffle=False).shuffle(1000).decode("pil")
            visit(shards.to_tuple("png", "cls").map_tuple(transform, int).batched(128))

        found["webdataset (PNG)"] = streamed
    if find_spec("litdata"):
        import litdata

        samples = list(zip(ours.images(), ours.targets.tolist(), strict=True))
        litdata.optimize(as_sample, samples, f"{folder}/lit", chunk_bytes="64MB", num_workers=1)

        class Streaming(litdata.StreamingDataset):
            def __getitem__(self, index: Any) -> tuple[Any, int]:
                stored = super().__getitem__(index)
                return transform(Image.fromarray(stored["image"])), stored["label"]

        stream = Streaming(f"{folder}/lit", shuffle=True)
        found["litdata (arrays)"] = lambda: visit(
            litdata.StreamingDataLoader(stream, batch_size=128, num_workers=0)
        )
    return found


if __name__ == "__main__":
    compare_size(28)
    compare_size(224)
    FOLDER.cleanup()
