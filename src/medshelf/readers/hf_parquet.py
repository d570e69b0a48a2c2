"""Parquet files as the library `datasets` writes them: pictures within, one row per sample.

Raw tree:
    data/train-00000-of-00002.parquet       data/ or the folder of a configuration
    data/train-00001-of-00002.parquet
    data/validation-00000-of-00001.parquet
    README.md                               not read

Known quirks: classes are codes, whose names are in the metadata of the file, -1 being unknown; a
picture may be null; without that metadata codes are their own names.

Source: https://huggingface.co/docs/datasets, repository structure and features
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.assembly import assemble, missing_files
from medshelf.core.columns import class_names, entries, extra, filled, media, pairs
from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.questions import option_lists
from medshelf.formats.tables.parquet_facts import read_facts
from medshelf.formats.tables.split_tables import PART, ROW, list_named
from medshelf.formats.tree import match

_SPLITS = {"validation": "val", "valid": "val", "dev": "val", "eval": "test"}
_PLACE = "{split}-{shard}-of-{shards}.parquet"
_FILE = "(file)"
_DIGITS = 6
_JSON: dict[str, Any] = {"ensure_ascii": False, "default": str}


def read(  # noqa: PLR0913 - one option per column that a release may name
    root: Path,
    meta: Meta,
    *,
    config: str = "data",
    image: str = "image",
    id: str = "",  # noqa: A002 - what a release calls it
    label: str = "",
    classes: str = "",
    patient: str = "",
    question: str = "",
    answer: str = "",
    options: str = "",
    explanation: str = "",
    language: str = "",
) -> Manifest:
    """Read Parquet files of the Hugging Face Hub.

    Args:
        root: The folder that holds the repository; the files are not in an archive.
        meta: Facts of the dataset.
        config: Folder of the configuration.
        image: Column of the picture, if it is there.
        id: Column of the id; by default shard and place in it, `00000/000017`.
        label: Column of the class, by name or code.
        classes: Class as released to that of the record, where more than the case differs.
        patient: Column of the patient.
        question: Column of the question.
        answer: Column of the answer, as text.
        options: Column of the options, as a list or its JSON text.
        explanation: Column of the explanation.
        language: Of the text.

    Returns:
        `media` names file, column and row of a picture; its bytes are not read. All columns without
        an option are in `extra`, lists and structs as JSON text.

    Raises:
        LayoutError: A shard or column is missing, or a code has no name.
        FormatError: A file is truncated.
        MissingExtraError: PyArrow is not installed.
    """
    rows, features = _rows(root, config)
    named = {"patient_id": patient, "question": question, "explanation": explanation}
    used = {*named.values(), id, label, answer, options} - {""}
    if missing := sorted(used - set(rows.columns)):
        problem = f"{root}: the rows of {config} have no column {', '.join(map(repr, missing))}"
        raise LayoutError(problem, f"They have: {', '.join(rows.columns)}")
    facts = {column: pl.col(key).cast(pl.String) for column, key in named.items() if key}
    split = pl.col(PART).str.extract("^([^/]+)")
    number = pl.col(id or ROW).cast(pl.String).str.zfill(0 if id else _DIGITS)
    sample = pl.concat_str(split if id else PART, number, separator="/")
    if label:
        names = _names(rows[label], features.get(label, {}).get("names"), root)
        known = {each for task in meta.tasks for each in task.classes}
        facts["label"] = class_names(pl.lit(names), known, pairs("classes", classes))
    if options:
        facts["options"] = filled(pl.lit(_lists(rows[options])))
    if answer:
        facts["answers"] = entries(pl.col(answer).cast(pl.String))
    others = _others(rows, {*used, PART, ROW, _FILE, image})
    issues: tuple[Issue, ...] = ()
    if image in rows.columns:
        path = pl.when(pl.col(image).is_not_null()).then(_FILE)
        picture = media(
            "image", path=path, member=pl.lit(image), index=pl.col(ROW), format="parquet"
        )
        facts["media"] = entries(picture)
        others[f"{image}.path"] = pl.col(image).struct.field("path")
        bare = rows.filter(pl.col(image).is_null()).select(sample).to_series()
        issues = missing_files(bare, f"pictures of {config}")
    columns = rows.select(
        sample_id=sample,
        split=split,
        language=pl.lit(language or None),
        extra=extra(others),
        **facts,
    )
    return assemble(columns, meta, root, issues)


def _rows(root: Path, config: str) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return the rows of all shards, and what the first says of its columns."""
    files = list_named(root, f"{config}/{_PLACE}").filter(pl.col("member").is_null())
    shards = match(files, f"{config}/{_PLACE}", required=True)
    for split, n_shards in shards.select("split", "shards").unique().sort("split").rows():
        there = shards.filter(pl.col("split") == split)["shard"].to_list()
        wanted = [f"{number:05d}" for number in range(int(n_shards))]
        if absent := [each for each in wanted if each not in there]:
            name = f"{config}/{split}-{absent[0]}-of-{n_shards}.parquet"
            problem = (
                f"{root}: {len(absent)} of {n_shards} shards are not there, the first is {name}"
            )
            raise LayoutError(problem, "Fetch the rest")
    shards = shards.with_columns(class_names(pl.col("split"), SPLITS, _SPLITS))
    tables, features = list[pl.DataFrame](), dict[str, Any]()
    for split, shard, path in shards.select("split", "shard", "path").rows():
        rows, said = read_facts(root / path)
        features = features or said
        place = {PART: f"{split}/{shard}", _FILE: path}
        numbered = rows.with_row_index(ROW)
        tables.append(numbered.with_columns(pl.lit(each).alias(c) for c, each in place.items()))
    return pl.concat(tables, how="diagonal_relaxed"), features


def _lists(options: pl.Series) -> pl.Series:
    as_text = options.dtype == pl.String
    return option_lists(options) if as_text else options.cast(pl.List(pl.String))


def _names(codes: pl.Series, names: list[str] | None, root: Path) -> pl.Series:
    """Return the names of classes; -1 is null."""
    if not codes.dtype.is_integer():
        return codes.cast(pl.String)
    known = codes.replace(-1, None)
    if names is None:
        return known.cast(pl.String)
    if len(strange := known.filter(~known.is_between(0, len(names) - 1))):
        problem = (
            f"{root}: {strange[0]} is no code of {codes.name!r}, which has {len(names)} classes"
        )
        raise LayoutError(problem, "Compare the files with the published ones")
    return known.replace_strict(dict(enumerate(names)), return_dtype=pl.String)


def _others(rows: pl.DataFrame, used: set[str]) -> dict[str, pl.Expr]:
    """Return the other columns as text."""
    others = {}
    for name in rows.columns:
        column = rows[name]
        if name in used:
            continue
        if column.dtype.is_nested() or column.dtype == pl.Boolean:
            texts = [
                None if each is None else json.dumps(each, **_JSON) for each in column.to_list()
            ]
            column = pl.Series(name, texts, pl.String)
        others[name] = pl.lit(column)
    return others
