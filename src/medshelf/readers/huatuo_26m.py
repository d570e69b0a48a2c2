"""Huatuo-26M: Chinese medical questions and answers, read lazily.

Raw tree:
    huatuo_consultation_qa/train_datasets.jsonl, validation_datasets.jsonl, test_datasets.jsonl
    huatuo_encyclopedia_qa/...          the same three
    huatuo_knowledge_graph_qa/...       the same three
    format_data.jsonl                   Huatuo26M-Lite, with ids
    test_datasets.jsonl                 huatuo26M-testdatasets, 6,000 pairs of all parts

Known quirks: `questions` is a text, a list, or a list of lists of paraphrases; answers of the
consultations are web addresses in place of texts, others may hold remnants of HTML. Only Lite has
ids. The published counts are those of the paper, not of these files.

Source: https://arxiv.org/abs/2305.01526 and https://huggingface.co/FreedomIntelligence
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble
from medshelf.core.columns import chosen, entries, extra, numbered
from medshelf.core.issues import Issue
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.formats.tables import read_table
from medshelf.formats.tables.json_lines import scan_lines
from medshelf.formats.tables.split_tables import PART, ROW, list_named
from medshelf.formats.tree import find_one, match

_FOLDERS = {
    "consultation": "huatuo_consultation_qa",
    "encyclopedia": "huatuo_encyclopedia_qa",
    "knowledge-graph": "huatuo_knowledge_graph_qa",
}
_SPLITS = {"test": "test", "train": "train", "val": "validation"}
_SINGLE = {"lite": "format_data.jsonl", "testdatasets": "test_datasets.jsonl"}
_KEYS = ("questions", "answers")
_LITE = ("id", "score", "label", "related_diseases")
_DIGITS = 8
_TEXTS = pl.List(pl.String)
_LINE_BYTES = len('{"questions":"?","answers":"!"}\n')


def read(root: Path, meta: Meta, *, part: str = "", check: str = "") -> Manifest:
    """Read Huatuo-26M, without holding its rows.

    Args:
        root: The folder that holds the parts, as they are on the Hugging Face Hub.
        meta: Facts of the dataset.
        part: `consultation`, `encyclopedia`, `knowledge-graph`, `lite` or `testdatasets`; by
            default the first three.
        check: `ids` reads all rows once and checks that their ids are unique and in order, which
            otherwise follows from how they are made: part, split and place in the file.

    Returns:
        Rows that are scanned from the files each time they are collected; those of Lite are held.

    Raises:
        LayoutError: No file of the part is there, or a key is missing.
        FormatError: A file is truncated; further damage shows when its rows are collected.
        UnknownNameError: There is no such part or check.
    """
    if chosen("part", part, (*_FOLDERS, *_SINGLE)) == "lite":
        return _lite(root, meta)
    folders = {part: _FOLDERS.get(part, "")} if part else _FOLDERS
    names = {
        f"{each}/{split}": f"{folder}/{name}_datasets.jsonl"
        for each, folder in folders.items()
        for split, name in _SPLITS.items()
    }
    if part in _SINGLE:
        names = {f"{part}/test": _SINGLE[part]}
    files = list_named(root, *names.values())
    found = {each: name for each, name in names.items() if match(files, name).height} or names
    frame = _rows(pl.concat(_lines(root, files, *each) for each in found.items()))
    issues = [
        Issue("file-missing", "error", each, f"its table {name} is not there", "Fetch the rest")
        for each, name in names.items()
        if each not in found
    ]
    if part:
        meta = replace(meta, splits={})
    if chosen("check", check, ("ids",)):
        return assemble(frame.collect(), meta, root, issues)
    issues += _too_small(files, found, meta.splits)
    manifest = Manifest.from_columns(frame, meta.with_issues(*issues), root)
    return replace(manifest, lasting=False)


def _lines(root: Path, files: pl.DataFrame, part: str, name: str) -> pl.LazyFrame:
    entry = find_one(files, name)
    lines = scan_lines(entry.source(root), _KEYS, row=ROW, name=root / entry.location)
    return lines.with_columns(pl.lit(part).alias(PART))


def _rows(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of all files; made here so that polars skips what is not asked for."""
    asked, told = (pl.col(each) for each in _KEYS)
    inner = asked.str.replace_all(r'"\]\s*,\s*\["', '", "')
    inner = inner.str.strip_prefix("[").str.strip_suffix("]")
    flat = pl.when(asked.str.starts_with("[[")).then(inner).otherwise(asked)
    questions, answers = _texts(flat), _texts(told)
    first = answers.list.first()
    address = (answers.list.len() == 1) & first.str.contains("^https?://")
    several = {"questions": (questions.list.len() > 1, flat), "answer_url": (address, first)}
    return lines.select(
        sample_id=numbered(pl.col(PART), pl.col(ROW), _DIGITS),
        split=pl.col(PART).str.extract(r"/(\w+)$"),
        question=questions.list.first(),
        answers=pl.when(~address).then(answers),
        language=pl.lit("zh"),
        extra=extra({key: pl.when(yes).then(text) for key, (yes, text) in several.items()}),
    )


def _texts(text: pl.Expr) -> pl.Expr:
    """Return the list that a JSON text is, or a list of the text itself."""
    is_list = text.str.starts_with('["')
    return (
        pl.when(is_list)
        .then(pl.when(is_list).then(text).str.json_decode(_TEXTS))
        .otherwise(pl.when(text.is_not_null()).then(pl.concat_list(text)))
    )


def _too_small(
    files: pl.DataFrame, found: dict[str, str], published: Mapping[str, int]
) -> Iterator[Issue]:
    """Report splits whose files cannot hold the published number of rows; nothing is counted."""
    for split in SPLITS:
        names = [name for part, name in found.items() if part.endswith(f"/{split}")]
        n_bytes = sum(match(files, name)["size_bytes"].sum() for name in names)
        if n_bytes < published.get(split, 0) * _LINE_BYTES:
            n_most = n_bytes // _LINE_BYTES
            message = (
                f"its files hold {n_most:,} samples at most, {published[split]:,} are published"
            )
            yield Issue("sample-count", "warning", f"split {split}", message, "Fetch the rest")


def _lite(root: Path, meta: Meta) -> Manifest:
    entry = find_one(list_named(root, _SINGLE["lite"]), _SINGLE["lite"])
    rows = read_table(
        entry.source(root), name=root / entry.location, required=("question", "answer", *_LITE)
    )
    columns = rows.select(
        "question",
        sample_id=numbered(pl.lit("lite"), pl.col("id"), _DIGITS),
        answers=entries(pl.col("answer")),
        language=pl.lit("zh"),
        extra=extra({each: pl.col(each) for each in _LITE}),
    )
    return assemble(columns, replace(meta, splits={}), root)
