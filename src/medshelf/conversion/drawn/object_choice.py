"""Which boxes, outlines, points and masks become the objects of a detection dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from medshelf.conversion.cases.label_codes import code_labels
from medshelf.conversion.cases.segmentation import stated_meta
from medshelf.conversion.contents import contents
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset.masks import Legend, legend_of

OPTIONS: Mapping[str, str] = {
    "objects": "what becomes objects: boxes, polygons, points, masks, joined by a comma",
    "instances": "of a mask: components (default), structures, or values, each an object",
    "annotator": "whose masks and shapes are taken, where several drew them",
    "legend": "what values of masks mean: 0=background; 1=liver; 2=tumour",
}
KIND_OF = {
    "box": "boxes",
    "polygon": "polygons",
    "contour": "polygons",
    "ellipse": "polygons",
    "point": "points",
}
UNNAMED = "object"
"""The class of a shape that has no label."""

_DRAWN = ("boxes", "polygons", "points")
_INSTANCES = ("components", "structures", "values")


@dataclass(frozen=True, slots=True)
class ObjectChoice:
    """What becomes objects.

    Attributes:
        kinds: Of boxes, polygons, points and masks.
        names: Classes, in their order.
        n_points: Of a class whose objects have points, how many.
        structures: What masks show, by the legend or by the name of each mask.
        by_structure: A mask shows the one structure that it is named after.
        instances: components, structures or values.
        annotator: Whose; everybody's where empty.
    """

    kinds: Sequence[str]
    names: Sequence[str]
    n_points: Mapping[str, int]
    structures: Sequence[str]
    by_structure: bool
    instances: str
    annotator: str


def choose_objects(
    manifest: Manifest, options: Mapping[str, str], known: Sequence[str]
) -> ObjectChoice:
    """Return what becomes objects, after a look at all samples.

    Classes are in the order of the tasks that name them, then of the legend, then of the alphabet.

    Args:
        manifest: The samples.
        options: Values of `OPTIONS`.
        known: Kinds of objects that the format has.

    Raises:
        SettingError: A sample has no image, there are masks and shapes and it is not said which of
            them are meant, shapes are in millimetres, values of masks have no names, or an option
            has another value.
        UnknownNameError: An option names another kind of object, or nobody who drew.
    """
    _check_images(manifest)
    instances = options.get("instances", "components")
    if instances not in _INSTANCES:
        choices = ", ".join(_INSTANCES)
        raise SettingError(f"instances={instances!r} is not known", f"Choose {choices}")
    held = contents(manifest)
    kinds = _kinds(options.get("objects", ""), held, known)
    annotator = options.get("annotator", "")
    shapes = _shapes(manifest, kinds, annotator)
    structures: Sequence[str] = ()
    by_structure = False
    media = _masks(manifest, annotator) if "masks" in held and "masks" in kinds else None
    meta = stated_meta(manifest.meta, options)
    if media is not None:
        shown = media["label"].drop_nulls().unique().sort().to_list()
        codes = code_labels(legends(meta), () if media["label"].null_count() else shown)
        structures, by_structure = list(codes.names), codes.by_structure
    _check_annotator(annotator, [shapes["annotator"], *([] if media is None else [media["drawn"]])])
    return ObjectChoice(
        kinds=kinds,
        names=_ordered(shapes["label"].unique().sort().to_list(), structures, meta),
        n_points=_n_points(shapes.filter(pl.col("kind") == "point")),
        structures=structures,
        by_structure=by_structure,
        instances=instances,
        annotator=annotator,
    )


def legends(meta: Meta) -> list[Legend]:
    """Return the legends of a dataset, or of each of several that were put together."""
    parts = [each.partition(":")[2] for each in meta.options if each.startswith("legend")]
    return [legend_of(meta, each or None) for each in parts]


def _kinds(text: str, held: Mapping[str, int], known: Sequence[str]) -> list[str]:
    wanted = [each.strip() for each in text.split(",") if each.strip()]
    if unknown := [each for each in wanted if each not in known]:
        raise UnknownNameError("value of objects", unknown[0], known)
    drawn = [each for each in _DRAWN if each in held and each in known]
    if not wanted and drawn and "masks" in held:
        problem = f"Samples have masks and {' and '.join(drawn)}, which may show the same things"
        remedy = f"Choose: --with objects=masks, or --with objects={','.join(drawn)}, or both"
        raise SettingError(problem, remedy)
    return wanted or list(known)


def _check_images(manifest: Manifest) -> None:
    role = pl.col("media").list.eval(pl.element().struct.field("role").cast(pl.String))
    bare = ~role.list.contains(pl.lit("image")).fill_null(value=False)
    counts = manifest.frame.select(n=bare.sum(), first=pl.col("sample_id").filter(bare).first())
    n, first = counts.collect().row(0)
    if n:
        problem = f"{n:,} samples have no image, e.g. {first}"
        raise SettingError(problem, 'Leave them out, e.g. --filter "media IS NOT NULL"')


def _shapes(manifest: Manifest, kinds: Sequence[str], annotator: str) -> pl.DataFrame:
    """Return kind, label and annotator of the chosen shapes, each once, with the number of points.

    Raises:
        SettingError: One is in millimetres.
    """
    chosen = [each for each, kind in KIND_OF.items() if kind in kinds]
    kind = pl.col("kind").cast(pl.String)
    shapes = manifest.frame.select("shapes").explode("shapes").drop_nulls("shapes")
    found = (
        shapes.unnest("shapes")
        .with_columns(kind, pl.col("label").fill_null(UNNAMED), n=pl.col("points").list.len() // 2)
        .filter(kind.is_in(chosen))
        .group_by("kind", "label", "annotator")
        .agg(pl.col("n").min().alias("least"), pl.col("n").max(), (pl.col("unit") == "mm").any())
        .sort("kind", "label", "annotator")
        .collect()
    )
    if found["unit"].any():
        problem = "Shapes are stated in millimetres, which a picture does not have"
        raise SettingError(problem, "Choose others, e.g. --with objects=masks")
    mine = pl.col("annotator").fill_null(annotator) == annotator
    return found.filter(mine) if annotator else found


def _masks(manifest: Manifest, annotator: str) -> pl.DataFrame:
    """Return what masks show and who drew them, each once."""
    media = manifest.frame.select("media").explode("media").drop_nulls("media").unnest("media")
    found = (
        media.filter(pl.col("role").cast(pl.String) == "mask")
        .select("label", drawn="annotator")
        .unique()
        .sort("label", "drawn")
        .collect()
    )
    mine = pl.col("drawn").fill_null(annotator) == annotator
    return found.filter(mine) if annotator else found


def _check_annotator(annotator: str, drawn: Iterable[pl.Series]) -> None:
    people = pl.concat(list(drawn)).drop_nulls().unique().sort().to_list()
    if annotator and annotator not in people:
        raise UnknownNameError("annotator", annotator, people)


def _ordered(labels: Sequence[str], structures: Sequence[str], meta: Meta) -> list[str]:
    used = {*labels, *structures}
    named = [each for task in meta.tasks if used & set(task.classes) for each in task.classes]
    return list(dict.fromkeys([*named, *structures, *labels]))


def _n_points(points: pl.DataFrame) -> dict[str, int]:
    found = points.group_by("label").agg(pl.col("least").min(), pl.col("n").max()).sort("label")
    for label, least, most in found.iter_rows():
        if least != most:
            problem = f"Objects of {label!r} have {least} to {most} points"
            remedy = "Leave points out, e.g. --with objects=boxes,polygons"
            raise SettingError(problem, remedy)
    return dict(found.select("label", "n").iter_rows())
