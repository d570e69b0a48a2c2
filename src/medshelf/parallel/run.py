"""Map a task over shards of items, with results that do not depend on who does the work."""

from __future__ import annotations

import hashlib
import pickle
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.files import lock
from medshelf.core.progress import progress_bar
from medshelf.parallel.cores import available_cores
from medshelf.parallel.failures import JobError
from medshelf.parallel.journal import FILE, Job, Journal
from medshelf.parallel.process import Died, Ended, Raised
from medshelf.parallel.shards import Lost, Task, Unit, Work

__all__ = ["JobError", "Lost", "Outcome", "Task", "run"]

_DEATHS: Final = 2  # of a shard's process, until its items are tried apart
_PATIENCE: Final = 8  # deaths, until the job is given up
_LOSSES: Final = 20  # of machines under one shard, until the job is given up
_MANY: Final = 8  # items of one shard, all lost: not the items are to blame


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job has made.

    Attributes:
        paths: One file per shard, in order of the shards.
        lost: Items left out because each of them ends the process that works on it.
    """

    paths: tuple[Path, ...]
    lost: tuple[Lost, ...]


class Engine(Protocol):
    """Whoever does units of work; what it does with them is said in `Work`."""

    @property
    def n_units(self) -> int:
        """How many units it takes at a time."""

    def submit(self, unit: Unit) -> None:
        """Start a unit."""

    def wait(self) -> list[tuple[Unit, Ended]]:
        """Wait a while and return the units that have ended, if any."""

    def close(self) -> None:
        """Stop everything that was started here."""


def run(  # noqa: PLR0913 - one call says all about a job
    task: Task,
    n_items: int,
    folder: Path,
    *,
    shard_size: int = 256,
    workers: int | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    title: str = "",
    suffix: str = "",
    key: str | None = None,
    gpu: bool = False,
    told: Callable[[Path], None] | None = None,
) -> Outcome:
    """Call `task` for shards of the items 0 to `n_items` - 1, and go on where an earlier run ended.

    Shards are contiguous ranges of `shard_size` items. Their files in `folder` are the same bytes
    for any number of workers, either engine and any number of interruptions, if the task is a
    function of its items. A file that is there is whole and is not made again.

    The work is done in processes of their own even where there is one worker or one shard: an
    item that ends its process (by a crash of native code, or for want of memory) is then found and
    left out, and does not end the job. That costs the start of a process, some tenths of a second;
    `workers=0` works in this process, without that safety.

    Args:
        task: What is done; an instance of a dataclass of an importable module.
        n_items: Number of items.
        folder: Where the shards go; with a cluster, one that all its machines share.
        shard_size: Items in a shard.
        workers: Processes at a time; by default the cores that this process may use, or those of
            the cluster. Each worker's libraries use one thread, see `cores.THREADS`.
        engine: `local` processes or a `ray` cluster.
        address: Of the cluster, `host:port`; without one, Ray is started here and stopped again.
        title: Stands beside the progress bar.
        suffix: How the files' names are to end, such as `.parquet`.
        key: Tells this task from others, to refuse a folder that holds another job's shards; by
            default a digest of the pickled task.
        gpu: Give each worker a GPU of its own on a cluster that has some.
        told: Called here with each shard's file as soon as it is there.

    Returns:
        The files and the lost items.

    Raises:
        JobError: The folder holds another job; the task cannot be sent to a process; processes end
            and no item is to blame.
        StorageError: The folder cannot be written, or another run uses it.
        SettingError: A number or the suffix makes no sense.
        UnknownNameError: There is no such engine.
        MissingExtraError: Ray is not installed.
        FormatError: The folder's journal is damaged.
        Exception: What the task raised, with its own class and message. Finished shards stay.
    """
    _check(n_items, shard_size, workers, suffix)
    kind = type(task)
    name = f"{kind.__module__}.{kind.__qualname__}"
    pickled = _pickled(task, name)
    key = hashlib.sha256(pickled).hexdigest() if key is None else key
    folder = folder.absolute()
    with lock(folder / FILE, timeout_s=0):
        journal = Journal(folder, Job(n_items, shard_size, suffix, name, key))
        left = [each for each in range(journal.job.n_shards) if each not in journal.finished]
        if left:
            start = n_items - sum(len(journal.items(each)) for each in left)
            with (
                progress_bar(title, n_items, unit="item", start=start) as bar,
                closing(_engine(engine, Work(task), workers, len(left), address, gpu=gpu)) as hands,
            ):
                _Schedule(journal, hands, left, told).finish(bar)
            journal.tidy()
        paths = tuple(journal.path(each) for each in range(journal.job.n_shards))
        return Outcome(paths, tuple(Lost(*each) for each in sorted(journal.lost.items())))


def _check(n_items: int, shard_size: int, workers: int | None, suffix: str) -> None:
    least = {"n_items": (n_items, 0), "shard_size": (shard_size, 1), "workers": (workers or 0, 0)}
    for name, (value, minimum) in least.items():
        if value < minimum:
            raise SettingError(f"{name} is {value}", f"Give {minimum} or more")
    if Path(f"x{suffix}").name != f"x{suffix}":
        raise SettingError(
            f"The suffix {suffix!r} is no end of a file's name", "Give .parquet, say"
        )


def _pickled(task: Task, name: str) -> bytes:
    try:
        return pickle.dumps(task)
    except Exception as error:  # whatever its fields raise
        raise JobError(
            f"The task {name} cannot be sent to another process: {error}",
            "Make it an instance of a dataclass at the top of an importable module",
        ) from error


def _engine(
    name: str,
    work: Work,
    workers: int | None,
    n_left: int,
    address: str | None,
    *,
    gpu: bool,
) -> Engine:
    if name == "local":
        from medshelf.parallel.local import LocalEngine, SameProcess

        if workers == 0:
            return SameProcess(work)
        return LocalEngine(work, min(workers or available_cores(), n_left))
    if name == "ray":
        from medshelf.parallel.ray_cluster import RayEngine

        return RayEngine(work, workers, address, gpu=gpu)
    raise UnknownNameError("engine", name, ("local", "ray"))


class _Schedule:
    """Which shard is done when, and what is done about those that end their process."""

    def __init__(
        self,
        journal: Journal,
        engine: Engine,
        left: list[int],
        told: Callable[[Path], None] | None,
    ) -> None:
        self._journal = journal
        self._told = told
        self._engine = engine
        self._fresh: Iterator[Unit] = map(self._unit, left)
        self._again: deque[Unit] = deque()
        self._deaths: Counter[tuple[int, bool]] = Counter()  # by shard, and whether to blame
        self._n_restarts = 0

    def finish(self, bar: Any) -> None:
        """Do all that is left to do."""
        n_running = 0
        while True:
            while n_running < self._engine.n_units and (unit := self._next()) is not None:
                self._engine.submit(unit)
                n_running += 1
            if n_running == 0:
                return
            for unit, ended in self._engine.wait():
                n_running -= 1
                self._take(unit, ended, bar)

    def _unit(self, shard: int, *, isolate: bool = False) -> Unit:
        return Unit(shard, self._journal.items(shard), self._journal.path(shard), isolate)

    def _next(self) -> Unit | None:
        return self._again.popleft() if self._again else next(self._fresh, None)

    def _take(self, unit: Unit, ended: Ended, bar: Any) -> None:
        if isinstance(ended, Raised):
            raise ended.failure.rebuilt()
        if isinstance(ended, Died):
            self._n_restarts += 1
            self._again.append(self._after_death(unit, ended))
        elif unit.isolate:
            self._lose(unit, ended.value)
            self._again.append(self._unit(unit.shard))
            bar.update(len(ended.value))
        elif unit.path.is_file():
            bar.update(len(unit.items))
            if self._told is not None:
                self._told(unit.path)
        else:
            raise JobError(
                f"{unit.path} was written by a worker and is not seen here",
                "Choose a folder that all machines of the cluster share",
            )
        bar.set_postfix_str(f"{len(self._journal.lost)} lost, {self._n_restarts} restarts")

    def _lose(self, unit: Unit, lost: tuple[Lost, ...]) -> None:
        if len(lost) == len(unit.items) >= _MANY:
            raise JobError(
                f"Each of the {len(lost)} items of shard {unit.shard} ends its process: "
                f"{lost[0].reason}",
                "The task, or a library it calls, does not work on this machine: try one item with "
                "workers=0",
            )
        if lost:
            self._journal.lose(lost)

    def _after_death(self, unit: Unit, died: Died) -> Unit:
        deaths = self._deaths
        deaths[unit.shard, died.by_call] += 1
        if deaths[unit.shard, died.by_call] >= (_PATIENCE if died.by_call else _LOSSES):
            raise JobError(
                f"The process of shard {unit.shard} ({len(unit.items)} items from "
                f"{unit.items[0]}) ended {deaths[unit.shard, died.by_call]} times though no item "
                f"does it alone: {died.reason}",
                "Give fewer workers, or a smaller shard_size and another folder",
            )
        try_apart = died.by_call and not unit.isolate and not deaths[unit.shard, True] % _DEATHS
        return self._unit(unit.shard, isolate=True) if try_apart else unit
