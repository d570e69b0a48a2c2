"""An Issue: something odd about data that is reported, never silently mended or skipped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the worst to the mildest."""

Evidence = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding about a dataset.

    Attributes:
        rule: Kebab-case id of the rule that found it, e.g. `sample-count`.
        severity: How bad it is.
        where: File, member, sample, split or class that it is about.
        message: What was found and what was expected.
        remedy: What the user can do.
        samples: Ids of all samples concerned, in the order of the manifest.
        evidence: What shows it, one mapping per case, the clearest first; may be cut off.
    """

    rule: str
    severity: Severity
    where: str
    message: str
    remedy: str
    samples: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def id(self) -> str:
        """Rule and a digest of place and samples: the same finding has the same id every time."""
        told = "\0".join((self.rule, self.where, *sorted(self.samples)))
        return f"{self.rule}:{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Restore what `as_dict` gave, also after a passage through JSON."""
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        for name in ("samples", "evidence"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)
