"""MedDialog: consultations of patients and doctors in Chinese, and in English.

Raw tree, Chinese:
    2010.txt ... 2020.txt                                   raw, a block from each `id=`
    train_data.json, validate_data.json, test_data.json     processed: list of lists of turns
Raw tree, English:
    english-train.json, english-dev.json, english-test.json     processed

Known quirks: a raw block has its address, the lines `Doctor faculty`, `Description`, `Dialogue` and
mostly `Diagnosis and suggestions`, each with text below; in the dialogue a line that is only the
speaker opens a turn. Processed turns begin with the speaker and a colon, full width in Chinese;
later colons belong to the text. Processed files have no ids.

Source: https://arxiv.org/abs/2004.03329 and https://github.com/UCSD-AI4H/Medical-Dialogue-System
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble
from medshelf.core.columns import chosen, extra, grouped, numbered, text
from medshelf.core.errors import FormatError, LayoutError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.tables import read_table
from medshelf.formats.tables.split_tables import PART, ROW, list_named, read_parts
from medshelf.formats.text import read_text
from medshelf.formats.tree import find_one, match

_CHINESE = {"train": "train_data.json", "val": "validate_data.json", "test": "test_data.json"}
_ENGLISH = {
    "train": ("english-train.json",),
    "val": ("english-dev.json",),
    "test": ("english-test.json",),
}
_ROLES = {"医生": "doctor", "病人": "patient"}
_TURN = {"zh": r"(?s)^(医生|病人)\x{FF1A}\s*(.*)$", "en": r"(?si)^(doctor|patient):\s*(.*)$"}
_SECTIONS = ("Doctor faculty", "Description", "Dialogue", "Diagnosis and suggestions")
_DIGITS = 7


def read(root: Path, meta: Meta, *, edition: str = "raw", language: str = "zh") -> Manifest:
    """Read one edition of MedDialog.

    Args:
        root: The folder that holds the files of the edition.
        meta: Facts of the dataset.
        edition: `raw`, which is Chinese only, or `processed`.
        language: `zh` or `en`.

    Returns:
        One row per consultation with its `turns`, of `doctor` and `patient`; what the patient wrote
        before is the context, what the doctor sums up the impression.

    Raises:
        LayoutError: A file is missing, or a raw one does not begin with `id=`.
        FormatError: A processed file is truncated, or one is not UTF-8.
        UnknownNameError: There is no such edition in that language.
    """
    if chosen("language", language, _TURN) == "en":
        if edition != "processed":
            raise UnknownNameError("edition of the English part", edition, ("processed",))
        files = list_named(root, *(name for names in _ENGLISH.values() for name in names))
        kinds = {"utterances": pl.List(pl.String)}
        rows, issues = read_parts(
            root, files, _ENGLISH, required=("description", "utterances"), dtypes=kinds
        )
        rows = rows.with_columns(text=text(context=pl.col("description")))
        return assemble(_processed(rows, "en"), meta, root, issues)
    if chosen("edition", edition, ("raw", "processed")) == "processed":
        files = list_named(root, *_CHINESE.values())
        parts = [_dialogues(root, files, *each) for each in _CHINESE.items()]
        return assemble(_processed(pl.concat(parts), "zh"), meta, root)
    years = match(list_named(root, "2010.txt"), "{year}.txt")
    years = years.filter(pl.col("year").str.contains(r"^\d{4}$")).select("year", "path", "member")
    if years.is_empty():
        problem = f"There is no file like 2010.txt in {root}"
        raise LayoutError(problem, "Pass the folder of the raw edition, or edition='processed'")
    tables = [_consultations(root, year, Entry(*place)) for year, *place in years.rows()]
    return assemble(pl.concat(tables), meta, root)


def _dialogues(root: Path, files: pl.DataFrame, split: str, name: str) -> pl.DataFrame:
    """Return the turns of each dialogue of a processed Chinese file."""
    entry = find_one(files, name)
    document = pl.Series("utterances", [read_text(entry.source(root))])
    try:
        dialogues = document.str.json_decode(pl.List(pl.List(pl.String))).explode()
    except pl.exceptions.PolarsError as error:
        reason = f"it is no JSON list of lists of text ({error})"
        raise FormatError(root / entry.location, reason) from error
    numbers = pl.int_range(pl.len()).alias(ROW)
    return dialogues.to_frame().with_columns(numbers, pl.lit(split).alias(PART))


def _processed(rows: pl.DataFrame, language: str) -> pl.DataFrame:
    """Return the columns of the manifest for rows with `utterances`."""
    rows = rows.with_columns(sample_id=numbered(pl.col(PART), pl.col(ROW), _DIGITS))
    said = rows.select("sample_id", "utterances").explode("utterances")
    parts = pl.col("utterances").str.extract_groups(_TURN[language]).struct
    role = parts.field("1").str.to_lowercase().replace(_ROLES)
    turn = pl.struct(role=role, content=pl.coalesce(parts.field("2"), "utterances"))
    turns = grouped(said, "sample_id", turns=pl.when(pl.col("utterances").is_not_null()).then(turn))
    rows = rows.join(turns, on="sample_id", how="left")
    made = ["text"] if "text" in rows.columns else []
    return rows.select("sample_id", "turns", *made, split=PART, language=pl.lit(language))


def _consultations(root: Path, year: str, entry: Entry) -> pl.DataFrame:
    """Return the consultations of one raw file."""
    lines = read_table(
        entry.source(root),
        name=root / entry.location,
        kind="csv",
        separator=None,
        columns=("line",),
        keep_blank=True,
    )
    line = pl.col("line").fill_null("")
    number = line.str.extract(r"^\s*id=(\d+)\s*$")
    lines = lines.select(line, number=number, block=number.is_not_null().cum_sum())
    lines = lines.with_columns(
        section=pl.when(pl.col("number").is_not_null())
        .then(pl.lit("url"))
        .when(line.str.strip_chars().is_in(_SECTIONS))
        .then(line.str.strip_chars())
        .forward_fill()
    )
    if lines.filter((pl.col("block") == 0) & (line.str.strip_chars() != "")).height:
        problem = f"{root / entry.location}: its first line is no 'id='"
        raise LayoutError(problem, "Pass the folder of the raw edition")
    heads = lines.filter(pl.col("number").is_not_null()).select("block", "number")
    below = (
        (line.str.strip_chars() != pl.col("section"))
        & pl.col("number").is_null()
        & (pl.col("block") > 0)
    )
    body = lines.filter(below)
    texts = body.filter(pl.col("section") != "Dialogue").group_by("block", "section").agg(_joined())
    wide = texts.pivot("section", index="block", values="line")
    missing = [
        pl.lit(None, pl.String).alias(s) for s in ("url", *_SECTIONS) if s not in wide.columns
    ]
    rows = heads.join(wide.with_columns(missing), on="block", how="left", maintain_order="left")
    rows = rows.join(_turns(body), on="block", how="left", maintain_order="left")
    about = {"id": "number", "url": "url", "faculty": "Doctor faculty"}
    context, impression = pl.col("Description"), pl.col("Diagnosis and suggestions")
    return rows.select(
        "turns",
        sample_id=numbered(pl.lit(year), pl.col("number"), _DIGITS),
        text=text(context=context, impression=impression),
        language=pl.lit("zh"),
        extra=extra({name: pl.col(column) for name, column in about.items()}),
    )


def _turns(body: pl.DataFrame) -> pl.DataFrame:
    """Return the turns of each block."""
    said = body.filter(pl.col("section") == "Dialogue")
    role = pl.col("line").str.extract(r"^\s*(医生|病人)\x{FF1A}\s*$").replace(_ROLES)
    said = said.with_columns(role=role).with_columns(
        turn=pl.col("role").is_not_null().cum_sum().over("block")
    )
    spoken = said.filter(pl.col("role").is_null())
    opened = said.filter(pl.col("role").is_not_null()).select("block", "turn", "role")
    contents = spoken.group_by("block", "turn").agg(_joined())
    turns = opened.join(contents, on=["block", "turn"], how="full", coalesce=True)
    turns = turns.filter(pl.col("role").is_not_null() | (pl.col("line") != ""))
    turn = pl.struct("role", content=pl.col("line"))
    return grouped(turns.sort("block", "turn"), "block", turns=turn)


def _joined() -> pl.Expr:
    return pl.col("line").str.join("\n").str.strip_chars()
