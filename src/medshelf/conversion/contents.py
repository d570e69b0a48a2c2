"""What samples hold, in a closed vocabulary, so that a format loses nothing but by name."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import Manifest
from medshelf.dataset.decoding import VOLUMES

CONTENTS = {
    "pictures": "2D images",
    "volumes": "3D images",
    "videos": "films",
    "signals": "signals, audio, meshes and text files",
    "several-images": "more than one image in a sample",
    "masks": "masks",
    "several-annotators": "masks, shapes or labels by more than one annotator",
    "boxes": "boxes",
    "polygons": "polygons, contours and ellipses",
    "points": "points",
    "solids": "boxes and spheres in 3D",
    "class": "one class per sample",
    "findings": "several labels per sample",
    "uncertain": "labels that are stated to be uncertain",
    "unstated": "labels of a multi-label task that are stated for some samples only",
    "grades": "labels that are numbers: grades, measurements",
    "texts": "reports, captions and other texts",
    "questions": "questions with answers",
    "dialogues": "dialogues",
}
"""Name to what it is; `--drop NAME` lets a format lose it."""

_ARRAYS = ("npz", "npy", "h5", "h5.gz")
_SHAPES = {
    "boxes": ["box"],
    "polygons": ["polygon", "contour", "ellipse"],
    "points": ["point"],
    "solids": ["box3d", "sphere"],
}


def contents(manifest: Manifest) -> dict[str, int]:
    """Count the samples that hold each of `CONTENTS`; what none holds is left out."""
    media, labels, shapes = pl.col("media"), pl.col("labels"), pl.col("shapes")
    role = media.list.eval(pl.element().struct.field("role").cast(pl.String))
    counts = {
        **_images(manifest.meta.dimensions),
        "videos": role.list.contains(pl.lit("video")),
        "signals": role.list.eval(
            pl.element().is_in(["mesh", "signal", "audio", "text"])
        ).list.any(),
        "several-images": _names(media, "image").list.n_unique() > 1,
        "masks": role.list.contains(pl.lit("mask")),
        "several-annotators": _several_annotators(media, labels, shapes),
        **{name: _kinds(shapes, kinds) for name, kinds in _SHAPES.items()},
        "class": pl.col("label").is_not_null(),
        "findings": labels.list.len() > 0,
        **_values(manifest),
        "texts": pl.any_horizontal(
            pl.col("text").struct.field(each).is_not_null()
            for each in ("report", "findings", "impression", "caption", "context")
        ),
        "questions": pl.col("question").is_not_null(),
        "dialogues": pl.col("turns").list.len() > 0,
    }
    found = manifest.frame.select(
        each.fill_null(value=False).sum().alias(name) for name, each in counts.items()
    ).collect()
    return {name: found[name][0] for name in CONTENTS if found[name][0]}


def check_losses(
    held: Mapping[str, int], carried: frozenset[str], drop: frozenset[str], target: str
) -> tuple[str, ...]:
    """Return what a format loses; all of it has to be given up by name.

    Args:
        held: What `contents` gave.
        carried: What the format can carry.
        drop: What may be lost.
        target: The format.

    Raises:
        UnknownNameError: A name to drop is none of `CONTENTS`.
        SettingError: Something would be lost that was not given up.
    """
    for name in sorted(drop):
        if name not in CONTENTS:
            raise UnknownNameError("content to drop", name, CONTENTS)
    lost = tuple(name for name in held if name not in carried)
    if refused := [name for name in lost if name not in drop]:
        told = "; ".join(f"{CONTENTS[each]} ({held[each]:,} samples)" for each in refused)
        remedy = f"Convert to another format, or give them up: --drop {','.join(refused)}"
        raise SettingError(f"{target} cannot carry: {told}", remedy)
    return lost


def _images(dimensions: int | None) -> dict[str, pl.Expr]:
    kinds = pl.col("media").list.eval(
        pl.when(pl.element().struct.field("role").cast(pl.String) == "image").then(
            pl.element().struct.field("format")
        )
    )
    volume = [*VOLUMES, *(_ARRAYS if dimensions == 3 else ())]  # noqa: PLR2004
    if dimensions == 3:  # noqa: PLR2004
        volume += ["dcm", "ima"]
    return {
        "pictures": kinds.list.eval(
            pl.element().is_not_null() & ~pl.element().is_in(volume)
        ).list.any(),
        "volumes": kinds.list.eval(pl.element().is_in(volume)).list.any(),
    }


def _names(media: pl.Expr, role: str) -> pl.Expr:
    return media.list.eval(
        pl.element()
        .struct.field("name")
        .filter(pl.element().struct.field("role").cast(pl.String) == role)
    )


def _several_annotators(*columns: pl.Expr) -> pl.Expr:
    several = [
        each.list.eval(pl.element().struct.field("annotator").drop_nulls()).list.n_unique() > 1
        for each in columns
    ]
    return pl.any_horizontal(several)


def _kinds(shapes: pl.Expr, kinds: list[str]) -> pl.Expr:
    return shapes.list.eval(
        pl.element().struct.field("kind").cast(pl.String).is_in(kinds)
    ).list.any()


def _values(manifest: Manifest) -> dict[str, pl.Expr]:
    value = pl.col("labels").list.eval(pl.element().struct.field("value"))
    n_names = sum(task.n_classes for task in manifest.meta.tasks if "labels" in task.kind.columns)
    return {
        "uncertain": value.list.eval(pl.element() == -1).list.any(),
        "unstated": value.list.len().is_between(1, max(n_names - 1, 0)),
        "grades": value.list.eval(~pl.element().is_in([-1.0, 0.0, 1.0])).list.any(),
    }
