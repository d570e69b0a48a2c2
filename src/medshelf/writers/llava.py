"""Conversations about images as LLaVA, ShareGPT and the chat trainers take them.

    train.json                 one array; `all.json` where samples have no split
    images/train/p001.png      original files, or PNG; several: p001.0.png, p001.1.png
    dataset_info.json          of the forms sharegpt and messages: what LLaMA-Factory registers

    llava       "image": "train/p001.png", "conversations": [{"from": "human", "value": "..."}, ...]
    sharegpt    "images": ["images/train/p001.png"], "conversations": [...]
    messages    "images": [...], "messages": [{"role": "user", "content": "..."}, ...]

`image` is relative to the folder `images` and a list where there are several; a sample without an
image has neither the key nor a token. Ids, explanations and what else is stated are further keys.

Source: https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md and
https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, cast

import polars as pl

from medshelf.conversion.contents import contents
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.stated.choices import most_options
from medshelf.conversion.stated.conversations import Said, Side, Wording, conversation
from medshelf.core.errors import SettingError
from medshelf.core.files import atomic_path, make_folder, write_text
from medshelf.core.manifest import Manifest

CARRIES = frozenset({"pictures", "several-images", "texts", "questions", "dialogues"})
_PROMPTS = {
    "report": "Write the report of this study.",
    "findings": "Describe the findings.",
    "impression": "State the impression.",
    "caption": "Describe the image.",
}
_INSTRUCTION = "Answer with the letter of the right option."
OPTIONS: Mapping[str, str] = {
    "form": "llava (default), sharegpt or messages",
    "texts": "which texts are asked for, joined by commas; by default all: " + ", ".join(_PROMPTS),
    **{f"prompt-{name}": f"what asks for it: {text}" for name, text in _PROMPTS.items()},
    "instruction": f"what follows options: {_INSTRUCTION}",
    "answer": "to options: letter (default), or text",
    "roles": "who speaks in dialogues, e.g. nurse=gpt,mother=human",
    "ends": "refuse (default), or cut: turns before the first human and after the last model one",
}
SHARD_SIZE = 256

_TEXT_SHARD = 8192
_FORMS = ("llava", "sharegpt", "messages")
_KINDS = ("png", "jpg")
_SIDES: dict[str, Side] = {
    **dict.fromkeys(("patient", "user", "human", "caregiver", "questioner"), "human"),
    **dict.fromkeys(("doctor", "physician", "clinician", "assistant", "gpt", "model"), "gpt"),
    "system": "system",
}
_MESSAGE_ROLES = {"human": "user", "gpt": "assistant", "system": "system"}
_FACTS = ("patient_id", "study_id", "language")


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return how samples are put into words.

    Raises:
        SettingError: An option has another value, a role is not known, questions have no answer, or
            samples say nothing.
    """
    form = _one_of(options, "form", _FORMS)
    names = [each for each in options.get("texts", ",".join(_PROMPTS)).split(",") if each]
    if unknown := [each for each in names if each not in _PROMPTS]:
        raise SettingError(f"texts={unknown[0]!r} is not known", f"Choose {', '.join(_PROMPTS)}")
    most_options(manifest)
    held = contents(manifest)
    sides = _sides(manifest, options.get("roles", "")) if "dialogues" in held else {}
    _check_said(manifest, names)
    return {
        "form": form,
        "sides": sides,
        "prompts": {each: options.get(f"prompt-{each}", _PROMPTS[each]) for each in names},
        "instruction": options.get("instruction", _INSTRUCTION),
        "answer": _one_of(options, "answer", ("letter", "text")),
        "cut": _one_of(options, "ends", ("refuse", "cut")) == "cut",
        "shard_size": SHARD_SIZE if "pictures" in held else _TEXT_SHARD,
    }


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes the images of a sample and returns its entry."""
    wording = Wording(
        sides=job.plan["sides"],
        prompts=job.plan["prompts"],
        instruction=job.plan["instruction"],
        answer=cast("Literal['letter', 'text']", job.plan["answer"]),
        cut=job.plan["cut"],
    )

    def write(sample: Prepared) -> Record:
        names = sample.sample.images
        said = conversation(sample.sample, wording, len(names))
        files = [sample.file(_KINDS, name) for name in names]
        paths = []
        for place, (content, ending) in enumerate(files):
            stem = sample.key if len(files) == 1 else f"{sample.key}.{place}"
            paths.append(f"{part.name}/{stem}.{ending}")
            make_folder(job.folder / "images" / part.name)
            with atomic_path(job.folder / "images" / paths[-1]) as path:
                path.write_bytes(content)
        return _entry(sample, job.plan["form"], paths, said)

    yield write


def finish(job: Job) -> None:
    """Write one array per split."""
    for part in job.parts:
        with (
            atomic_path(job.folder / f"{part.name}.json") as path,
            path.open("w", encoding="utf-8") as file,
        ):
            before = "[\n"
            for record in job.records(part):
                file.write(before + json.dumps(record, ensure_ascii=False))
                before = ",\n"
            file.write("[]\n" if before == "[\n" else "\n]\n")
    if job.plan["form"] != "llava":
        info = json.dumps(_registered(job), indent=2, ensure_ascii=False)
        write_text(job.folder / "dataset_info.json", info + "\n")


def _one_of(options: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    chosen = options.get(name, known[0])
    if chosen not in known:
        raise SettingError(f"{name}={chosen!r} is not known", f"Choose {' or '.join(known)}")
    return chosen


def _sides(manifest: Manifest, given: str) -> dict[str, Side]:
    """Return who speaks under each role of the dialogues."""
    sides = dict(_SIDES)
    for pair in filter(None, given.split(",")):
        role, _, side = pair.rpartition("=")
        if side not in ("human", "gpt", "system") or not role:
            problem = f"roles={given!r} is not written as it should be"
            raise SettingError(problem, "Write e.g. --with roles=nurse=gpt,mother=human")
        sides[role.strip().casefold()] = cast("Side", side)
    turns = manifest.frame.select("turns").explode("turns").drop_nulls()
    column = pl.col("turns").struct.field("role").fill_null("None")
    roles = turns.select(column.unique().sort()).collect().to_series().to_list()
    if unknown := [each for each in roles if each.casefold() not in sides]:
        shown = ", ".join(map(repr, unknown[:5])) + (", ..." if len(unknown) > 5 else "")  # noqa: PLR2004
        problem = f"It is not known who speaks as {shown} in the dialogues"
        raise SettingError(problem, f"State it: --with roles={unknown[0]}=human")
    return {each.casefold(): sides[each.casefold()] for each in roles}


def _check_said(manifest: Manifest, texts: Sequence[str]) -> None:
    """Refuse questions without an answer, and samples of which nothing would be said."""
    text = pl.col("text").struct
    asked = pl.col("question").is_not_null()
    answered = pl.col("answers").list.len().fill_null(0) > 0
    told = [text.field(each).fill_null("").str.strip_chars() != "" for each in texts]
    speaks = pl.any_horizontal(asked, pl.col("turns").list.len().fill_null(0) > 0, *told)
    found = manifest.frame.select(open=(asked & ~answered).sum(), mute=(~speaks).sum()).collect()
    if n := found["open"][0]:
        remedy = 'Leave them out: --filter "array_length(answers) > 0"'
        raise SettingError(f"{n:,} questions have no answer to learn from", remedy)
    if n := found["mute"][0]:
        problem = f"{n:,} samples have neither question, dialogue nor text"
        remedy = "Leave them out with --filter, or convert to another format"
        raise SettingError(problem, remedy)


def _entry(sample: Prepared, form: str, paths: list[str], said: list[Said]) -> Record:
    row = sample.sample
    entry: Record = {"id": row.id}
    if form == "llava" and paths:
        entry["image"] = paths[0] if len(paths) == 1 else paths
    elif paths:
        entry["images"] = [f"images/{each}" for each in paths]
    if form == "messages":
        entry["messages"] = [{"role": _MESSAGE_ROLES[side], "content": text} for side, text in said]
    else:
        entry["conversations"] = [{"from": side, "value": text} for side, text in said]
    entry |= {name: getattr(row, name) for name in _FACTS if getattr(row, name) is not None}
    if row.question and row.question.explanation:
        entry["explanation"] = row.question.explanation
    return {**entry, "extra": dict(row.extra)} if row.extra else entry


def _registered(job: Job) -> dict[str, Any]:
    """Return the entries of LLaMA-Factory's `dataset_info.json`."""
    messages = job.plan["form"] == "messages"
    columns = {"messages": "messages" if messages else "conversations"}
    if job.plan["shard_size"] == SHARD_SIZE:
        columns["images"] = "images"
    entry: dict[str, Any] = {"formatting": "sharegpt", "columns": columns}
    if messages:
        entry["tags"] = {
            "role_tag": "role",
            "content_tag": "content",
            **{f"{each}_tag": each for each in ("user", "assistant", "system")},
        }
    return {
        f"{job.meta.dataset}-{part.name}": {"file_name": f"{part.name}.json", **entry}
        for part in job.parts
    }
