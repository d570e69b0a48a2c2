"""Run units of work in processes of this machine, or in this process itself."""

from __future__ import annotations

import pickle
from collections import deque
from multiprocessing.connection import wait
from typing import Final

from medshelf.parallel.failures import JobError
from medshelf.parallel.process import Died, Ended, Returned, WorkerProcess
from medshelf.parallel.shards import Unit, Work

_STARTS: Final = 3


class LocalEngine:
    """Worker processes, each used for many units and replaced alone when it dies.

    `concurrent.futures` would do but for one thing: when one of its processes dies, all units
    under way fail, and which of them did it is not known.

    Args:
        work: What the workers call.
        n_workers: How many processes at most; they are started as units come.
    """

    def __init__(self, work: Work, n_workers: int) -> None:
        self.n_units = n_workers
        self._pickled = pickle.dumps(work)
        self._idle: list[WorkerProcess] = []
        self._busy: dict[WorkerProcess, Unit] = {}
        self._failed_starts = 0

    def submit(self, unit: Unit) -> None:
        """Give a unit to an idle process, or to a new one."""
        worker = self._idle.pop() if self._idle else WorkerProcess(self._pickled)
        self._busy[worker] = unit
        worker.send(unit)

    def wait(self) -> list[tuple[Unit, Ended]]:
        """Wait until something happens and return the units that have ended.

        Raises:
            JobError: Processes end before they begin.
        """
        ended = []
        happened = set(wait([sign for each in self._busy for sign in each.signs]))
        for worker in [each for each in self._busy if happened.intersection(each.signs)]:
            result = worker.receive()
            if worker.ready:
                self._failed_starts = 0
            if result is not None:
                ended.append((self._busy.pop(worker), self._checked(worker, result)))
        return ended

    def _checked(self, worker: WorkerProcess, result: Ended) -> Ended:
        if not isinstance(result, Died):
            self._idle.append(worker)
            return result
        worker.end()
        if worker.ready:
            return result
        self._failed_starts += 1
        if self._failed_starts >= _STARTS:
            raise JobError(
                f"The worker processes end before they begin: {result.reason}",
                'If a script starts the job, do it below `if __name__ == "__main__":`, '
                "in a file, not on standard input; else see the messages above",
            )
        return Died(result.reason, by_call=False)

    def close(self) -> None:
        """Kill all processes, at once."""
        for worker in (*self._idle, *self._busy):
            worker.end()
        self._idle.clear()
        self._busy.clear()


class SameProcess:
    """No process at all: for debuggers, and for work too small to start one."""

    n_units = 1

    def __init__(self, work: Work) -> None:
        self._work = work
        self._units: deque[Unit] = deque()

    def submit(self, unit: Unit) -> None:
        """Remember the unit."""
        self._units.append(unit)

    def wait(self) -> list[tuple[Unit, Ended]]:
        """Do the next unit."""
        unit = self._units.popleft()
        return [(unit, Returned(self._work(unit)))]

    def close(self) -> None:
        """Do nothing: nothing was started."""
