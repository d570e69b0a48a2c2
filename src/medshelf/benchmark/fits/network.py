"""Train one network by a protocol, resumable to the bit."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from medshelf.benchmark.fits.fit import Assignment, Outcome
from medshelf.benchmark.fits.inputs import Inputs, Prepared
from medshelf.benchmark.fits.numerics import (
    check_precision,
    choose_device,
    require_repeatable_products,
)
from medshelf.benchmark.fits.shortage import ShortageError, halved, shortages
from medshelf.benchmark.fits.state import Epoch, Progress, State, surroundings
from medshelf.benchmark.metrics import acc, auc
from medshelf.benchmark.models.cost import cost
from medshelf.benchmark.models.weights import describe, load_weights, write_weights
from medshelf.benchmark.protocol import Training
from medshelf.core.allocator import keep_freed_memory
from medshelf.core.errors import FormatError, RunError
from medshelf.core.progress import progress_bar
from medshelf.core.version import __version__
from medshelf.dataset.labelled_images import LabelledImages

_LONG_ENOUGH_S = 1.0
LAST, WEIGHTS = "last.pt", "weights.safetensors"
_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class NetworkTraining:
    """A network whose weights are all trained, by the protocol's recipe.

    All random numbers of an epoch come from the seed and the epoch's number, so an interrupted
    training gives the weights that an uninterrupted one gives on the same machine.

    Attributes:
        device: As in `Fit`.
        inputs: What the network sees.
    """

    def __init__(self, assignment: Assignment) -> None:
        if assignment.deterministic:
            require_repeatable_products()
        self._assignment = assignment
        self.device = choose_device(assignment.device)
        check_precision(self.device, assignment.precision)
        protocol = assignment.protocol
        assert isinstance(protocol.fit, Training)  # noqa: S101 - open_fit chose by it
        self._batch_size = protocol.fit.batch_size
        self.inputs = Inputs(protocol.data, self._batch_size, self.device, assignment.dataset)
        self._predicting = self.inputs

    @property
    def _last(self) -> Path:
        return self._assignment.folder / LAST

    @property
    def _weights(self) -> Path:
        return self._assignment.folder / WEIGHTS

    def run(self, data: Mapping[str, LabelledImages]) -> Outcome:
        """Train to the end, from the last checkpoint if there is one.

        Args:
            data: The protocol's splits by name.

        Raises:
            FormatError: The checkpoint or the weights to start from cannot be read.
            RunError: The loss is no longer finite, there is too little memory for a single sample,
                the network cannot be compiled, or has no deterministic form.
            StorageError: The disk is full; the last checkpoint is still there.
        """
        keep_freed_memory()
        asked, n_batches = self._assignment, math.ceil(len(data["train"]) / self._batch_size)
        with surroundings(asked, self.device):
            state, progress = self._begin()
            with progress_bar(
                f"{asked.model}, seed {asked.seed}",
                asked.epochs * n_batches,
                unit="batch",
                start=len(progress.history) * n_batches,
            ) as bar:
                while len(progress.history) < asked.epochs:
                    bar.n = len(progress.history) * n_batches
                    try:
                        self._one_epoch(state, progress, data, bar)
                        continue
                    except ShortageError as error:
                        reason, n_before = str(error), progress.n_at_once or self._batch_size
                    del state  # before the next one needs its place
                    state, progress = self._begin_smaller(n_before, reason)
            recipe = asked.protocol.data
            return Outcome(
                choice={"epoch": progress.best_epoch},
                value=progress.best_metric,
                history=[asdict(each) for each in progress.history],
                seconds=sum(each.seconds for each in progress.history),
                cost=cost(state.network, (recipe.channels, *(recipe.edge,) * recipe.dimensions)),
                notes=progress.notes,
            )

    def _begin(self) -> tuple[State, Progress]:
        torch.manual_seed(self._assignment.seed)
        state = State(self._assignment, self.device)
        progress = state.load(self._last)
        kind, done = torch.device(self.device).type, len(progress.history)
        if progress.device not in {"", kind}:
            progress.notes.append(f"Up to epoch {done} on {progress.device}, then on {kind}")
        progress.device = kind
        return state, progress

    def _begin_smaller(self, n_before: int, reason: str) -> tuple[State, Progress]:
        """Go back to the checkpoint, with half as many samples at once."""
        n_at_once = halved(n_before, self._assignment.model, reason)
        state, progress = self._begin()
        progress.n_at_once = n_at_once
        note = (
            f"From epoch {len(progress.history) + 1} on, batches of {self._batch_size} went "
            f"through the network in parts of {progress.n_at_once} for want of memory: gradients "
            "are those of the whole batch, but batch normalisation sees the parts"
        )
        progress.notes.append(note)
        _LOG.warning("%s (%s)", note, reason)
        return state, progress

    def _one_epoch(
        self, state: State, progress: Progress, data: Mapping[str, LabelledImages], bar: Any
    ) -> None:
        asked, selection = self._assignment, self._assignment.protocol.selection
        epoch, started = len(progress.history), time.monotonic()
        torch.manual_seed(asked.seed * 100_003 + epoch)
        rate = state.optimiser.param_groups[0]["lr"]
        with shortages():
            batches = self.inputs.training(data["train"], (asked.seed, epoch))
            train_loss, bad_step = state.train(batches, bar.update, progress.n_at_once)
        if bad_step:
            raise self._not_finite("training loss", f"step {bad_step} of epoch {epoch + 1}", epoch)
        chosen = data[selection.split]
        scores, loss = self._sparingly(lambda inputs: state.predict(inputs.evaluation(chosen)))
        if not np.isfinite(scores).all():
            raise self._not_finite("network's output", f"the end of epoch {epoch + 1}", epoch)
        record = Epoch(
            epoch + 1,
            rate,
            train_loss,
            loss,
            auc(asked.task, chosen.targets, scores),
            acc(asked.task, chosen.targets, scores),
            time.monotonic() - started,
        )
        state.schedule.step()
        progress.history.append(record)
        metric = getattr(record, selection.metric)
        if metric > progress.best_metric:
            progress.best_metric, progress.best_epoch = metric, record.epoch
            self._write_weights(state)
        state.save(self._last, progress)
        self._tell(progress, bar)

    def _not_finite(self, what: str, where: str, n_done: int) -> RunError:
        kept = f"the last good state, after epoch {n_done}, is {self._last}"
        if n_done == 0:
            kept = "there is no good state yet"
        problem = f"The {what} is no longer finite at {where}; {kept}"
        return RunError(problem, "Lower the learning rate, or use precision float32")

    def _tell(self, progress: Progress, bar: Any) -> None:
        asked, record = self._assignment, progress.history[-1]
        bar.set_postfix_str(f"loss {record.train_loss:.3f}, AUC {record.auc:.3f}")
        mean_s = np.mean([each.seconds for each in progress.history])
        _LOG.info(
            "epoch %d/%d: loss %.4f, %s AUC %.4f, ACC %.4f, %.0f s left",
            *(record.epoch, asked.epochs, record.train_loss, asked.protocol.selection.split),
            *(record.auc, record.acc, mean_s * (asked.epochs - record.epoch)),
        )

    def _write_weights(self, state: State) -> None:
        asked = self._assignment
        origin = describe(asked.model, asked.protocol.id, asked.dataset, asked.task.classes)
        made_by = {"seed": str(asked.seed), "medshelf": __version__}
        write_weights(state.network, self._weights, {**origin, **made_by})

    def _sparingly(self, compute: Callable[[Inputs], _Result]) -> _Result:
        """Compute without gradients, with half as many samples at once while memory is short."""
        while True:
            try:
                with shortages():
                    return compute(self._predicting)
            except ShortageError as error:
                reason = str(error)
            fewer = halved(self._predicting.batch_size, self._assignment.model, reason)
            self._predicting = replace(self._predicting, batch_size=fewer)
            _LOG.warning("predicting %d samples at once for want of memory (%s)", fewer, reason)

    def predict(self, images: LabelledImages | np.ndarray) -> np.ndarray:
        """Return probabilities of the selected epoch's weights, float32 (N, K).

        Raises:
            FormatError: The weights are missing or damaged.
            RunError: They are another network's, or there is too little memory for one sample.
        """
        with surroundings(self._assignment, self.device):
            state = self._selected()
            if isinstance(images, np.ndarray):
                return self._sparingly(lambda inputs: state.probabilities(inputs.arrays(images)))
            return self._sparingly(lambda inputs: state.predict(inputs.evaluation(images))[0])

    def network(self) -> torch.nn.Module:
        """Return the network with the selected weights, in evaluation mode; see `predict`."""
        with surroundings(self._assignment, self.device):
            return self._selected().network.eval()

    def _selected(self) -> State:
        if not self._weights.exists():
            problem = "there is no such file"
            raise FormatError(self._weights, problem, "Move the folder away and run again")
        state = State(replace(self._assignment, weights=None, compiled=False), self.device)
        load_weights(state.network, self._weights)
        return state

    def close(self) -> None:
        """Delete the checkpoint of the last epoch."""
        self._last.unlink(missing_ok=True)


def seconds_per_epoch(assignment: Assignment, data: Mapping[str, LabelledImages]) -> float:
    """Measure a few steps and return what an epoch takes, the selection split's evaluation too.

    The first step is not counted; nothing is read from or written to the run's folder.

    Args:
        assignment: As for `NetworkTraining`.
        data: The protocol's splits by name.

    Raises:
        RunError: As `NetworkTraining.run`.
    """
    keep_freed_memory()
    fit = NetworkTraining(assignment)
    whole, n = fit.inputs, fit.inputs.batch_size
    chosen = data[assignment.protocol.selection.split]
    while True:
        part = replace(whole, batch_size=n)
        try:
            with surroundings(assignment, fit.device), shortages():
                torch.manual_seed(assignment.seed)
                state = State(assignment, fit.device)
                return _seconds_of_all(
                    *(data["train"], lambda few: whole.training(few, (assignment.seed, 0))),
                    lambda batches: state.train(batches, lambda: None, n),  # noqa: B023 - used here
                ) + _seconds_of_all(chosen, part.evaluation, state.predict)
        except ShortageError as error:
            reason = str(error)
        n = halved(n, assignment.model, reason)


def _seconds_of_all(
    dataset: LabelledImages,
    prepare: Callable[[LabelledImages], Prepared],
    compute: Callable[[Prepared], object],
) -> float:
    n = prepare(dataset).batches.visit.batch_size
    compute(prepare(dataset[:n]))
    while True:
        few = dataset[:n]
        batches = prepare(few)
        started = time.perf_counter()
        compute(batches)
        seconds = time.perf_counter() - started
        if seconds > _LONG_ENOUGH_S or len(few) == len(dataset):
            return seconds * len(dataset) / len(few)
        n *= 4
