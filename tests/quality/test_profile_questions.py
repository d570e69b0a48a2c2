"""What can be answered without looking is what a plain loop over the questions gets."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.manifest import Manifest, Meta
from medshelf.quality.case import Case
from medshelf.quality.passes import Passes
from medshelf.quality.profile import profile
from medshelf.quality.profiling import questions as module
from medshelf.quality.profiling.questions import Guess, Questions

N = 400
_BLIND = Passes(pixels=False)


def question_rows(seed: int = 1) -> pl.DataFrame:
    """Return yes-no and open questions of two types, with an answer that leans on the question."""
    random = np.random.default_rng(seed)
    number = random.integers(0, 30, N)
    number[300::5] += 100  # not asked in train
    closed = number % 100 < 20
    answers = [
        str(random.choice(["Yes", "no"], p=[0.8, 0.2] if each % 3 else [0.3, 0.7]))
        if yes_no
        else f"lobe {random.integers(0, 4)}"
        for each, yes_no in zip(number, closed, strict=True)
    ]
    kinds = ["CLOSED" if each else "OPEN" for each in closed]
    return pl.DataFrame(
        {
            "sample_id": [f"{each:04}" for each in range(N)],
            "split": ["train"] * 250 + ["val"] * 50 + ["test"] * 100,
            "question": [f"Is there  sign {each}?" for each in number],
            "answer": answers,
            "kind": kinds,
        }
    )


def asked(rows: pl.DataFrame, root: Path, options: list[str] | None = None) -> Manifest:
    """Return a manifest of questions."""
    columns = rows.select(
        *[each for each in ("sample_id", "split", "question") if each in rows.columns],
        answers=c.entries(pl.col("answer")),
        options=pl.lit(options, pl.List(pl.String)),
        extra=c.extra({"answer_type": pl.col("kind"), "qid": pl.col("sample_id")}),
    )
    return assemble(columns, Meta("asked", "Asked", unit="question"), root)


def found_in(manifest: Manifest) -> Questions:
    """Return the questions of a profile."""
    found = profile(Case(manifest, passes=_BLIND)).questions
    assert found is not None
    return found


def guess(found: Questions, by: str, kind: str) -> Guess:
    """Return the only guess of that type."""
    (one,) = [each for each in found.guesses if (each.by, each.type) == (by, kind)]
    return one


def loop(train: list[tuple[str, str]], test: list[tuple[str, str]]) -> tuple[float, float, float]:
    """Return majority accuracy, blind accuracy and share of known questions, row by row."""
    counts = Counter(answer for _, answer in train)
    majority = max(counts, key=lambda each: (counts[each], [-ord(letter) for letter in each]))
    per_question: dict[str, Counter[str]] = defaultdict(Counter)
    for question, answer in train:
        per_question[question][answer] += 1
    hits = 0
    for question, answer in test:
        own = per_question.get(question)
        best = majority if own is None else min(own, key=lambda each: (-own[each], each))
        hits += best == answer
    same = np.mean([answer == majority for _, answer in test])
    return float(same), hits / len(test), np.mean([q in per_question for q, _ in test])


@pytest.mark.parametrize(("by", "kind"), [("all", "all"), ("answer_type", "CLOSED")])
def test_guesses_are_those_of_a_plain_loop(tmp_path: Path, by: str, kind: str) -> None:
    rows = question_rows()
    found = found_in(asked(rows, tmp_path))
    assert (found.learnt_from, found.tested_on) == ("train", "test")
    assert (found.n, found.n_answered, found.n_read) == (N, N, N)
    assert found.n_different == rows["question"].n_unique()
    own = rows if by == "all" else rows.filter(pl.col("kind") == kind)
    parts = [
        [
            (question, answer.lower())
            for question, answer in own.filter(pl.col("split") == split)
            .select("question", "answer")
            .iter_rows()
        ]
        for split in ("train", "test")
    ]
    one = guess(found, by, kind)
    assert (one.majority_accuracy, one.blind_accuracy, one.seen_share) == pytest.approx(
        loop(*parts)
    )
    assert one.n == len(parts[1])
    assert 0 < one.seen_share < 1
    assert one.n_answers == len({answer for _, answer in parts[1]})
    assert one.blind_accuracy > one.majority_accuracy
    assert (one.place_accuracy, one.chance) == (None, None)


def test_ids_are_no_types_and_forms_are_told(tmp_path: Path) -> None:
    found = found_in(asked(question_rows(), tmp_path))
    assert {each.by for each in found.guesses} == {"all", "form", "answer_type"}
    assert {each.type for each in found.guesses if each.by == "form"} == {"yes-no", "open"}
    assert guess(found, "form", "yes-no").n == guess(found, "answer_type", "CLOSED").n


def test_without_a_split_nothing_is_blind(tmp_path: Path) -> None:
    rows = question_rows()
    found = found_in(asked(rows.drop("split"), tmp_path))
    one = guess(found, "all", "all")
    assert (found.learnt_from, found.tested_on) == ("all", "all")
    assert (one.blind_accuracy, one.seen_share) == (None, None)
    most = rows["answer"].value_counts()["count"].max()
    assert one.majority_accuracy == most / N


def test_places_among_options(tmp_path: Path) -> None:
    options = ["A", "B", "C", "D"]
    random = np.random.default_rng(2)
    answers = random.choice(options, N, p=[0.1, 0.1, 0.6, 0.2])
    rows = question_rows().with_columns(answer=pl.Series(answers))
    found = found_in(asked(rows, tmp_path, options))
    one = guess(found, "all", "all")
    assert one.chance == 0.25
    assert one.place_accuracy == np.mean(answers[300:] == "C")
    assert found.n_options is not None
    assert (found.n_options.minimum, found.n_options.maximum) == (4, 4)


def test_of_many_questions_a_sample_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_QUESTIONS", 120)
    manifest = asked(question_rows(), tmp_path)
    found = found_in(manifest)
    assert (found.n, found.n_read) == (N, 120)
    assert found == found_in(manifest)
