"""How long runs will take, before they are done."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medshelf.benchmark.fits.fit import Assignment
from medshelf.benchmark.models import find_model
from medshelf.benchmark.protocol import Training
from medshelf.benchmark.queueing.orders import Opener, Order, State, state_of
from medshelf.core.progress import set_quiet
from medshelf.parallel.cores import available_cores, threads_of_children
from medshelf.parallel.process import Raised, Returned, WorkerProcess

_LOG = logging.getLogger(__name__)


def estimate_runs(
    orders: Sequence[Order], opener: Opener, folder: Path, *, device: str, n_at_once: int
) -> list[float | None]:
    """Return how many seconds the rest of each run takes, null where that cannot be said.

    A few training steps of each model under each protocol are measured, on the first dataset that
    asks for it, in a process of its own; for other datasets the number of training images counts.
    Fits without epochs have no estimate.

    Args:
        orders: The runs.
        opener: Opens their data.
        folder: The folder that holds the runs' folders.
        device: Torch device of the measurement.
        n_at_once: Runs at a time, which share the cores.
    """
    left = [_epochs_left(each, state_of(each, folder)) for each in orders]
    first: dict[tuple[str, ...], Order] = {}
    for each, n_epochs in zip(orders, left, strict=True):
        if n_epochs and _is_training(each):
            first.setdefault(_kind(each), each)
    measured = _measured(list(first.values()), opener, device, n_at_once)
    return [
        _seconds(each, n_epochs, measured.get(_kind(each)))
        for each, n_epochs in zip(orders, left, strict=True)
    ]


def _epochs_left(order: Order, state: State) -> int:
    return 0 if state.kind == "finished" else order.spec.epochs - state.epochs_done


def _is_training(order: Order) -> bool:
    is_network = find_model(order.spec.model).kind == "network"
    return is_network and isinstance(order.protocol.fit, Training)


def _kind(order: Order) -> tuple[str, ...]:
    spec = order.spec
    return (spec.model, spec.protocol, str(spec.dataset if order.protocol.few_shot else ""))


def _seconds(order: Order, n_epochs: int, per_image: float | None) -> float | None:
    if n_epochs == 0:
        return 0.0
    return None if per_image is None else n_epochs * order.n_train * per_image


@dataclass(frozen=True)
class _Measurement:
    """Measures, in another process, seconds per epoch and training image of one run."""

    opener: Opener
    device: str

    def __call__(self, order: Order) -> float:
        from medshelf.benchmark.fits.network import seconds_per_epoch

        set_quiet(quiet=True)
        data = self.opener(order)
        asked = Assignment.of(
            *(order.spec, order.protocol, data["train"].task),
            device=self.device,
            weights=order.settings.weights,
            folder=Path(),
        )
        return seconds_per_epoch(asked, data) / len(data["train"])


def _measured(
    orders: Sequence[Order], opener: Opener, device: str, n_at_once: int
) -> dict[tuple[str, ...], float]:
    if not orders:
        return {}
    found = {}
    with threads_of_children(max(1, available_cores() // n_at_once)):
        process = WorkerProcess(pickle.dumps(_Measurement(opener, device)))
    try:
        for order in orders:
            ended = process.call(order)
            if isinstance(ended, Returned):
                found[_kind(order)] = float(ended.value)
                continue
            reason = str(ended.failure.rebuilt()) if isinstance(ended, Raised) else ended.reason
            _LOG.warning("How long %s takes is not known: %s", order.spec.name, reason)
            if not isinstance(ended, Raised):
                break
    finally:
        process.end()
    return found
