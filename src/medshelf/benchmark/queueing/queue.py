"""Do runs in processes of their own: one per device, or as many as a Ray cluster takes."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from medshelf.benchmark import runs
from medshelf.benchmark.queueing.devices import find_devices, lease, slots
from medshelf.benchmark.queueing.orders import (
    FAILURE_FILE,
    Opener,
    Order,
    state_of,
    write_failure,
)
from medshelf.core.errors import InUseError, MedshelfError, SettingError, StorageError
from medshelf.core.files import lock, make_folder
from medshelf.core.progress import set_quiet
from medshelf.parallel import run as parallel
from medshelf.parallel.cores import available_cores, threads_of_children

_LOG = logging.getLogger(__name__)
_JOBS = ".queue-"
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Hands:
    """Who does the runs of a queue.

    Attributes:
        devices: On this machine each has one run at a time.
        workers: Runs at a time; by default one per device, or what the cluster takes.
        engine: Processes of this machine, or a Ray cluster, where each run has one GPU of its own
            if there are any and `devices` are not the CPU.
        address: Of the cluster.
    """

    devices: tuple[str, ...] = ("cpu",)
    workers: int | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None

    @classmethod
    def of(
        cls,
        device: str,
        workers: int | None = None,
        engine: Literal["local", "ray"] = "local",
        address: str | None = None,
    ) -> Hands:
        """Return who does the runs on a device, or on several.

        Args:
            device: `auto` for all CUDA devices of this machine, or the CPU where there is none; or
                names with commas between them.
            workers: As in the class.
            engine: As in the class.
            address: As in the class.

        Raises:
            MissingExtraError: torch is not installed.
            RunError: There is no such device.
            SettingError: A device is named twice, or several for a cluster; or `workers` is none.
        """
        if workers is not None and workers < 1:
            raise SettingError(f"{workers} workers were asked for", "Give 1 or more")
        if engine == "local":
            return cls(find_devices(device), workers)
        if "," in device:
            problem = f"Several devices ({device}) are named for a Ray cluster"
            raise SettingError(problem, "Name none: each run gets a GPU of the cluster")
        return cls((device,), workers, engine, address)

    @property
    def n_runs(self) -> int | None:
        """Runs at a time; null where the cluster decides."""
        return len(self.slots) if self.engine == "local" else self.workers

    @property
    def slots(self) -> tuple[str, ...]:
        """One device for each run at a time; on a cluster Ray gives them."""
        return slots(self.devices, self.workers) if self.engine == "local" else ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that ended with an error.

    Attributes:
        run: Its name.
        reason: What went wrong, and a remedy.
    """

    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """What has come of a queue.

    Attributes:
        finished: All runs that are finished now, those of earlier queues included, in order.
        failed: Runs that ended with an error.
        held: Names of runs that another process was doing.
    """

    finished: tuple[runs.Run, ...]
    failed: tuple[Failure, ...] = ()
    held: tuple[str, ...] = ()


