r"""VLMEvalKit's tables: one line per question, with the image in it.

    slake_test.tsv         one per split; `_all` where samples have none
        index              number of the line, from 0
        image              base64; of several a list; or the index of the line that has it already
        image_path         where a sample has several: names under which the toolkit unpacks them
        question, hint     hint is the context, where one is stated
        A, B, ...          options; without options the set is for open questions
        answer             the letter, or the text; of several texts a list; empty where not stated
        explanation, category, split, sample_id, patient_id
    images/test/p001.png   with images=path; the column is then `image_path`

Put the table into `$LMUData` and name it: `python run.py --data slake_test`. What pandas would take
for a missing value (`None`, `NA`, `nan` ...) has a blank at its end.

Source: https://github.com/open-compass/VLMEvalKit/blob/main/docs/en/Development.md
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from string import ascii_uppercase
from typing import Any

import polars as pl

from medshelf.conversion.contents import contents
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.naming import file_names
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.stated.blocks import append_blocks, block_path
from medshelf.conversion.stated.choices import lettered, most_options, right_letters
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.files import atomic_path, make_folder
from medshelf.core.manifest import Manifest

CARRIES = frozenset({"pictures", "several-images", "questions", "texts"})
OPTIONS: Mapping[str, str] = {
    "images": "base64 (default), or path: files in a folder",
    "hint": "which text is the hint: context (default), report, findings, impression, caption, or "
    "none; the others are left out",
    "category": "what results are listed by: a name in `extra`, or a column such as view or site",
}
SHARD_SIZE = 256

_TEXTS = ("context", "report", "findings", "impression", "caption")
_COLUMNS = ("view", "site", "laterality", "sex", "scanner", "language", "label")
_KINDS = ("png", "jpg")
_MISSING = frozenset(
    (
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns.

    Raises:
        SettingError: An option has another value, some questions have options or images and others
            not, a question has several right options, or texts would be lost.
        UnknownNameError: There is no such category.
    """
    if (images := options.get("images", "base64")) not in ("base64", "path"):
        raise SettingError(f"images={images!r} is not known", "Choose base64 or path")
    hint = _hint(manifest, options.get("hint"))
    category = options.get("category")
    if category:
        _check_category(manifest, category)
    n_options = most_options(manifest)
    _check_questions(manifest, n_options)
    held = contents(manifest)
    image = _image_columns(images, held, manifest.n_samples())
    found = manifest.frame.select(
        pl.col(each).is_not_null().any() for each in ("explanation", "patient_id")
    ).collect()
    columns = [
        *("index", *image, "question", "hint" if hint else None, *ascii_uppercase[:n_options]),
        *("answer", "explanation" if found["explanation"][0] else None),
        *("category" if category else None, "split", "sample_id"),
        "patient_id" if found["patient_id"][0] else None,
    ]
    return {
        "columns": [each for each in columns if each],
        "hint": hint,
        "category": category,
        "images": images if image else None,
    }


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:
    """Give a function that appends one line to a block of the table."""
    table = _Table(job, part, number * part.shard_size)
    with (
        atomic_path(block_path(job, part, number)) as path,
        path.open("w", encoding="utf-8", newline="") as block,
    ):

        def write(sample: Prepared) -> Record:
            block.write(table.line(sample))
            return {}

        yield write


def finish(job: Job) -> None:
    """Write one table per split."""
    name = file_names([job.meta.dataset], "datasets")[job.meta.dataset]
    for part in job.parts:
        target = job.folder / f"{name}_{part.name}.tsv"
        with atomic_path(target) as path, path.open("wb") as file:
            file.write(_line(job.plan["columns"]).encode())
            append_blocks(job, part, file)


