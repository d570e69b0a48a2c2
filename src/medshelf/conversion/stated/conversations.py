"""Questions, dialogues and texts as what a human says and what the model is to answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from medshelf.conversion.stated.choices import lettered, right_letters
from medshelf.core.errors import SettingError
from medshelf.dataset.fields import Question, Turn
from medshelf.dataset.sample import Sample

Side = Literal["system", "human", "gpt"]
IMAGE = "<image>"
_TOKENS = re.compile(r"<(image|video|audio)>")


class Said(NamedTuple):
    """One turn."""

    side: Side
    text: str


@dataclass(frozen=True, slots=True)
class Wording:
    """How a sample is put into words.

    Attributes:
        sides: Role in dialogues, in lower case, to who speaks.
        prompts: Text (`report`, `findings`, `impression`, `caption`) to what asks for it, in the
            order of asking.
        instruction: Follows the options of a question.
        answer: `letter` or `text` of the right option.
        cut: Leave out what a dialogue has before the first turn of the human and after the last
            one of the model, instead of refusing it.
    """

    sides: Mapping[str, Side]
    prompts: Mapping[str, str]
    instruction: str
    answer: Literal["letter", "text"]
    cut: bool


def conversation(sample: Sample, wording: Wording, n_images: int) -> list[Said]:
    """Return the turns: the human begins, both alternate, the model has the last word.

    First comes the dialogue, then the question, then the texts. The image tokens and the context
    stand before the first words of the human. Where a source says `<image>` itself, or the like
    for films and sound, it is written `[image]`, since trainers count the tokens.

    Raises:
        SettingError: Nothing is said, the dialogue begins with the model or ends with the human,
            or an answer is none of the options.
    """
    turns = [*_dialogue(sample, wording), *_asked(sample, wording), *_told(sample, wording)]
    spoken = [Said(each.side, _TOKENS.sub(r"[\1]", each.text)) for each in turns]
    first = next((n for n, each in enumerate(spoken) if each.side == "human"), None)
    if first is None:
        problem = f"Sample {sample.id} has neither question, dialogue nor text"
        raise SettingError(problem, "Leave such samples out with --on-error skip")
    context = _TOKENS.sub(r"[\1]", (sample.text and sample.text.context) or "").strip()
    opening = IMAGE + "\n"
    before = opening * n_images + (f"{context}\n\n" if context else "")
    spoken[first] = Said("human", before + spoken[first].text)
    return spoken


def _dialogue(sample: Sample, wording: Wording) -> list[Said]:
    joined: list[Said] = []
    for side, text in _sides(sample.turns, wording):
        if joined and joined[-1].side == side:
            joined[-1] = Said(side, f"{joined[-1].text}\n{text}")
        else:
            joined.append(Said(side, text))
    system = [joined.pop(0)] if joined and joined[0].side == "system" else []
    inside = joined
    while inside and inside[0].side != "human":
        inside = inside[1:]
    while inside and inside[-1].side != "gpt":
        inside = inside[:-1]
    if len(inside) < len(joined) and not wording.cut:
        problem = f"The dialogue {sample.id} begins with the model or ends with the human"
        raise SettingError(problem, "Cut such turns with --with ends=cut")
    if any(each.side == "system" for each in inside):
        problem = f"The dialogue {sample.id} has a turn of the system in the middle"
        raise SettingError(problem, "Leave such samples out with --on-error skip")
    return [*system, *inside] if inside else []


def _sides(turns: tuple[Turn, ...], wording: Wording) -> Iterator[tuple[Side, str]]:
    for turn in turns:
        if turn.content and turn.content.strip():
            yield wording.sides[str(turn.role).casefold()], turn.content.strip()


def _asked(sample: Sample, wording: Wording) -> list[Said]:
    question = sample.question
    if question is None:
        return []
    return [Said("human", _question(question, wording)), Said("gpt", _answer(sample, wording))]


def _question(question: Question, wording: Wording) -> str:
    options = [f"{letter}. {option}" for letter, option in lettered(question).items()]
    asked = wording.instruction if options and wording.answer == "letter" else ""
    return "\n".join(filter(None, [question.text.strip(), *options, asked]))


def _answer(sample: Sample, wording: Wording) -> str:
    question = sample.question
    answers = list(question.answers) if question else []
    if question and question.options and wording.answer == "letter":
        answers = right_letters(question, sample.id)
    answer = ", ".join(answers).strip()
    if not answer:
        problem = f"The question {sample.id} has no answer"
        raise SettingError(problem, "Leave such samples out with --on-error skip")
    return answer


def _told(sample: Sample, wording: Wording) -> Iterator[Said]:
    for name, prompt in wording.prompts.items():
        text = getattr(sample.text, name) if sample.text else None
        if text and text.strip():
            yield Said("human", prompt)
            yield Said("gpt", text.strip())