def run_queue(
    orders: Sequence[Order],
    opener: Opener,
    hands: Hands,
    *,
    folder: Path,
    seconds: Sequence[float] | None = None,
) -> Done:
    """Do the runs that are not finished; none of them stops the others.

    An interrupted run goes on from its checkpoint. One that ends its process is tried again a few
    times and then written down as failed.

    Args:
        orders: All runs, those that are finished included.
        opener: Opens their data in the processes that do them.
        hands: Who does them.
        folder: Where the runs' own folders are.
        seconds: Estimates, one per order; by default images times epochs stand for them.

    Raises:
        JobError: The cluster cannot be reached, or no process can be started.
        MissingExtraError: Ray is not installed.
        StorageError: The folder cannot be written, or the disk is full.
    """
    folder = make_folder(folder.absolute())
    weights = seconds or [float(each.n_train * each.spec.epochs) for each in orders]
    states = [state_of(each, folder) for each in orders]
    left = [number for number, state in enumerate(states) if state.kind != "finished"]
    told = _Told(len(orders), {orders[each].spec.name: weights[each] for each in left})
    if left:
        task = QueuedRuns(tuple(orders[each] for each in left), opener, folder, hands.slots)
        share = max(1, available_cores() // (hands.n_runs or available_cores()))
        with _job_folder(folder) as job, threads_of_children(share):
            outcome = parallel.run(
                task,
                len(left),
                job,
                shard_size=1,
                workers=hands.n_runs,
                engine=hands.engine,
                address=hands.address,
                title="Runs",
                key=job.name,
                gpu=hands.devices != ("cpu",),
                told=told,
            )
        for lost in outcome.lost:
            name = task.orders[lost.item].spec.name
            reason = f"The run ended its process again and again: {lost.reason}"
            write_failure(folder / name, reason)
            told.failed.append(Failure(name, reason))
    return Done(
        tuple(runs.read_run(folder / each) for each in _finished(orders, folder)),
        tuple(told.failed),
        tuple(told.held),
    )


def _finished(orders: Sequence[Order], folder: Path) -> Iterator[str]:
    for each in orders:
        if state_of(each, folder).kind == "finished":
            yield each.spec.name


@dataclass(frozen=True)
class QueuedRuns:
    """The task of a queue: its items are runs.

    Attributes:
        orders: The runs.
        opener: Opens their data.
        folder: Where the runs' own folders are.
        slots: One device per process; empty where Ray gives each process its own.
    """

    orders: tuple[Order, ...]
    opener: Opener
    folder: Path
    slots: tuple[str, ...]

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        """Do the runs and write what came of them."""
        set_quiet(quiet=True)
        done = [self._one(self.orders[item], path.parent) for item in items]
        path.write_text(json.dumps(done), encoding="utf-8")

    def _one(self, order: Order, job: Path) -> dict[str, str]:
        name, state, text = order.spec.name, "finished", ""
        target = self.folder / name
        try:
            with self._device(order, job) as settings:
                found = self._run(order, settings)
            text = f"test AUC {found.scores['test'].auc}, ACC {found.scores['test'].acc}"
            (target / FAILURE_FILE).unlink(missing_ok=True)
        except InUseError as error:
            state, text = "held", str(error)
        except Exception as error:  # noqa: BLE001 - whatever a run raises, the others go on
            state, text = "failed", _reason(error)
            with suppress(StorageError):
                write_failure(target, text, traceback.format_exc())
        return {"run": name, "state": state, "text": text}

    def _run(self, order: Order, settings: runs.Settings) -> runs.Run:
        asked = order.spec, order.protocol, self.opener(order), settings
        try:
            return runs.run(*asked, folder=self.folder)
        except InUseError:  # perhaps by someone who only looks how far it is
            time.sleep(_LOOK_S)
            return runs.run(*asked, folder=self.folder)

    @contextmanager
    def _device(self, order: Order, job: Path) -> Iterator[runs.Settings]:
        if not self.slots:
            yield order.settings
            return
        with lease(self.slots, job) as device:
            yield replace(order.settings, device=device)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, MedshelfError) else f"{type(error).__name__}: {error}"


@dataclass
class _Told:
    """What is said while a queue is at work.

    Attributes:
        n_runs: All that were asked for.
        left: Name to estimate of those that are not done.
    """

    n_runs: int
    left: dict[str, float]
    failed: list[Failure] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    seconds_done: float = 0

    def __call__(self, path: Path) -> None:
        for each in json.loads(path.read_text("utf-8")):
            self._take(each)

    def _take(self, told: dict[str, Any]) -> None:
        name, state = told["run"], told["state"]
        weight = self.left.pop(name)
        if state == "finished":
            self.seconds_done += weight
        elif state == "failed":
            self.failed.append(Failure(name, told["text"]))
        else:
            self.held.append(name)
        place = f"{self.n_runs - len(self.left)}/{self.n_runs}"
        _LOG.info("%s %s %s%s: %s", place, name, state, self._time_left(), told["text"])

    def _time_left(self) -> str:
        if not self.left or not self.seconds_done:
            return ""
        rate = (time.monotonic() - self.started) / self.seconds_done
        return f" (about {duration(rate * sum(self.left.values()))} left)"


def duration(seconds: float) -> str:
    """Return a time as people say it, e.g. `40 s`, `12 min`, `3.5 h`."""
    minute, hour = 60, 3600
    if seconds < minute:
        return f"{seconds:.0f} s"
    return f"{seconds / minute:.0f} min" if seconds < hour else f"{seconds / hour:.1f} h"


@contextmanager
def _job_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for what the processes say; those of killed queues are deleted."""
    with ExitStack() as held:
        with lock(folder / "queues"):
            for old in sorted(folder.glob(f"{_JOBS}*")):
                with suppress(InUseError), lock(old / "queue", timeout_s=0):
                    shutil.rmtree(old, ignore_errors=True)
            job = Path(tempfile.mkdtemp(prefix=_JOBS, dir=folder))
            held.enter_context(lock(job / "queue", timeout_s=0))
        try:
            yield job
        finally:
            shutil.rmtree(job, ignore_errors=True)
