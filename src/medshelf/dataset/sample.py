"""One row of a manifest: its facts at once, its pixels when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import LayoutError, SettingError, UnknownNameError
from medshelf.core.manifest import Meta
from medshelf.dataset import decoding
from medshelf.dataset.fields import Label, Medium, Question, Shape, Text, Turn
from medshelf.dataset.masks import Grid, Legend, legend_of, part_of, read_mask
from medshelf.formats.raster import Raster
from medshelf.formats.volume import Volume

_PLAIN = (
    *("split", "patient_id", "study_id", "label", "language"),
    *("age_years", "sex", "view", "laterality", "site", "scanner"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One sample; `docs/manifest.md` says what each field means. Null is not stated.

    Attributes:
        id: The `sample_id`.
        split: Official split.
        extra: Name to value of what else the release says.
        meta: What is true of the whole dataset.
        root: What the paths of `media` are relative to.
    """

    id: str
    split: str | None
    patient_id: str | None
    study_id: str | None
    media: tuple[Medium, ...]
    label: str | None
    labels: tuple[Label, ...]
    shapes: tuple[Shape, ...]
    text: Text | None
    question: Question | None
    language: str | None
    turns: tuple[Turn, ...]
    age_years: float | None
    sex: str | None
    view: str | None
    laterality: str | None
    site: str | None
    scanner: str | None
    extra: Mapping[str, str]
    meta: Meta = field(repr=False)
    root: Path = field(repr=False)
    _grids: dict[str, Grid] = field(default_factory=dict, repr=False, init=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any], meta: Meta, root: Path) -> Sample:
        """Make a sample of a manifest's row."""
        return cls(
            id=row["sample_id"],
            **{name: row[name] for name in _PLAIN},
            media=tuple(Medium(**each) for each in row["media"] or ()),
            labels=tuple(Label(**each) for each in row["labels"] or ()),
            shapes=tuple(_shape(each) for each in row["shapes"] or ()),
            text=_text(row["text"]),
            question=_question(row),
            turns=tuple(Turn(**each) for each in row["turns"] or ()),
            extra=_named_values(row["extra"]),
            meta=meta,
            root=root,
        )

    @property
    def report(self) -> str | None:
        """The radiology report, or another text of that kind."""
        return self.text.report if self.text else None

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the images, without repeats."""
        return _names(self.media, "image")

    @property
    def masks(self) -> tuple[str, ...]:
        """Names of the masks, without repeats."""
        return _names(self.media, "mask")

    @property
    def legend(self) -> Legend:
        """Names of what the masks show, with the values that stand for it; empty if not stated."""
        return legend_of(self.meta, self.extra.get("dataset"))

    def medium(self, name: str | None = None, role: str | None = None) -> Medium:
        """Return a medium by its name.

        Args:
            name: Its name; by default that of the first image, or of the first with that role.
            role: image, mask, video, mesh, signal, audio or text; any by default.

        Raises:
            SettingError: There is none at all.
            UnknownNameError: There is none of that name.
        """
        if name is None:
            role = role or "image"
        found = [each for each in self.media if role in (None, each.role)]
        if not found:
            problem = f"Sample {self.id} has no {role or 'medium'}"
            names = ", ".join(f"{each.name} ({each.role})" for each in self.media) or "none"
            raise SettingError(problem, f"Its media: {names}")
        for each in found:
            if name in (None, each.name):
                return each
        raise UnknownNameError(f"{role or 'medium'} of sample {self.id}:", name, _named(found))

    def source(self, name: str | None = None) -> Path | bytes:
        """Return the file of a medium: the path of a loose one, the bytes of an archive's member.

        Raises:
            As `medium`; NotFetchedError: The sample has no file for it.
        """
        return decoding.source(self.root, self.medium(name))

    def raster(self, name: str | None = None) -> Raster:
        """Decode an image or mask with its axes and geometry.

        Args:
            name: Which medium; the first image by default.

        Raises:
            SettingError: The sample has no image.
            UnknownNameError: It has no medium of that name.
            NotFetchedError: There is no file for it.
            FormatError: The file is not there, or damaged.
            UnsupportedError: Its format is not decoded.
        """
        medium = self.medium(name)
        raster = decoding.read(self.root, medium, self.meta.dimensions)
        if medium.role == "image":
            self._grids[str(medium.name)] = Grid.of(raster)
        return raster

    def image(self, name: str | None = None) -> np.ndarray:
        """Decode an image as it is stored.

        Pictures are (rows, columns) or (rows, columns, channels), NIfTI, MetaImage and NRRD volumes
        (x, y, z), DICOM (rows, columns); `raster` says the axes. See there for the errors.

        Args:
            name: Which one; the first image by default.
        """
        return self.raster(name).array

    def volume(self, name: str | None = None) -> Volume:
        """Open a NIfTI, MetaImage or NRRD file without reading its values.

        Args:
            name: Which medium; the first image by default.

        Raises:
            UnsupportedError: It is of another format; otherwise as `raster`.
        """
        return decoding.open_volume(self.root, self.medium(name))

    def mask(self, name: str | None = None, annotator: str | None = None) -> np.ndarray:
        """Decode a mask as it is stored; its axes are as those of `image`.

        Args:
            name: Name or label of a mask, which gives its values; or a name in the legend, which
                gives where it is, bool. May be left out where there is one mask.
            annotator: Whose, where several drew it.

        Raises:
            SettingError: There is no mask, or there are several to choose from.
            UnknownNameError: There is no such mask, nor such a name in the legend, or annotator.
            LayoutError: The mask is of another size than the image or lies elsewhere, or has a
                value that is not in the legend (0 may be left out of it).
            NotFetchedError: There is no file for it.
            FormatError: The file is not there, or damaged.
        """
        return self.mask_raster(name, annotator).array

    def mask_raster(self, name: str | None = None, annotator: str | None = None) -> Raster:
        """Decode a mask with its axes and geometry; see `mask`."""
        drawn = [each for each in self.media if each.role == "mask"]
        chosen = [each for each in drawn if name and name in (each.name, each.label)]
        values = None
        if not chosen:
            values = self._values_of(name) if name and drawn else None
            only = self._only_mask()
            chosen = [each for each in drawn if str(each.name) == only]
        chosen = self._by_annotator(chosen, annotator)
        raster = read_mask(self.root, chosen, self.legend, self.meta.dimensions)
        self._check_grid(raster, chosen[0])
        return raster if values is None else part_of(raster, values)

    def _values_of(self, name: str) -> tuple[int, ...]:
        legend = self.legend
        if name not in legend:
            known = dict.fromkeys([*self.masks, *(each.label for each in self.media), *legend])
            kind = f"mask of sample {self.id}:"
            raise UnknownNameError(kind, name, [each for each in known if each])
        return legend[name]

    def _only_mask(self) -> str:
        names = self.masks
        if len(names) != 1:
            problem = f"Sample {self.id} has {len(names) or 'no'} masks"
            remedy = f"Choose one of: {', '.join(names)}" if names else "Choose another sample"
            raise SettingError(problem, remedy)
        return names[0]

    def _by_annotator(self, media: list[Medium], annotator: str | None) -> list[Medium]:
        known = sorted({each.annotator or "not stated" for each in media})
        if annotator is None and len(known) > 1:
            problem = f"Mask {media[0].name!r} of sample {self.id} was drawn by several"
            raise SettingError(problem, f"Choose the annotator: {', '.join(known)}")
        chosen = [each for each in media if annotator in (None, each.annotator)]
        if not chosen:
            raise UnknownNameError("annotator", annotator, known)
        return chosen

    def _check_grid(self, mask: Raster, medium: Medium) -> None:
        """Compare a mask with the images, the first of which is decoded if none was."""
        grid, problems = Grid.of(mask), []
        for name in self.images:
            if name not in self._grids:
                self.raster(name)
            problem = grid.differs(self._grids[name])
            if problem is None:
                return
            problems.append(f"{name}: {problem}")
        if problems:
            where = decoding.location(self.root, medium)
            text = f"{where} of sample {self.id} is not as its image ({'; '.join(problems)})"
            raise LayoutError(text, "Use `raster` for the values as stored; report the release")


def _shape(fields: dict[str, Any]) -> Shape:
    points = tuple(fields["points"] or ())
    return Shape(**{**fields, "points": points, "extra": _named_values(fields["extra"])})


def _text(fields: dict[str, Any] | None) -> Text | None:
    return Text(**fields) if fields and any(each is not None for each in fields.values()) else None


def _question(row: Mapping[str, Any]) -> Question | None:
    if row["question"] is None:
        return None
    options, answers = (tuple(row[name] or ()) for name in ("options", "answers"))
    return Question(row["question"], options, answers, row["explanation"])


def _named_values(entries: list[dict[str, str]] | None) -> dict[str, str]:
    return {each["name"]: each["value"] for each in entries or ()}


def _names(media: Iterable[Medium], role: str) -> tuple[str, ...]:
    return tuple(_named(each for each in media if each.role == role))


def _named(media: Iterable[Medium]) -> list[str]:
    return list(dict.fromkeys(str(each.name) for each in media))
