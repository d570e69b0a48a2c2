"""An Issue: something odd about data that is reported, never silently mended or skipped."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about a dataset.

    Attributes:
        rule: Kebab-case id of the rule that found it, e.g. `sample-count`.
        severity: How bad it is.
        where: File, member or sample that it is about.
        message: What was found and what was expected.
        remedy: What the user can do.
    """

    rule: str
    severity: Severity
    where: str
    message: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        """Return the fields as plain strings, for JSON."""
        return asdict(self)
