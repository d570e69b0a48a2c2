"""MELD: utterances of a television series with emotion and sentiment; text, and maybe video.

Raw tree:
    data/MELD/train_sent_emo.csv, dev_sent_emo.csv, test_sent_emo.csv
    data/MELD_Dyadic/train_sent_emo_dya.csv ...                     dialogues of two speakers
    MELD.Raw/train_splits/dia0_utt0.mp4
    MELD.Raw/dev_splits_complete/dia0_utt0.mp4
    MELD.Raw/output_repeated_splits_test/dia0_utt0.mp4, final_videos_testdia0_utt0.mp4

Known quirks: Dialogue_ID starts again in each split, and ids have gaps; older copies are in code
page 1252. Some test clips are there in two cuts: users disagree which is right, so both are kept. A
clip of dev is missing, one of train is said to be corrupt.

Source: https://doi.org/10.18653/v1/P19-1050 and https://github.com/declare-lab/MELD
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, known_names, missing_files, unused_files
from medshelf.core.columns import chosen, entries, extra, grouped, media, numbered, one_label
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.tables.split_tables import PART, ROW, read_parts
from medshelf.formats.tree import LOCATION, list_files, match

_TABLES = {"train": "train_sent_emo", "val": "dev_sent_emo", "test": "test_sent_emo"}
_FOLDERS = {
    "train_splits": "train",
    "dev_splits_complete": "val",
    "output_repeated_splits_test": "test",
}
_AGAIN = "final_videos_test"
_TASKS = {"emotion": "Emotion", "sentiment": "Sentiment"}
_IDS = ("Dialogue_ID", "Utterance_ID")
_COLUMNS = ("Utterance", "Speaker", *_TASKS.values())
_MADE = (PART, ROW, "clip", "media")


def read(root: Path, meta: Meta, *, variant: str = "", encoding: str = "utf-8") -> Manifest:
    """Read MELD.

    Args:
        root: The folder that holds tables and maybe clips, unpacked or not.
        meta: Facts of the dataset.
        variant: `dyadic` for the dialogues of two speakers; by default all.
        encoding: Of the tables; `cp1252` for older copies.

    Returns:
        One row per utterance; `study_id` is its dialogue, `turns` has speaker and text, `labels`
        emotion and sentiment.

    Raises:
        LayoutError: No table is there, a column is missing, or an emotion is not known.
        FormatError: A table is truncated, or in another encoding.
        UnknownNameError: There is no such variant.
    """
    files = list_files(root)
    end = "_dya.csv" if chosen("variant", variant, ("dyadic",)) else ".csv"
    rows, absent = read_parts(
        root,
        files,
        {split: (name + end,) for split, name in _TABLES.items()},
        encoding=encoding,
        required=(*_COLUMNS, *_IDS, *(f"Old_{each}" for each in _IDS if variant)),
        dtypes=dict.fromkeys(_IDS, pl.Int64),
    )
    for task in meta.tasks:
        known_names(rows[_TASKS[task.name]], task.classes, f"column {_TASKS[task.name]}")
    clips = _clips(files)
    ids = [f"Old_{each}" if variant else each for each in _IDS]  # clips have those of the whole set
    rows = rows.with_columns(clip=pl.format("{}/dia{}_utt{}", PART, *ids))
    rows = rows.join(grouped(clips, "clip", media=pl.col("medium")), on="clip", how="left")
    dialogue = numbered(pl.col(PART), pl.col("Dialogue_ID"), 4).str.replace("/", "/dia")
    utterance = pl.col("Utterance_ID").cast(pl.String).str.zfill(2)
    others = [each for each in rows.columns if each not in (*_COLUMNS, *_MADE)]
    tasks = [one_label(task, pl.col(column), 1) for task, column in _TASKS.items()]
    columns = rows.select(
        "media",
        sample_id=dialogue + "_utt" + utterance,
        split=PART,
        study_id=dialogue,
        labels=entries(*tasks),
        language=pl.lit("en"),
        turns=pl.concat_list(pl.struct(role="Speaker", content="Utterance")),
        extra=extra({each: pl.col(each) for each in others}),
    )
    missed = columns.filter(pl.col("media").is_null() & pl.lit(clips.height > 0))["sample_id"]
    unused = clips.clear() if variant else clips.join(rows, on="clip", how="anti")
    issues = [
        *absent,
        *missing_files(missed, "clips of utterances"),
        *unused_files(unused.select(LOCATION).to_series(), "tables"),
    ]
    return assemble(columns, replace(meta, splits={}) if variant else meta, root, issues)


def _clips(files: pl.DataFrame) -> pl.DataFrame:
    """Return the clips with the keys of their utterance; the second cut of one has a name."""
    cuts = []
    for prefix in ("", _AGAIN):
        found = match(files, f"{{folder}}/{prefix}dia{{dialogue}}_utt{{utterance}}.mp4")
        cuts.append(found.with_columns(media("video", prefix or "video").alias("medium")))
    clips = pl.concat(cuts).filter(pl.col("folder").is_in(list(_FOLDERS)))
    split = pl.col("folder").replace(_FOLDERS)
    return clips.with_columns(clip=pl.format("{}/dia{}_utt{}", split, "dialogue", "utterance"))
