"""A dataset in numbers: what its page should state, from its manifest and its pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from medshelf.core.version import __version__
from medshelf.dataset.overview import overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.annotation import ClassStat, describe_annotation
from medshelf.quality.profiling.annotators import Annotator, describe_annotators
from medshelf.quality.profiling.boxes import Boxes, describe_boxes
from medshelf.quality.profiling.counts import Counts, count
from medshelf.quality.profiling.images import Images, describe_images
from medshelf.quality.profiling.intensity import Intensity, describe_intensity
from medshelf.quality.profiling.labels import Labels, describe_labels
from medshelf.quality.profiling.masks import Masks, describe_masks
from medshelf.quality.profiling.people import People, describe_people
from medshelf.quality.profiling.questions import Questions, describe_questions
from medshelf.quality.profiling.resolution import Resolution, describe_resolution
from medshelf.quality.profiling.texts import Texts, describe_texts


@dataclass(frozen=True, slots=True)
class Profile:
    """The numbers of a dataset; what it does not have is null or empty, never 0.

    Attributes:
        dataset: Catalog id.
        name: As its authors write it.
        version: The release that was read.
        options: Reader options that chose the rows.
        unit: What a sample is.
        medshelf: Version that made the profile.
        pixels: Whether files were decoded; without, `resolution`, `intensity`, `images` and `masks`
            are empty, and `annotation` has no masks.
        counts: Samples, patients, studies.
        resolution: Sizes and spacings: the first table of a dataset's page.
        annotation: Classes with cases and extents: the second table.
        labels: Counts, balance and co-occurrence.
        people: Age, sex, view and the like.
        images: What the image files are.
        intensity: Values of the pixels, to normalise with.
        masks: How structures hang together.
        boxes: Sizes and places of boxes.
        texts: Lengths and words.
        questions: What can be answered without looking.
        annotators: Who annotated what.
    """

    dataset: str
    name: str
    version: str | None
    options: Mapping[str, str]
    unit: str
    medshelf: str
    pixels: bool
    counts: Counts
    resolution: tuple[Resolution, ...]
    annotation: tuple[ClassStat, ...]
    labels: Labels | None
    people: People | None
    images: Images | None
    intensity: tuple[Intensity, ...]
    masks: Masks | None
    boxes: Boxes | None
    texts: tuple[Texts, ...]
    questions: Questions | None
    annotators: tuple[Annotator, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


def profile(case: Case) -> Profile:
    """Count and measure what a manifest holds.

    Args:
        case: The manifest; with `passes.pixels` false, no file is opened.
    """
    seen = overview(case.manifest, n_first=0)
    pixels = case.passes.pixels
    meta = case.meta
    return Profile(
        dataset=meta.dataset,
        name=meta.name,
        version=meta.version,
        options=dict(meta.options),
        unit=meta.unit,
        medshelf=__version__,
        pixels=pixels,
        counts=count(case, seen),
        resolution=describe_resolution(case) if pixels else (),
        annotation=describe_annotation(case, seen),
        labels=describe_labels(case, seen),
        people=describe_people(case, seen),
        images=describe_images(case) if pixels else None,
        intensity=describe_intensity(case) if pixels else (),
        masks=describe_masks(case) if pixels else None,
        boxes=describe_boxes(case, seen),
        texts=describe_texts(case, seen),
        questions=describe_questions(case, seen),
        annotators=describe_annotators(case, seen),
    )
