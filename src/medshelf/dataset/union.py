"""Several datasets as one: common names for labels, and every row knows where it is from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from medshelf.catalog.licence import licences
from medshelf.core.errors import SettingError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.harmonising import Spelling, common_names

NOT_STATED = "licence not stated"

_UNION = "parts"
_SINGLE = (TaskKind.BINARY, TaskKind.MULTI_CLASS)


@dataclass(frozen=True)
class _Part:
    """One of the manifests, and what its ids begin with."""

    manifest: Manifest
    prefix: str
    root: str

    @property
    def meta(self) -> Meta:
        return self.manifest.meta

    @property
    def is_union(self) -> bool:
        return _UNION in self.meta.options


def concat(
    parts: Iterable[Dataset | Manifest],
    *,
    names: Mapping[str, str] | None = None,
    synonyms: bool = False,
) -> Dataset:
    """Put datasets together.

    Sample, patient and study ids begin with the id of their dataset, which is also in `extra` with
    the dataset's folder; rows are in the order of their ids. Paths are relative to the folder that
    all parts share, so every medium is found as before. Labels get common names (see
    `dataset.harmonising`; Issues say which were joined); tasks of one name and kind become one with
    the classes of all. What a part does not state stays not stated.

    Args:
        parts: Datasets or manifests, at least one.
        names: Common names of your own: name in any part to common name.
        synonyms: Also join what the vocabulary calls synonyms, which are often wider or narrower.

    Raises:
        SettingError: There is no part, a sample is in two parts, `names` joins two labels of one
            part, or the folders of the parts share none.
    """
    manifests = [each.manifest if isinstance(each, Dataset) else each for each in parts]
    if not manifests:
        raise SettingError("There is nothing to put together", "Pass at least one dataset")
    root = _common_root(manifests)
    made = sorted((_part(each, root) for each in manifests), key=lambda each: each.prefix)
    spellings, issues = common_names(_names(made), names, synonyms=synonyms)
    tasks, renamed = _tasks(made, spellings)
    frames = [
        _frame(each, spellings[each.meta.dataset], renamed[each.meta.dataset]) for each in made
    ]
    frame = pl.concat(frames)
    if len({each.prefix for each in made}) < len(made) or any(each.is_union for each in made):
        frame = _in_order(frame)
    return Dataset(Manifest(frame, _meta(made, tasks, issues), root))


def _part(manifest: Manifest, root: Path) -> _Part:
    folder = Path(os.path.abspath(manifest.root)).relative_to(root).as_posix()  # noqa: PTH100
    return _Part(manifest, f"{manifest.meta.dataset}/", folder)


def _common_root(manifests: Sequence[Manifest]) -> Path:
    roots = [os.path.abspath(each.root) for each in manifests]  # noqa: PTH100 - links stay links
    try:
        return Path(os.path.commonpath(roots))
    except ValueError as error:
        problem = f"The folders {', '.join(roots)} have nothing in common"
        raise SettingError(problem, "Put the datasets on one drive") from error


def _names(parts: Sequence[_Part]) -> dict[str, list[str]]:
    """Return the names of classes and of what is drawn, by dataset, in order."""
    entry = pl.col("labels").explode().struct.field("name")
    drawn = pl.col("shapes").explode().struct.field("label")
    found: dict[str, list[str]] = {}
    for part in parts:
        columns = [pl.col("label"), entry, drawn]
        queries = [
            part.manifest.frame.select(each.drop_nulls().unique().sort()) for each in columns
        ]
        seen = [name for each in pl.collect_all(queries) for name in each.to_series()]
        stated = [name for task in part.meta.tasks for name in task.classes]
        listed = [*found.get(part.meta.dataset, ()), *stated, *seen]
        found[part.meta.dataset] = list(dict.fromkeys(listed))
    return found


def _tasks(
    parts: Sequence[_Part], spellings: Mapping[str, Spelling]
) -> tuple[tuple[Task, ...], dict[str, dict[str, str]]]:
    """Join tasks of one name and kind; one that fits none gets the name of its dataset before it.

    Returns:
        The tasks, and for each dataset the new names of its tasks.
    """
    joined: dict[str, Task] = {}
    renamed: dict[str, dict[str, str]] = {}
    for part in parts:
        new_names = renamed.setdefault(part.meta.dataset, {})
        for task in part.meta.tasks:
            spelling = spellings[part.meta.dataset]
            classes = tuple(dict.fromkeys(spelling[name] for name in task.classes))
            ours = Task(task.name, task.kind, classes)
            both = _both(joined.get(task.name, ours), ours)
            if both is None:
                both = replace(ours, name=f"{part.prefix}{task.name}")
            joined[both.name] = both
            new_names[task.name] = both.name
    return tuple(joined.values()), renamed


def _both(one: Task, other: Task) -> Task | None:
    """Return a task for the rows of both; None where there is none."""
    if one.classes == other.classes and one.kind == other.kind:
        return one
    classes = tuple(dict.fromkeys((*one.classes, *other.classes)))
    if one.kind is other.kind is TaskKind.MULTI_LABEL:
        return Task(one.name, one.kind, classes)
    if one.kind in _SINGLE and other.kind in _SINGLE:
        kind = TaskKind.BINARY if len(classes) <= 2 else TaskKind.MULTI_CLASS  # noqa: PLR2004
        return Task(one.name, kind, classes)
    return None


def _frame(part: _Part, spelling: Spelling, tasks: Mapping[str, str]) -> pl.LazyFrame:
    field = pl.field
    changed = {old: new for old, new in spelling.items() if old != new}
    path = pl.when(field("path").is_not_null()).then(pl.lit(_below(part.root)) + field("path"))
    frame = part.manifest.frame.with_columns(
        pl.col("label").replace(changed),
        _each("labels", name=field("name").replace(changed), task=field("task").replace(tasks)),
        _each("shapes", label=field("label").replace(changed)),
        _each("media", path=path),
    )
    if part.is_union:
        return frame
    where = [("dataset", part.meta.dataset), ("root", part.root)]
    own = [pl.struct(name=pl.lit(name), value=pl.lit(value)) for name, value in where]
    before = pl.col("extra").fill_null(pl.lit([], dtype=frame.collect_schema()["extra"]))
    ids = ("sample_id", "patient_id", "study_id")
    return frame.with_columns(
        *[(pl.lit(part.prefix) + pl.col(each)).alias(each) for each in ids],
        extra=pl.concat_list(before, pl.concat_list(own)),
    )


def _each(column: str, **fields: pl.Expr) -> pl.Expr:
    named = [value.alias(name) for name, value in fields.items()]
    return pl.col(column).list.eval(pl.element().struct.with_fields(named))


def _below(root: str) -> str:
    return "" if root == "." else f"{root}/"


def _in_order(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Sort parts of one dataset together, and refuse a sample that is in two of them."""
    ids = frame.select("sample_id").collect().to_series()
    double = ids.filter(ids.is_duplicated()).unique().sort()
    if len(double):
        shown = ", ".join(double.head(3)) + (", ..." if len(double) > 3 else "")  # noqa: PLR2004
        problem = f"{len(double):,} samples are in more than one part: {shown}"
        raise SettingError(problem, "Put parts together that share no sample")
    return frame.sort("sample_id")


