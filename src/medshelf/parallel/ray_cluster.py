"""Run units of work on a Ray cluster, or on one that is started here and stopped again."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from contextlib import ExitStack, redirect_stdout
from functools import lru_cache
from typing import Any, Final

from medshelf.core.errors import MissingExtraError, SettingError
from medshelf.parallel.cores import THREADS, available_cores
from medshelf.parallel.failures import JobError
from medshelf.parallel.process import Died, Ended, Raised, Returned, answer, unpickled
from medshelf.parallel.shards import Unit, Work

_PATIENCE_S: Final = 10
_AHEAD: Final = 2  # units per core, so that no core waits for the next one


class RayEngine:
    """Ray core tasks, one per unit of work, without Ray's own retries.

    Args:
        work: What the tasks call.
        workers: Units at a time; by default twice the cores of the cluster.
        address: Of a running cluster; null starts one on this machine, with token authentication.
        gpu: Give each task a GPU, where the cluster has any when the job begins.

    Raises:
        MissingExtraError: Ray is not installed.
        SettingError: `workers` is 0, or the address is none.
        JobError: The cluster cannot be reached.
    """

    def __init__(
        self, work: Work, workers: int | None, address: str | None, *, gpu: bool = False
    ) -> None:
        if workers == 0:
            raise SettingError("workers is 0 and the engine ray", "Give 1 or more, or engine=local")
        # Ray reads these when it is imported: who reaches its ports without a token runs any code
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("ray", "ray") from error
        self._ray: Any = ray
        self._opened = ExitStack()
        self._opened.enter_context(redirect_stdout(sys.stderr))  # Ray tells there of lost nodes
        if not ray.is_initialized():
            self._connect(workers, address)
        self._unit_of = "GPU" if gpu and self._n_of("GPU") else "CPU"
        asked = {"num_cpus": 1, "num_gpus": int(self._unit_of == "GPU")}
        self._answer = self._ray.remote(**asked, max_retries=0)(_answer)
        self._pickled = self._ray.put(pickle.dumps(work))
        self._workers = workers
        self._running: dict[Any, Unit] = {}

    @property
    def n_units(self) -> int:
        """How many units are given to the cluster at a time; grows and shrinks with it."""
        return self._workers or max(1, _AHEAD * self._n_of(self._unit_of))

    def _n_of(self, resource: str) -> int:
        return int(self._ray.cluster_resources().get(resource, 0))

    def submit(self, unit: Unit) -> None:
        """Give a unit to the cluster."""
        self._running[self._answer.remote(self._pickled, unit)] = unit

    def wait(self) -> list[tuple[Unit, Ended]]:
        """Wait until a unit has ended."""
        ended, _ = self._ray.wait(list(self._running), num_returns=1)
        return [(self._running.pop(each), self._result(each)) for each in ended]

    def _result(self, reference: Any) -> Ended:
        errors = self._ray.exceptions
        try:
            result: Returned | Raised = self._ray.get(reference)
        except (errors.WorkerCrashedError, errors.OutOfMemoryError) as error:
            return Died(_sentence(error))
        except (errors.NodeDiedError, errors.ObjectLostError) as error:
            return Died(_sentence(error), by_call=False)
        except errors.RayError as error:
            remedy = (
                "Every machine of the cluster needs the same Python, medshelf and task's module"
            )
            raise JobError(f"A Ray task failed: {_sentence(error)}", remedy) from error
        return result

    def close(self) -> None:
        """Cancel what runs, and stop Ray where it was started here."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._opened.close()

    def _connect(self, workers: int | None, address: str | None) -> None:
        here: dict[str, Any] = {
            "num_cpus": workers or available_cores(),
            "include_dashboard": False,
        }
        try:
            if address:
                _knock(address)
            self._ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="ERROR",
                **({} if address else here),
            )
        except (OSError, RuntimeError, ValueError, self._ray.exceptions.RayError) as error:
            where = f"at {address}" if address else "can be started on this machine"
            raise JobError(
                f"No Ray cluster {where}: {_sentence(error)}",
                "Check the address, that Ray and Python have the versions of the cluster, and "
                "RAY_AUTH_TOKEN_PATH",
            ) from error
        self._opened.callback(self._ray.shutdown)


def _knock(address: str) -> None:
    """Connect to the cluster's port once: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise SettingError(f"{address} is no address of a Ray cluster", "Give host:port")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S):
        pass


def _answer(pickled: bytes, unit: Unit) -> Returned | Raised:
    for each in THREADS:  # before the task's module is imported
        os.environ.setdefault(each, "1")
    return answer(_work, (pickled, unit))


def _work(asked: tuple[bytes, Unit]) -> Any:
    pickled, unit = asked
    return _function(pickled)(unit)


_function = lru_cache(maxsize=1)(unpickled)


def _sentence(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
