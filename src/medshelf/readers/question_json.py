"""Questions and answers in a table: JSON, JSON Lines, CSV or any other that `formats.tables` reads.

Raw tree:
    train.json, test.json               table="train=train.json; test=test.json"
    data/train.jsonl                    table="data/{split}.jsonl"
    IM/first.csv, Surgical/second.csv   table="{folder}/{file}.csv"
    images/7.png                        image="images/{img}", `img` being a key of the rows

Known quirks: options are one list, one mapping from letters, or a key each; an answer is a text,
one or several letters, or a place from 0 or from 1. Rows without an id are called by their place.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import (
    chosen,
    class_names,
    entries,
    extra,
    filled,
    media,
    pairs,
    text,
)
from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.questions import letter_places, option_lists, right_answers
from medshelf.formats.entry import Entry
from medshelf.formats.tables.split_tables import PART, ROW, list_named, read_parts, stack_tables
from medshelf.formats.tree import IMAGE_SUFFIXES, LOCATION, attach, fields_of, left_over, match

_DIGITS = 6
_FIELD = re.compile(r"\{\w+\}")
_SPLIT = "(split)"
_ANSWERS = ("text", "letter", "index", "number")


def read(  # noqa: PLR0913 - one option per thing that a release may name
    root: Path,
    meta: Meta,
    *,
    table: str,
    items: str = "",
    kind: str = "",
    encoding: str = "utf-8",
    id: str = "",  # noqa: A002 - what a release calls it
    split: str = "",
    splits: str = "",
    patient: str = "",
    study: str = "",
    label: str = "",
    classes: str = "",
    image: str = "",
    question: str = "question",
    options: str = "",
    answer: str = "answer",
    answer_is: str = "text",
    explanation: str = "",
    context: str = "",
    language: str = "",
) -> Manifest:
    """Read questions and answers.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset.
        table: Pattern of the tables, maybe with `{split}` and other fields, which come before the
            id; or one for each split, `train=train.json; val=dev.json`.
        items: Key of the list of rows, where a file is an object that has other keys too.
        kind: Of the tables, see `formats.tables`; by default their suffix says it.
        encoding: Of the tables.
        id: Key of the id; by default it is the place in the table, `000017`.
        split: Key of the split.
        splits: Released name of a split to ours: `dev=val`.
        patient: Key of the patient.
        study: Key of the study.
        label: Key of the class.
        classes: Class as released to that of the record, where more than the case differs.
        image: Pattern of the image with keys of the row: `images/{img}`.
        question: Key of the question.
        options: Key of the options, or one key for each: `opa, opb, opc`.
        answer: Key of the answer.
        answer_is: `text`, `letter` (one or several), or the place of the option, `index` from 0 or
            `number` from 1.
        explanation: Key of the explanation.
        context: Key of a text that the question is about.
        language: Key of the language, or the language itself.

    Returns:
        What has no column of its own is in `extra` under its key.

    Raises:
        LayoutError: A table or key is missing.
        FormatError: A table is truncated, or in another encoding.
        SettingError: An option is not written as above.
    """
    files, spellings = list_named(root, table), pairs("splits", splits)
    how = {"items": items, "kind": kind or None, "encoding": encoding, "quote": True}
    rows, issues = _tables(root, files, table, spellings, **how)
    keys = {
        "patient_id": patient,
        "study_id": study,
        "label": label,
        "split": split,
        "question": question,
        "explanation": explanation,
    }
    choices = [each.strip() for each in options.split(",") if each.strip()]
    used = {*keys.values(), *choices, *fields_of(image), answer, context, id} - {""}
    if missing := sorted(used - set(rows.columns)):
        problem = f"{root}: the rows of {table} have no {', '.join(map(repr, missing))}"
        raise LayoutError(problem, f"They have: {', '.join(rows.columns)}")
    used |= {language} & set(rows.columns)
    facts = {column: pl.col(key) for column, key in keys.items() if key}
    if split:
        spelled = class_names(pl.col(split), SPLITS, spellings)
        rows = rows.with_columns(spelled.alias(PART), spelled.alias(_SPLIT))
    if label:
        known = {each for task in meta.tasks for each in task.classes}
        facts["label"] = class_names(pl.col(label), known, pairs("classes", classes))
    if context:
        facts["text"] = text(context=pl.col(context))
    number = pl.col(id) if id else pl.col(ROW).cast(pl.String).str.zfill(_DIGITS)
    part = pl.when(pl.col(PART) != "").then(PART)
    options_column, answers, odd = _answers(rows, choices, answer, answer_is, table)
    media_column, absent = _pictures(rows, files, image, table)
    others = {e: pl.col(e) for e in rows.columns if e not in {*used, PART, ROW, _SPLIT}}
    others[answer] = pl.when(answers.is_null()).then(answer)  # one that is no option
    if spellings and split:
        others[split] = pl.col(split)
    columns = rows.select(
        *(options_column, answers, media_column),
        **facts | {"split": pl.col(_SPLIT)},
        sample_id=pl.concat_str(part, number, separator="/", ignore_nulls=True),
        language=pl.col(language) if language in used else pl.lit(language or None),
        extra=extra(others),
    )
    return assemble(columns, meta, root, [*issues, *odd, *absent])


def _tables(
    root: Path, files: pl.DataFrame, table: str, spellings: dict[str, str], **how: Any
) -> tuple[pl.DataFrame, tuple[Issue, ...]]:
    """Return the rows of all tables, and the split that the name of their table says."""
    if "=" in table:
        names = {split: (name,) for split, name in pairs("table", table).items()}
        rows, issues = read_parts(root, files, names, **how)
        return rows.with_columns(pl.col(PART).alias(_SPLIT)), issues
    found, fields = match(files, table, required=True), fields_of(table)
    if "split" in fields:
        found = found.with_columns(class_names(pl.col("split"), SPLITS, spellings))
    parts = pl.concat_str(fields or pl.lit(""), separator="/")
    places = found.select(parts.alias(PART), "path", "member").rows()
    rows = stack_tables(root, [(part, Entry(*place)) for part, *place in places], **how)
    split = pl.lit(None, pl.String)
    if "split" in fields:
        split = pl.col(PART).str.split("/").list.get(fields.index("split"))
    return rows.with_columns(split.alias(_SPLIT)), ()


def _answers(
    rows: pl.DataFrame, choices: list[str], answer: str, answer_is: str, where: str
) -> tuple[pl.Series, pl.Series, tuple[Issue, ...]]:
    """Return the columns `options` and `answers`, and what to report."""
    issues: tuple[Issue, ...] = ()
    options = pl.Series("options", [None] * rows.height, pl.List(pl.String))
    if len(choices) == 1:
        options = option_lists(rows[choices[0]])
    elif choices:
        options = rows.select(pl.concat_list(choices)).to_series()
    given = pl.col(answer)
    if chosen("answer_is", answer_is, _ANSWERS) == "text":
        answers = rows.select(entries(given)).to_series()
    else:
        number = given.cast(pl.Int64) - (answer_is == "number")
        places = letter_places(given) if answer_is == "letter" else entries(number)
        answers, issues = right_answers(options, rows.select(places).to_series(), where)
    kept = pl.select(filled(pl.lit(options))).to_series()
    return kept.alias("options"), answers.alias("answers"), issues


def _pictures(
    rows: pl.DataFrame, files: pl.DataFrame, image: str, where: str
) -> tuple[pl.Series, tuple[Issue, ...]]:
    """Return the column `media`."""
    if not image:
        return pl.Series("media", [None] * rows.height), ()
    name = pl.format(_FIELD.sub("{}", image), *fields_of(image))
    named = attach(rows.select(name.alias("name")), files, "name")
    pictures = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES))
    gone = named.filter(pl.col("path").is_null())["name"].drop_nulls().unique().sort()
    unused = left_over(pictures, named).select(LOCATION).to_series()
    issues = (*missing_files(gone, where), *unused_files(unused, where))
    return named.select(media=entries(media("image"))).to_series(), issues
