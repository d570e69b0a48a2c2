"""Errors of a parallel job, and how the error of a task reaches the process that started it."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import Any

from medshelf.core.errors import MedshelfError


class JobError(MedshelfError):
    """A parallel job that cannot start or go on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception on its way to another process.

    pickle alone is not enough: it rebuilds an exception by calling its class with `args`, which
    fails or says something else where `__init__` builds the sentence, as medshelf's errors do.

    Attributes:
        pickled: The exception, in the first form that comes out as it went in.
        text: The traceback of the process where it was raised.
    """

    pickled: bytes
    text: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Pack an exception so that `rebuilt` gives its own class and message again."""
        text = "".join(traceback.format_exception(error))
        for form in (error, _Parts.of(error)):
            try:
                pickled = pickle.dumps(form)
                again = _unpacked(pickled)
            except Exception:  # noqa: BLE001, S112 - foreign code runs here; the next form is tried
                continue
            if type(again) is type(error) and str(again) == str(error):
                return cls(pickled, text)
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        described = f"The task raised {name}: {error}", "Its traceback is in the note of this error"
        return cls(pickle.dumps(_Parts(JobError, described, _job_state(*described))), text)

    def rebuilt(self) -> BaseException:
        """Return the exception, with the traceback of the other process as a note."""
        error = _unpacked(self.pickled)
        error.add_note(f"In another process:\n{self.text}")
        return error


@dataclass(frozen=True, slots=True)
class _Parts:
    kind: type[BaseException]
    args: tuple[Any, ...]
    state: dict[str, Any]

    @classmethod
    def of(cls, error: BaseException) -> _Parts:
        return cls(type(error), error.args, dict(vars(error)))


def _job_state(problem: str, remedy: str) -> dict[str, Any]:
    return {"problem": problem, "remedy": remedy}


def _unpacked(pickled: bytes) -> BaseException:
    form = pickle.loads(pickled)  # noqa: S301 - made by `Failure.of` in a process of this job
    if isinstance(form, BaseException):
        return form
    error = form.kind.__new__(form.kind, *form.args)
    error.__dict__.update(form.state)
    return error
