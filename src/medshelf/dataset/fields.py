"""The nested values of a manifest's row, with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Medium:
    """Where one image, mask or other medium is; `docs/manifest.md` says what each field means."""

    name: str | None
    role: str | None
    path: str | None
    member: str | None = None
    index: int | None = None
    format: str | None = None
    label: str | None = None
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """One statement: 1 present, 0 absent, -1 uncertain, or a grade; not stated has no entry."""

    task: str | None
    name: str | None
    value: float | None
    source: str | None = None
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A box, polygon, point ... on the medium called `media`; pixels or millimetres (RAS+)."""

    kind: str | None
    label: str | None
    points: tuple[float, ...]
    unit: str | None
    media: str | None
    frame: int | None
    annotator: str | None
    extra: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """Free text as released."""

    report: str | None
    findings: str | None
    impression: str | None
    caption: str | None
    context: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the answers to choose from and the right ones."""

    text: str
    options: tuple[str, ...]
    answers: tuple[str, ...]
    explanation: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says in a dialogue."""

    role: str | None
    content: str | None