class _Table:
    """The lines of one shard.

    Args:
        job: The conversion.
        part: The split.
        first: Number of the first line.
    """

    def __init__(self, job: Job, part: Part, first: int) -> None:
        self._job, self._part, self._next = job, part, first
        self._seen: dict[str, int] = {}

    def line(self, sample: Prepared) -> str:
        """Return the line of a sample; its images are written where they are no part of it."""
        row, plan = sample.sample, self._job.plan
        if row.question is None:
            problem = f"Sample {row.id} has no question"
            raise SettingError(problem, "Leave such samples out with --on-error skip")
        options = lettered(row.question)
        answers = list(row.question.answers)
        if options:
            answers = right_letters(row.question, row.id)
        answer = json.dumps(answers, ensure_ascii=False) if len(answers) > 1 else "".join(answers)
        values: dict[str, Any] = {
            "question": row.question.text,
            "hint": getattr(row.text, plan["hint"]) if row.text and plan["hint"] else None,
            **options,
            "answer": answer,
            "explanation": row.question.explanation,
            "category": _category(sample, plan["category"]),
            "split": sample.split,
            "sample_id": row.id,
            "patient_id": row.patient_id,
        }
        index = self._next
        values = {name: _kept(value) for name, value in values.items()}
        if plan["images"]:
            values |= self._images(sample, index)
        self._next += 1
        values["index"] = index
        return _line([values.get(name) for name in plan["columns"]])

    def _images(self, sample: Prepared, index: int) -> dict[str, str]:
        files = [sample.file(_KINDS, name) for name in sample.sample.images]
        stems = [f"{sample.key}.{n}" if len(files) > 1 else sample.key for n in range(len(files))]
        names = [f"{stem}.{ending}" for stem, (_, ending) in zip(stems, files, strict=True)]
        if self._job.plan["images"] == "path":
            contents = [content for content, _ in files]
            return {"image_path": _listed(self._write(names, contents))}
        coded = [base64.b64encode(content).decode() for content, _ in files]
        if len(coded) == 1:
            digest = hashlib.sha256(files[0][0]).hexdigest()
            seen = self._seen.setdefault(digest, index)
            coded = coded if seen == index else [str(seen)]
        return {"image": _listed(coded), "image_path": _listed(names)}

    def _write(self, names: list[str], contents: list[bytes]) -> list[str]:
        paths = [f"images/{self._part.name}/{name}" for name in names]
        for name, content in zip(paths, contents, strict=True):
            make_folder((self._job.folder / name).parent)
            with atomic_path(self._job.folder / name) as path:
                path.write_bytes(content)
        return paths


def _hint(manifest: Manifest, chosen: str | None) -> str | None:
    if chosen not in (None, "none", *_TEXTS):
        raise SettingError(f"hint={chosen!r} is not known", f"Choose {', '.join(_TEXTS)} or none")
    if chosen:
        return None if chosen == "none" else chosen
    text = pl.col("text").struct
    counts = [text.field(each).is_not_null().sum().alias(each) for each in _TEXTS]
    found = manifest.frame.select(counts).collect()
    if lost := [each for each in _TEXTS[1:] if found[each][0]]:
        told = ", ".join(f"{each} ({found[each][0]:,} samples)" for each in lost)
        problem = f"vlmevalkit has one text beside the question, there are also: {told}"
        raise SettingError(problem, f"Choose one: --with hint={lost[0]}, or hint=context")
    return "context" if found["context"][0] else None


def _check_category(manifest: Manifest, name: str) -> None:
    entries = manifest.frame.select("extra").explode("extra").drop_nulls()
    extra = entries.select(pl.col("extra").struct.field("name").unique().sort()).collect()
    known = [*extra.to_series().to_list(), *_COLUMNS]
    if name not in known:
        raise UnknownNameError("category", name, known)


def _image_columns(images: str, held: Mapping[str, int], n_samples: int) -> tuple[str, ...]:
    n_pictures = held.get("pictures", 0)
    if 0 < n_pictures < n_samples:
        problem = f"{n_samples - n_pictures:,} of {n_samples:,} samples have no image"
        raise SettingError(problem, 'Leave them out: --filter "array_length(media) > 0"')
    if not n_pictures:
        return ()
    if images == "path":
        return ("image_path",)
    return ("image", "image_path") if "several-images" in held else ("image",)


def _check_questions(manifest: Manifest, n_options: int) -> None:
    asked = pl.col("question").is_not_null()
    closed = pl.col("options").list.len().fill_null(0) > 0
    several = closed & (pl.col("answers").list.len() > 1)
    found = manifest.frame.select(
        mute=(~asked).sum(), open=(asked & ~closed).sum(), several=several.sum()
    ).collect()
    if n := found["mute"][0]:
        remedy = 'Leave them out: --filter "question is not null"'
        raise SettingError(f"{n:,} samples have no question", remedy)
    if n_options and (n := found["open"][0]):
        problem = f"{n:,} questions have no options and the others have, which are two kinds of set"
        remedy = 'Convert each alone: --filter "array_length(options) > 0", or the opposite'
        raise SettingError(problem, remedy)
    if n := found["several"][0]:
        problem = f"{n:,} questions have several right options, the format holds one letter"
        raise SettingError(problem, 'Leave them out: --filter "array_length(answers) <= 1"')


def _category(sample: Prepared, name: str | None) -> str | None:
    if name is None:
        return None
    row = sample.sample
    value: str | None = row.extra.get(name) or (getattr(row, name) if name in _COLUMNS else None)
    return value


def _kept(value: str | None) -> str | None:
    """Keep pandas from reading a word as a missing value."""
    return f"{value} " if value in _MISSING else value


def _listed(values: list[str]) -> str:
    return values[0] if len(values) == 1 else json.dumps(values)


def _line(values: list[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter="\t", lineterminator="\r\n").writerow(values)  # quotes \r as well
    return buffer.getvalue().removesuffix("\r\n") + "\n"
