"""A program that runs one job, to be killed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from medshelf.parallel.run import run
from tests.parallel.job_tasks import (
    Deaf,
    Digests,
    Haunted,
    Noted,
    Placed,
    Poisoned,
    Raising,
)


@dataclass(frozen=True)
class Homeless(Digests):
    """A task of the program itself, which a Ray worker cannot import."""


TASKS = {
    "digests": lambda _: Digests(pause_s=0.02),
    "noted": lambda notes: Noted(notes, 0.04),
    "deaf": Deaf,
    "haunted": Haunted,
    "placed": lambda notes: Placed(notes, 0.05),
    "poisoned": lambda _: Poisoned(killed=(5,)),
    "homeless": lambda _: Homeless(),
    "raising": lambda _: Raising("format", 20),
}


def main() -> None:
    """Run one of the tasks: FOLDER WORKERS TASK NOTES [ENGINE [ADDRESS]]."""
    folder, workers, name, notes, *where = sys.argv[1:]
    engine, address = (*where, *("local", None)[len(where) :])
    outcome = run(
        TASKS[name](Path(notes)),
        80,
        Path(folder),
        shard_size=4,
        workers=int(workers) or None,
        engine=engine,
        address=address,
        key="one",
    )
    sys.stdout.write(repr(outcome.lost))


if __name__ == "__main__":
    main()
