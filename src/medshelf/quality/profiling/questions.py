"""How well questions can be answered without looking: the accuracy that a model has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from medshelf.dataset.overview import Overview
from medshelf.quality.case import Case
from medshelf.quality.profiling.counts import SPLIT
from medshelf.quality.profiling.sampling import sampled
from medshelf.quality.profiling.spread import Spread, spread

MOST_QUESTIONS = 200_000
"""Questions that are looked at; of more, a seeded sample is."""

_FORM = "form"
_N_GROUPS = 50
_N_OPTIONS = 26
_YES_NO = ("yes", "no", "是", "否", "是的", "不是", "有", "没有", "不", "maybe")


@dataclass(frozen=True, slots=True)
class Guess:
    """What can be got without looking, among questions of one type.

    Attributes:
        by: What the type is: `all`, `form` (choice, yes-no, open), `language`, or a field of the
            release.
        type: The type; `all` for all questions.
        n: Questions that were tested.
        n_answers: Different right answers among them.
        majority: The most frequent answer among the questions of this type that it was learnt from.
        majority_accuracy: Of always giving it, 0 to 1.
        blind_accuracy: Of giving the most frequent answer to the same words of the question, else
            the majority; null where there is no split to test on.
        seen_share: Part of the tested questions whose words were learnt from; null likewise.
        place_accuracy: Of always choosing the place among the options that was right most often;
            null where no right answer is among options.
        chance: Mean of 1 / number of options; null without options.
    """

    by: str
    type: str
    n: int
    n_answers: int
    majority: str
    majority_accuracy: float
    blind_accuracy: float | None
    seen_share: float | None
    place_accuracy: float | None
    chance: float | None


@dataclass(frozen=True, slots=True)
class Questions:
    """What the questions are.

    Attributes:
        n: Questions.
        n_answered: Those with an answer.
        n_read: Answered questions that were looked at; fewer where a sample was drawn.
        n_different: Different questions among them, by their words.
        n_options: Options of a question; null where there are none.
        learnt_from: `train`, or `all` where there is no split to test on.
        tested_on: `test`, else `val`; `all`, the same questions, where there is neither.
        guesses: Of all questions, then by type, the most frequent type first.
    """

    n: int
    n_answered: int
    n_read: int
    n_different: int
    n_options: Spread | None
    learnt_from: str
    tested_on: str
    guesses: tuple[Guess, ...]


def describe_questions(case: Case, seen: Overview) -> Questions | None:
    """Return what can be answered without looking; null where nothing is asked and answered."""
    if not {"question", "answers"} <= set(seen.stated):
        return None
    columns = ("row", "split", "question", "answers", "options", "language", "extra")
    answered = (
        case.rows.select(columns)
        .drop_nulls(["question", "answers"])
        .filter(pl.col("answers").list.drop_nulls().list.len() > 0)
    )
    n_answered = answered.select(pl.len()).collect(engine="streaming").item()
    if not n_answered:
        return None
    read = _read(sampled(answered, n_answered, MOST_QUESTIONS))
    splits = set(read["split"].unique())
    tested_on = next((each for each in ("test", "val") if {each, "train"} <= splits), "all")
    split = tested_on != "all"
    train = read.filter(pl.col("split") == "train") if split else read
    test = read.filter(pl.col("split") == tested_on) if split else read
    return Questions(
        n=seen.stated["question"],
        n_answered=n_answered,
        n_read=read.height,
        n_different=read["question"].n_unique(),
        n_options=spread(case.rows.drop_nulls("options"), pl.col("options").list.len()),
        learnt_from="train" if split else "all",
        tested_on=tested_on,
        guesses=tuple(_guesses(train, test, split=split)),
    )


def _read(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return `question`, `answer`, `place`, `n_options`, `split` and one column per type."""
    stated = pl.col("answers").list.drop_nulls()
    wanted = rows.select(
        *("row", "options", "language", "extra"),
        split=SPLIT,
        question=_plain(pl.col("question")),
        answer=_plain(stated.list.sort().list.join("; ")),
        only=pl.when(stated.list.len() == 1).then(stated.list.first()),
    )
    found = wanted.collect(engine="streaming")
    n_options = pl.when(pl.col("options").list.len() > 0).then(pl.col("options").list.len())
    form = (
        pl.when(n_options.is_not_null())
        .then(pl.lit("choice"))
        .when(pl.col("answer").is_in(_YES_NO))
        .then(pl.lit("yes-no"))
        .otherwise(pl.lit("open"))
    )
    read = found.select(
        *("row", "split", "question", "answer"),
        _place(found).alias("place"),
        n_options.alias("n_options"),
        form.alias(_FORM),
    )
    return read.join(_types(found), on="row", how="left", maintain_order="left")


