"""What is to be changed in which file, and what cannot be: decided from headers alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from medshelf.formats.geometry import orientation, usable
from medshelf.quality.fixing.headers import Drawn, File, Header
from medshelf.quality.fixing.turning import Turn, says_nothing, shear_degrees, without_shear
from medshelf.quality.rules.geometry import non_orthogonal

Step = Literal["masks", "orientation", "shear"]
STEPS: dict[Step, str] = {
    "masks": "give a mask the header of its image, or turn it as its image lies",
    "orientation": "turn volumes to one orientation",
    "shear": "make axes that are not at right angles so",
}
DEFAULT_STEPS: tuple[Step, ...] = ("masks", "orientation")
_MOST_ROUNDS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What is to be done to one file.

    Attributes:
        header: As it is.
        affine: The affine that the values should have before they are turned, float64 (4, 4).
        turn: How they are turned then.
        steps: Why.
        codes: `qform_code` and `sform_code` to write.
    """

    header: Header
    affine: np.ndarray
    turn: Turn
    steps: tuple[Step, ...]
    codes: Mapping[str, str]

    @property
    def after(self) -> np.ndarray:
        """The affine of the result, float64 (4, 4)."""
        return self.affine @ self.turn.matrix(self.header.lengths)

    @property
    def alters(self) -> bool:
        """Whether anything becomes different."""
        return bool(self.turn) or self.affine is not self.header.affine


@dataclass(slots=True)
class _Draft:
    """What has been decided so far, by file."""

    headers: Mapping[File, Header]
    affines: dict[File, np.ndarray] = field(default_factory=dict)
    targets: dict[File, str] = field(default_factory=dict)
    steps: dict[File, list[Step]] = field(default_factory=dict)
    codes: dict[File, Mapping[str, str]] = field(default_factory=dict)
    reasons: dict[File, str] = field(default_factory=dict)

    def affine(self, file: File) -> np.ndarray | None:
        return self.affines.get(file, self.headers[file].affine)

    def note(self, file: File, step: Step) -> None:
        self.steps.setdefault(file, []).append(step)


def make_plan(
    headers: Mapping[File, Header], drawn: Sequence[Drawn], what: Iterable[Step], target: str
) -> tuple[list[Change], dict[File, str]]:
    """Decide what is to be changed.

    Args:
        headers: Of all volumes.
        drawn: Which of them belong together.
        what: Steps to take.
        target: Orientation that volumes are turned to.

    Returns:
        The changes in the order of `headers`, and why what else is wrong is not changed.
    """
    draft = _Draft(headers)
    wanted = set(what)
    for file, header in headers.items():
        if header.problem is not None:
            draft.reasons[file] = header.problem
    for each in drawn:
        for mask in each.masks:
            _place(draft, mask, each.images, wanted="masks" in wanted)
    if "shear" in wanted:
        _straighten(draft)
    if "orientation" in wanted:
        _orient(draft, drawn, target)
    changes = [_change(draft, file) for file in headers if draft.steps.get(file)]
    return [each for each in changes if each.alters], draft.reasons


def _place(draft: _Draft, mask: File, images: Sequence[File], *, wanted: bool) -> None:
    """Let a mask lie on its image, if its header alone is wrong; else say that it does not."""
    header = draft.headers[mask]
    others = [draft.headers[each] for each in images if draft.headers[each].problem is None]
    placed = [each for each in others if each.affine is not None]
    if header.problem is not None or not placed or _lies(header, placed):
        return
    if (image := _turned_alike(header, placed)) is not None:
        if wanted:
            _set_target(draft, mask, orientation(_of(image)))
        return
    if not wanted:
        draft.reasons[mask] = "it does not lie on its image, and the step `masks` was not asked for"
        return
    alike = [each for each in placed if each.lengths == header.lengths]
    reason = _not_copied(header, alike)
    before = draft.affines.get(mask)
    if not reason and before is not None and not np.array_equal(before, _of(alike[0])):
        reason = "several samples name it, whose images lie at different places"
    if reason:
        draft.reasons[mask] = reason
    elif before is None:
        draft.affines[mask] = _of(alike[0])
        draft.codes[mask] = alike[0].codes
        draft.note(mask, "masks")


