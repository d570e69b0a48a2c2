"""MedQA: questions of medical board exams of the USA, mainland China and Taiwan.

Raw tree:
    data_clean/questions/US/train.jsonl, dev.jsonl, test.jsonl          five options
    data_clean/questions/US/4_options/phrases_no_exclude_train.jsonl    ... dev, test: four options
    data_clean/questions/Mainland/train.jsonl ...                       4_options/train.jsonl ...
    data_clean/questions/Taiwan/train.jsonl ...                         four options
    data_clean/textbooks/                                               not read

Known quirks: `*_qbank.jsonl` repeats all questions of a region; two options may have one text, so
`answer_idx` says which is meant; keys come in varying order. Scores on four and on five options do
not compare.

Source: https://doi.org/10.3390/app11146421 and https://github.com/jind11/MedQA
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble
from medshelf.core.columns import chosen, entries, extra, filled, numbered
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.questions import option_lists
from medshelf.formats.tables.split_tables import PART, ROW, read_parts
from medshelf.formats.tree import list_files

_LANGUAGES = {"US": "en", "Mainland": "zh-Hans", "Taiwan": "zh-Hant"}
_FILES = {"train": "train", "val": "dev", "test": "test"}
_FOUR = {
    "US": "US/4_options/phrases_no_exclude_{}.jsonl",
    "Mainland": "Mainland/4_options/{}.jsonl",
}
_REQUIRED = ("question", "options", "answer", "answer_idx")


def read(root: Path, meta: Meta, *, region: str = "", n_options: str = "") -> Manifest:
    """Read MedQA.

    Args:
        root: The folder that holds the release, unpacked or not.
        meta: Facts of the dataset.
        region: `US`, `Mainland` or `Taiwan`; by default all.
        n_options: `4` for the files with four options; by default as each exam has them.

    Returns:
        `sample_id` is region, split and place in the file; `extra` has the letter of the answer.

    Raises:
        LayoutError: No file of questions is there, or a key is missing.
        FormatError: A file is truncated, or an archive cannot be read.
        UnknownNameError: There is no such region or number of options.
    """
    layouts = _FOUR if chosen("n_options", n_options, ("4",)) else {}
    regions = [chosen("region", region, _LANGUAGES)] if region else list(_LANGUAGES)
    parts = {
        f"{each}/{split}": (layouts.get(each, f"{each}/{{}}.jsonl").format(name),)
        for each in regions
        for split, name in _FILES.items()
    }
    rows, absent = read_parts(root, list_files(root), parts, required=_REQUIRED)
    rows = rows.with_columns(option_lists(rows["options"]))
    others = [each for each in rows.columns if each not in ("question", "options", "answer")]
    keys = [each for each in others if each not in (PART, ROW, "answer_idx", "metamap_phrases")]
    last = [each for each in ("answer_idx", "metamap_phrases") if each in others]
    place = pl.col(PART).str.split("/")
    columns = rows.select(
        "question",
        sample_id=numbered(pl.col(PART), pl.col(ROW)),
        split=place.list.get(1),
        options=filled(pl.col("options")),
        answers=entries(pl.col("answer")),
        language=place.list.get(0).replace_strict(_LANGUAGES),
        extra=extra({name: pl.col(name) for name in (*keys, *last)}),
    )
    return assemble(columns, replace(meta, splits={}) if region else meta, root, absent)
