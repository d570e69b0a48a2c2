"""Samples as pictures: a folder with a table, or one montage, in the form of `medmnist`."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from PIL import Image

from medshelf.core.errors import LayoutError
from medshelf.core.files import make_folder, storage_errors, write_text
from medshelf.core.progress import progress_bar
from medshelf.formats.picture import encode_gif
from medshelf.imaging.montage import montage

_LOG = logging.getLogger(__name__)
_WORDS = {"train": "TRAIN", "val": "VALIDATION", "test": "TEST"}
_VOLUME_AXES = 3


def save_samples(
    images: np.ndarray, labels: np.ndarray, pictures: Path, split: str, postfix: str
) -> list[str]:
    """Write one picture per sample.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3); volumes (N, D, H, W) if `postfix` is `gif`.
        labels: (N, K).
        pictures: Folder, made where it does not exist.
        split: train, val or test.
        postfix: Ending, which says the format.

    Returns:
        The table's lines: split, file name, labels.
    """
    if len(images) != len(labels):
        problem = f"There are {len(images)} images and {len(labels)} labels"
        raise LayoutError(problem, "Replace `imgs` and `labels` together")
    _LOG.info("Saving split %s to %s", split, pictures)
    make_folder(pictures)
    lines = []
    with progress_bar(f"save {split}", len(images), unit=" pictures") as bar:
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            codes = [str(code) for code in label]
            name = f"{split}{index}_{'_'.join(codes)}.{postfix}"
            save_picture(image, pictures / name)
            lines.append(",".join((_WORDS[split], name, *codes)))
            bar.update(1)
    return lines


def save_picture(image: np.ndarray, path: Path) -> None:
    """Write an image in the format that the path's ending says, or a volume as a GIF."""
    with storage_errors(path):
        if is_volume(image):
            path.write_bytes(encode_gif(image))
        else:
            Image.fromarray(image).save(path)


def is_volume(image: np.ndarray) -> bool:
    """Tell a volume (D, H, W) from a picture (H, W) or (H, W, 3)."""
    return image.ndim == _VOLUME_AXES and image.shape[-1] != 3  # noqa: PLR2004 - channels of RGB


def write_table(path: Path, split: str, lines: list[str]) -> None:
    """Put the lines of a split into the table; the lines of other splits stay as they are."""
    word = f"{_WORDS[split]},"
    old = path.read_text("utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if not line.startswith(word)]
    write_text(path, "".join(f"{line}\n" for line in (*kept, *lines)))


def draw(n_samples: int, length: int, *, replace: bool) -> np.ndarray:
    """Draw samples for a montage; from NumPy's global generator, whose seed scripts set."""
    return np.random.choice(n_samples, size=length * length, replace=replace)  # noqa: NPY002


def tile(images: np.ndarray, length: int) -> Image.Image:
    """Tile images in rows of `length`, edge to edge."""
    return Image.fromarray(montage(images, length, gap=0))