def _lies(mask: Header, images: Iterable[Header]) -> bool:
    stated = mask.affine is not None
    return stated and any(mask.grid().differs(each.grid()) is None for each in images)


def _turned_alike(mask: Header, images: Iterable[Header]) -> Header | None:
    """Return the image that a mask lies on once its axes are turned."""
    if mask.affine is None:
        return None
    for image in images:
        turn = Turn.between(mask.affine, orientation(_of(image)))
        lengths = tuple(mask.lengths[each] for each in turn.order)
        turned = Header(mask.file, mask.format, lengths=lengths)
        affine = mask.affine @ turn.matrix(mask.lengths)
        if turn and turned.grid(affine).differs(image.grid()) is None:
            return image
    return None


def _not_copied(mask: Header, alike: Sequence[Header]) -> str | None:
    """Say why a mask cannot have the header of an image."""
    if not alike:
        return "it has another size than its image"
    first = alike[0]
    if any(each.grid().differs(first.grid()) for each in alike):
        return "the images of its size lie at different places"
    if mask.affine is None or says_nothing(mask.affine):
        return None
    if orientation(mask.affine) != orientation(_of(first)):
        return "it lies elsewhere, and its axes run in other directions: which is right is unknown"
    return None


def _set_target(draft: _Draft, mask: File, code: str) -> None:
    if reason := draft.headers[mask].fixed_axes:
        draft.reasons[mask] = reason
    elif draft.targets.setdefault(mask, code) != code:
        draft.reasons[mask] = "several samples name it, whose images are oriented differently"
    elif "masks" not in draft.steps.get(mask, ()):
        draft.note(mask, "masks")


def _straighten(draft: _Draft) -> None:
    for file, header in draft.headers.items():
        affine = draft.affine(file)
        if header.problem is None and affine is not None and _sheared(affine):
            draft.affines[file] = without_shear(affine, header.lengths)
            draft.note(file, "shear")


def _sheared(affine: np.ndarray) -> bool:
    return shear_degrees(affine) > non_orthogonal.SETTINGS["degrees"]


def _orient(draft: _Draft, drawn: Sequence[Drawn], target: str) -> None:
    """Turn the volumes of a sample, all of them or none."""
    stuck = _stuck(draft, drawn)
    for file, header in draft.headers.items():
        affine = draft.affine(file)
        if header.problem is not None or affine is None or not usable(affine):
            continue
        code = draft.targets.get(file, orientation(affine))
        if code == target and orientation(affine) == target:
            continue
        if file in stuck:
            if code != target:
                draft.reasons.setdefault(file, stuck[file])
            continue
        draft.targets[file] = target
        if orientation(affine) != target:
            draft.note(file, "orientation")


def _stuck(draft: _Draft, drawn: Sequence[Drawn]) -> dict[File, str]:
    """Return the files that are not turned, for their own sake or that of their sample."""
    stuck = {}
    for file, header in draft.headers.items():
        reason = draft.reasons.get(file, header.fixed_axes)
        if reason is not None:
            stuck[file] = reason
    for _ in range(_MOST_ROUNDS):
        n_before = len(stuck)
        for each in drawn:
            files = (*each.images, *each.masks)
            held = next((file for file in files if file in stuck), None)
            if held is not None:
                reason = f"{held.path} of its sample is not turned: {stuck[held]}"
                for file in files:
                    stuck.setdefault(file, reason)
        if len(stuck) == n_before:
            break
    return stuck


def _change(draft: _Draft, file: File) -> Change:
    header, affine = draft.headers[file], draft.affine(file)
    if affine is None:  # pragma: no cover - a step is noted only where there is an affine
        raise TypeError(file)
    code = draft.targets.get(file)
    turn = Turn() if code is None else Turn.between(affine, code)
    codes = draft.codes.get(file, header.codes)
    return Change(header, affine, turn, tuple(dict.fromkeys(draft.steps[file])), codes)


def _of(header: Header) -> np.ndarray:
    if header.affine is None:  # pragma: no cover - only placed images are asked
        raise TypeError(header.file)
    return header.affine
