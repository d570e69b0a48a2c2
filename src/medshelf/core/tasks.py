"""What is to be predicted, and the classes in their fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """The kinds of label task; each says which columns of the manifest it needs."""

    BINARY = "binary"
    MULTI_CLASS = "multi-class"
    ORDINAL = "ordinal"
    MULTI_LABEL = "multi-label"

    @property
    def columns(self) -> tuple[str, ...]:
        """Manifest columns that carry the targets."""
        return ("labels",) if self is TaskKind.MULTI_LABEL else ("label",)


@dataclass(frozen=True, slots=True)
class Task:
    """One label task.

    Attributes:
        name: What the task is called in the manifest's `labels` column.
        kind: Binary, multi-class, ordinal or multi-label.
        classes: Class names; the position is the class code.
    """

    name: str
    kind: TaskKind
    classes: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes, or of labels in a multi-label task."""
        return len(self.classes)
