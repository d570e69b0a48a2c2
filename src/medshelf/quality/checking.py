"""All rules over one manifest: what was found, what was accepted before, what could not be run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medshelf.core.errors import FormatError, UnknownNameError
from medshelf.core.files import write_text
from medshelf.core.issues import SEVERITIES, Issue, Severity
from medshelf.core.manifest import Meta
from medshelf.core.version import __version__
from medshelf.quality.case import Case
from medshelf.quality.rulebook import all_rules, chosen_rules


@dataclass(frozen=True, slots=True)
class Checked:
    """What the rules found.

    Attributes:
        meta: What is true of the dataset.
        n_samples: Rows of the manifest.
        issues: The worst first, those of the reader included.
        accepted: Issues that the baseline lists, which count no more.
        ran: Ids of the rules that were run.
        skipped: Id of a rule to the reason why it was not run.
    """

    meta: Meta
    n_samples: int
    issues: tuple[Issue, ...]
    accepted: tuple[Issue, ...]
    ran: tuple[str, ...]
    skipped: Mapping[str, str]

    def at_least(self, severity: Severity) -> tuple[Issue, ...]:
        """Return the Issues of a severity or worse."""
        worst = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return tuple(each for each in self.issues if each.severity in worst)

    def as_dict(self) -> dict[str, Any]:
        """Return all for JSON."""
        return {
            "dataset": self.meta.dataset,
            "version": self.meta.version,
            "options": dict(self.meta.options),
            "medshelf": __version__,
            "n_samples": self.n_samples,
            "issues": [{"id": each.id, **each.as_dict()} for each in self.issues],
            "accepted": [each.id for each in self.accepted],
            "ran": list(self.ran),
            "skipped": dict(self.skipped),
        }


def check(
    case: Case,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    baseline: Path | None = None,
) -> Checked:
    """Run rules over a manifest.

    Args:
        case: The manifest with what the rules may need.
        select: Ids of rules or areas; all by default.
        ignore: Ids of rules or areas to leave out.
        baseline: A file of accepted Issues, see `write_baseline`.

    Raises:
        UnknownNameError: A name is neither a rule nor an area, or no rule has such a threshold.
        FormatError: The baseline is no such file.
    """
    for name in case.settings:
        thresholds = [key for rule in all_rules() for key in rule.settings]
        if name not in thresholds:
            raise UnknownNameError("threshold", name, thresholds)
    known = frozenset() if baseline is None else read_baseline(baseline)
    found: list[Issue] = []
    ran, skipped = [], {}
    for rule in chosen_rules(select, ignore):
        if reason := rule.missing(case):
            skipped[rule.id] = reason
            continue
        found += rule.check(case)
        ran.append(rule.id)
    if not select:
        found += [each for each in case.meta.issues if each.rule not in ran]
    found.sort(key=lambda each: SEVERITIES.index(each.severity))
    return Checked(
        meta=case.meta,
        n_samples=case.manifest.n_samples(),
        issues=tuple(each for each in found if each.id not in known),
        accepted=tuple(each for each in found if each.id in known),
        ran=tuple(ran),
        skipped=skipped,
    )


def read_baseline(path: Path) -> frozenset[str]:
    """Return the ids of the accepted Issues in a file.

    Raises:
        FormatError: The file is not there, or is not what `write_baseline` writes.
    """
    try:
        return frozenset(json.loads(path.read_text("utf-8"))["accepted"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Write one with --write-baseline"
        raise FormatError(path, f"no list of accepted Issues ({error})", remedy) from error


def write_baseline(checked: Checked, path: Path) -> None:
    """Accept all Issues that were found: write their ids, with a line to read, into a file.

    An Issue whose samples change gets another id, and so is reported again.

    Raises:
        StorageError: The file cannot be written.
    """
    issues = (*checked.issues, *checked.accepted)
    accepted = {each.id: each.message for each in sorted(issues, key=lambda each: each.id)}
    content = {"dataset": checked.meta.dataset, "accepted": accepted}
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