def _meta(parts: Sequence[_Part], tasks: tuple[Task, ...], issues: Sequence[Issue]) -> Meta:
    metas = list({each.meta.dataset: each.meta for each in parts}.values())
    legends = {
        (key if part.is_union else f"{key}:{part.meta.dataset}"): text
        for part in parts
        for key, text in part.meta.options.items()
        if key.split(":")[0] == "legend"
    }
    units, dimensions, channels = (
        {getattr(each, name) for each in metas} for name in ("unit", "dimensions", "channels")
    )
    published = all(each.splits for each in metas)
    counts = [name for each in metas for name in each.splits] if published else []
    return Meta(
        dataset="+".join(each.dataset for each in metas),
        name=" + ".join(each.name for each in metas),
        unit=units.pop() if len(units) == 1 else "sample",
        tasks=tasks,
        dimensions=dimensions.pop() if len(dimensions) == 1 else None,
        channels=channels.pop() if len(channels) == 1 else None,
        splits={name: sum(each.splits.get(name, 0) for each in metas) for name in counts},
        licence=" AND ".join(_licences(metas)),
        citation="\n\n".join(dict.fromkeys(each.citation for each in metas if each.citation)),
        label_origin=_said(metas, [each.label_origin or "not stated" for each in metas]),
        limitations=tuple(f"{each.name}: {text}" for each in metas for text in each.limitations),
        options={_UNION: "; ".join(each.dataset for each in metas), **legends},
        files={f"{e.dataset}/{name}": digest for e in metas for name, digest in e.files.items()},
        synthetic=any(each.synthetic for each in metas),
        modified=any(each.modified for each in metas),
        issues=(*_issues(metas), *issues),
    )


def _issues(metas: Sequence[Meta]) -> tuple[Issue, ...]:
    return tuple(
        replace(issue, where=f"{each.dataset}: {issue.where}")
        for each in metas
        for issue in each.issues
    )


def _said(metas: Sequence[Meta], texts: Sequence[str]) -> str:
    pairs = zip(metas, texts, strict=True)
    return "; ".join(f"{meta.name}: {text}" for meta, text in pairs)


def _licences(metas: Sequence[Meta]) -> list[str]:
    """Return every licence that the whole is under, the most restrictive first."""
    found = dict.fromkeys(
        text for each in metas for text in (each.licence or NOT_STATED).split(" AND ")
    )
    return sorted(found, key=_freedom)


def _freedom(licence: str) -> tuple[int, str]:
    """Count what a licence is known to allow, and what it does not ask for."""
    terms = licences().get(licence)
    if terms is None:
        return (-1, licence)
    allowed = (terms.commercial, terms.redistribution, terms.derivatives)
    asked = (terms.share_alike, terms.attribution)
    return (2 * allowed.count(True) + asked.count(False), licence)
