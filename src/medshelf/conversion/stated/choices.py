"""The letters of options, as multiple choice is asked and answered."""

from __future__ import annotations

from string import ascii_uppercase

import polars as pl

from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest
from medshelf.dataset.fields import Question


def most_options(manifest: Manifest) -> int:
    """Return the number of options of the question with most; 0 where none has any.

    Raises:
        SettingError: They are more than there are letters.
    """
    longest = manifest.frame.select(pl.col("options").list.len().max()).collect().item() or 0
    if longest > len(ascii_uppercase):
        problem = f"A question has {longest} options, more than there are letters"
        raise SettingError(problem, 'Leave such out: --filter "array_length(options) <= 26"')
    return int(longest)


def lettered(question: Question) -> dict[str, str]:
    """Return letter to option; a letter without text is left out."""
    pairs = zip(ascii_uppercase, question.options, strict=False)
    return {letter: option for letter, option in pairs if option}


def right_letters(question: Question, sample: str) -> list[str]:
    """Return the letters of the right options; of two that read the same, the first.

    Args:
        question: With options.
        sample: Its id, for the message.

    Raises:
        SettingError: An answer is none of the options.
    """
    letters: dict[str, str] = {}
    for letter, option in lettered(question).items():
        letters.setdefault(option, letter)
    if wrong := [each for each in question.answers if each not in letters]:
        problem = f"The answer {wrong[0]!r} of {sample} is none of its options"
        raise SettingError(problem, "Leave such samples out with --on-error skip")
    return [letters[each] for each in question.answers]