def _place(found: pl.DataFrame) -> pl.Expr:
    """Return the place of the only right answer among the options, from 0; null where none is."""
    most = found.select(pl.col("options").list.len().max()).item() or 0
    option = pl.col("options").list
    places = [
        pl.when(option.get(each, null_on_oob=True) == pl.col("only")).then(each)
        for each in range(min(most, _N_OPTIONS))
    ]
    return pl.coalesce(pl.lit(None, pl.Int32), *places)


def _types(found: pl.DataFrame) -> pl.DataFrame:
    """Return, by row, the fields of the release that tell types: few values, named as such."""
    entries = found.select("row", "extra").explode("extra").drop_nulls("extra").unnest("extra")
    named = entries.filter(pl.col("name").str.contains("(?i)type|category|modality"))
    sizes = named.group_by("name").agg(n=pl.col("value").n_unique()).sort("name")
    names = sizes.filter(pl.col("n").is_between(2, _N_GROUPS))["name"].to_list()
    wide = found.select("row")
    if found["language"].n_unique() > 1:
        wide = found.select("row", pl.col("language").alias("type:language"))
    for name in names:
        own = named.filter(pl.col("name") == name).unique("row", keep="first", maintain_order=True)
        own = own.select("row", pl.col("value").alias(f"type:{name}"))
        wide = wide.join(own, on="row", how="left", maintain_order="left")
    return wide


def _plain(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.strip_chars(" .?!\u3002\uff1f\uff01")


def _guesses(train: pl.DataFrame, test: pl.DataFrame, *, split: bool) -> Iterator[Guess]:
    yield _guess("all", "all", train, test, split=split)
    names = [_FORM, *[each for each in train.columns if each.startswith("type:")]]
    for name in names:
        sizes = test.drop_nulls(name).group_by(name).len()
        order = sizes.sort("len", name, descending=[True, False])
        if name == _FORM and order.height < 2:  # noqa: PLR2004
            continue
        for value in order[name]:
            learnt = train.filter(pl.col(name) == value)
            tested = test.filter(pl.col(name) == value)
            if learnt.height:
                yield _guess(name.removeprefix("type:"), value, learnt, tested, split=split)


def _guess(by: str, kind: str, train: pl.DataFrame, test: pl.DataFrame, *, split: bool) -> Guess:
    majority = _most_frequent(train, "answer")
    blind: dict[str, Any] = {"blind_accuracy": None, "seen_share": None}
    if split:
        known = _per_question(train)
        joined = test.join(known, on="question", how="left")
        given = pl.col("guess").fill_null(majority)
        hits = joined.select(
            blind_accuracy=(given == pl.col("answer")).mean(),
            seen_share=pl.col("guess").is_not_null().mean(),
        )
        blind = hits.row(0, named=True)
    placed, tested = train.drop_nulls("place"), test.drop_nulls("place")
    place = None
    if placed.height and tested.height:
        best = _most_frequent(placed, "place")
        place = tested.select((pl.col("place") == best).mean()).item()
    return Guess(
        by=by,
        type=kind,
        n=test.height,
        n_answers=test["answer"].n_unique(),
        majority=majority,
        majority_accuracy=test.select((pl.col("answer") == majority).mean()).item(),
        **blind,
        place_accuracy=place,
        chance=test.select((1 / pl.col("n_options")).mean()).item(),
    )


def _most_frequent(rows: pl.DataFrame, column: str) -> Any:
    counted = rows.group_by(column).len().sort("len", column, descending=[True, False])
    return counted[column][0]


def _per_question(train: pl.DataFrame) -> pl.DataFrame:
    """Return the most frequent answer to each question; of equally frequent ones, the first."""
    counted = train.group_by("question", "answer").len()
    order = counted.sort("len", "answer", descending=[True, False])
    return order.group_by("question", maintain_order=True).agg(guess=pl.col("answer").first())
