"""The rules by name: what each looks for, and what it needs to look."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from typing import Literal

from medshelf.core.errors import UnknownNameError
from medshelf.core.issues import Issue, Severity
from medshelf.quality import rules
from medshelf.quality.case import Case

Need = Literal["pixels", "headers", "lettering", "predictions", "against", "record"]
NEEDS: dict[Need, str] = {
    "pixels": "the files may not be decoded (--no-pixels)",
    "headers": "the files may not be opened (--no-pixels)",
    "lettering": 'SciPy is not installed (pip install "medshelf[quality]")',
    "predictions": "no predictions were given (--predictions FILE)",
    "against": "no other dataset was given (--against ID)",
    "record": "the dataset has no record in the catalog",
}
"""What a rule may need, and why it was not run where that is missing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to look for.

    Attributes:
        id: Kebab case; the name of its module.
        area: integrity, leakage, geometry, labels, bias, privacy or licence.
        severity: How bad its Issues are at worst.
        needs: What it cannot do without.
        title: One line; `title_zh` in Chinese.
        page: What it looks for, why, an example and the remedy, in Markdown.
        settings: Thresholds that the user may set, with their defaults.
        check: Yields its Issues; none where the manifest has nothing that it is about.
    """

    id: str
    area: str
    severity: Severity
    needs: frozenset[Need]
    title: str
    title_zh: str
    page: str
    settings: Mapping[str, float]
    check: Callable[[Case], Iterator[Issue]]

    def missing(self, case: Case) -> str | None:
        """Say why the rule cannot be run on a case; null where it can."""
        there = {
            "pixels": case.passes.pixels,
            "headers": case.passes.pixels,
            "lettering": find_spec("scipy") is not None,
            "predictions": case.predictions is not None,
            "against": bool(case.against),
            "record": case.record is not None,
        }
        return next((NEEDS[each] for each in sorted(self.needs) if not there[each]), None)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by area and id."""
    found = []
    for area in pkgutil.iter_modules(rules.__path__):
        package = importlib.import_module(f"{rules.__name__}.{area.name}")
        modules = pkgutil.iter_modules(package.__path__)
        found += [_rule(area.name, each.name) for each in modules]
    return tuple(sorted(found, key=lambda each: (each.area, each.id)))


def chosen_rules(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Return the rules of some ids or areas, without those of others.

    Raises:
        UnknownNameError: A name is neither a rule nor an area.
    """
    known = all_rules()
    names = [*dict.fromkeys(each.area for each in known), *(each.id for each in known)]
    for name in (*select, *ignore):
        if name not in names:
            raise UnknownNameError("rule or area", name, names)
    return tuple(
        each for each in known if _named(each, select or names) and not _named(each, ignore)
    )


def as_markdown(shown: Iterable[Rule]) -> str:
    """Return the pages of rules, under a heading per area."""
    lines = []
    for area, members in groupby(shown, key=lambda each: each.area):
        lines.append(f"## {area.capitalize()}\n")
        for each in members:
            needs = f" Needs {', '.join(sorted(each.needs))}." if each.needs else ""
            thresholds = [f"`--set {name}={value:g}`" for name, value in each.settings.items()]
            settings = f" Thresholds: {', '.join(thresholds)}." if thresholds else ""
            lines += [
                f"### {each.id}\n",
                f"{each.title} ({each.severity}; {each.title_zh}).{needs}{settings}\n",
                f"{each.page}\n",
            ]
    return "\n".join(lines)


def _named(rule: Rule, names: Iterable[str]) -> bool:
    return rule.id in names or rule.area in names


def _rule(area: str, name: str) -> Rule:
    module = importlib.import_module(f"{rules.__name__}.{area}.{name}")
    title, _, page = str(module.__doc__).partition("\n")
    identifier, given = name.replace("_", "-"), getattr(module, "SETTINGS", {})
    return Rule(
        id=identifier,
        area=area,
        severity=module.SEVERITY,
        needs=frozenset(module.NEEDS),
        title=title.rstrip("."),
        title_zh=module.TITLE_ZH,
        page=page.strip(),
        settings={f"{identifier}.{key}": value for key, value in given.items()},
        check=module.check,
    )
