"""Train one network by a protocol, resumable to the bit."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from medshelf.benchmark.fits.fit import Assignment, Cost, Outcome
from medshelf.benchmark.fits.inputs import Inputs
from medshelf.benchmark.metrics import acc, auc
from medshelf.benchmark.models import build_network
from medshelf.benchmark.protocol import Training
from medshelf.core.allocator import keep_freed_memory
from medshelf.core.errors import FormatError, RunError
from medshelf.core.files import atomic_path
from medshelf.core.progress import progress_bar
from medshelf.core.tasks import TaskKind
from medshelf.dataset.batching.batches import Batches
from medshelf.dataset.labelled_images import LabelledImages

LAST, BEST = "last.pt", "best.pt"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Epoch:
    """What is written down after each epoch; losses are means per sample."""

    epoch: int
    learning_rate: float
    train_loss: float
    selection_loss: float
    auc: float
    acc: float
    seconds: float


@dataclass(slots=True)
class Progress:
    """How far a training has come."""

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = -1
    best_metric: float = -1.0


class NetworkTraining:
    """A network whose weights are all trained, by the protocol's recipe.

    All random numbers of an epoch come from the seed and the epoch's number, so an interrupted
    training gives the weights that an uninterrupted one gives on the same machine.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self.device = choose_device(assignment.device)
        protocol = assignment.protocol
        assert isinstance(protocol.fit, Training)  # noqa: S101 - open_fit chose by it
        self._inputs = Inputs(protocol.data, protocol.fit.batch_size, self.device)

    @property
    def _last(self) -> Path:
        return self._assignment.folder / LAST

    @property
    def _best(self) -> Path:
        return self._assignment.folder / BEST

    def run(self, data: Mapping[str, LabelledImages]) -> Outcome:
        """Train to the end, from the last checkpoint if there is one.

        Args:
            data: The protocol's splits by name.

        Raises:
            RunError: The loss is no longer finite.
        """
        keep_freed_memory()
        asked = self._assignment
        with torch.random.fork_rng():
            torch.manual_seed(asked.seed)
            state = _State(asked, self.device)
            progress = state.load(self._last)
            n_batches = len(self._batches(data["train"], 0))
            done = len(progress.history)
            with progress_bar(
                f"{asked.model}, seed {asked.seed}",
                asked.epochs * n_batches,
                unit="batch",
                start=done * n_batches,
            ) as bar:
                for epoch in range(done, asked.epochs):
                    self._one_epoch(state, progress, data, epoch, bar)
        return Outcome(
            choice={"epoch": progress.best_epoch},
            value=progress.best_metric,
            history=[asdict(each) for each in progress.history],
            seconds=sum(each.seconds for each in progress.history),
            cost=Cost(parameters=sum(each.numel() for each in state.network.parameters())),
        )

    def _one_epoch(
        self,
        state: _State,
        progress: Progress,
        data: Mapping[str, LabelledImages],
        epoch: int,
        bar: Any,
    ) -> None:
        asked, selection = self._assignment, self._assignment.protocol.selection
        started = time.monotonic()
        torch.manual_seed(asked.seed * 100_003 + epoch)
        rate = state.optimiser.param_groups[0]["lr"]
        train_loss = state.train(self._batches(data["train"], epoch), bar)
        if not np.isfinite(train_loss):
            raise RunError(
                f"The training loss is {train_loss} in epoch {epoch + 1}",
                f"Lower the learning rate; the last good state is {self._last}",
            )
        chosen = data[selection.split]
        scores, loss = state.predict(self._inputs.evaluation(chosen))
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
            _save(self._best, state.network.state_dict())
        state.save(self._last, progress)
        bar.set_postfix_str(f"loss {train_loss:.3f}, AUC {record.auc:.3f}")
        left = np.mean([each.seconds for each in progress.history]) * (asked.epochs - epoch - 1)
        _LOG.info(
            "epoch %d/%d: loss %.4f, %s AUC %.4f, ACC %.4f, %.0f s left",
            *(record.epoch, asked.epochs, train_loss, selection.split),
            *(record.auc, record.acc, left),
        )

    def predict(self, images: LabelledImages | np.ndarray) -> np.ndarray:
        """Return probabilities of the selected epoch's weights, float32 (N, K)."""
        with torch.random.fork_rng():  # building draws weights, which are then replaced
            state = _State(self._assignment, self.device)
        state.network.load_state_dict(_load(self._best))
        if isinstance(images, np.ndarray):
            return state.probabilities(self._inputs.arrays(images))
        return state.predict(self._inputs.evaluation(images))[0]

    def close(self) -> None:
        """Delete the checkpoint of the last epoch."""
        self._last.unlink(missing_ok=True)

    def _batches(self, dataset: LabelledImages, epoch: int) -> Batches:
        return self._inputs.training(dataset, (self._assignment.seed, epoch))


class _State:
    """Network, optimiser and schedule: what a checkpoint holds."""

    def __init__(self, asked: Assignment, device: str) -> None:
        recipe: Any = asked.protocol.fit
        network: Any = build_network(asked.model, asked.protocol, asked.task.n_classes)
        self.network: nn.Module = network.to(device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=recipe.optimiser.learning_rate
        )
        self.schedule = torch.optim.lr_scheduler.MultiStepLR(
            self.optimiser,
            [int(part * asked.epochs) for part in recipe.schedule.milestones],
            recipe.schedule.gamma,
        )
        self._device = torch.device(device)
        self._low_precision = asked.precision == "bfloat16"
        self._multi_label = asked.task.kind is TaskKind.MULTI_LABEL
        self._loss = nn.BCEWithLogitsLoss() if self._multi_label else nn.CrossEntropyLoss()

    def train(self, batches: Batches, bar: Any) -> float:
        """Pass once over the training data; return the mean loss per sample."""
        self.network.train()
        total = torch.zeros((), device=self._device)
        for images, targets in batches:
            self.optimiser.zero_grad()
            loss = self._loss(self._logits(images), targets)
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(targets)
            bar.update()
        return float(total) / len(batches.visit.order)

    @torch.inference_mode()
    def predict(self, batches: Batches) -> tuple[np.ndarray, float]:
        """Return probabilities, float32 (N, K), and the mean loss per sample."""
        self.network.eval()
        scores, total = [], torch.zeros((), device=self._device)
        for images, targets in batches:
            logits = self._logits(images)
            total += self._loss(logits, targets) * len(targets)
            scores.append(self._normalised(logits))
        return torch.cat(scores).cpu().numpy(), float(total) / len(batches.visit.order)

    @torch.inference_mode()
    def probabilities(self, batches: Iterable[torch.Tensor]) -> np.ndarray:
        """Return probabilities of unlabelled batches, float32 (N, K)."""
        self.network.eval()
        return torch.cat([self._normalised(self._logits(each)) for each in batches]).cpu().numpy()

    def _normalised(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.sigmoid() if self._multi_label else logits.softmax(dim=1)

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._low_precision):
            logits: torch.Tensor = self.network(images)
        return logits.float()

    def save(self, path: Path, progress: Progress) -> None:
        """Write everything that the next epoch needs."""
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        _save(path, {**parts, "progress": asdict(progress)})

    def load(self, path: Path) -> Progress:
        """Restore what `save` wrote; a fresh Progress where there is nothing yet."""
        if not path.exists():
            return Progress()
        saved = _load(path)
        for name in _PARTS:
            getattr(self, name).load_state_dict(saved[name])
        kept = saved["progress"]
        kept["history"] = [Epoch(**each) for each in kept["history"]]
        _LOG.info("resuming after epoch %d", len(kept["history"]))
        return Progress(**kept)


_PARTS = ("network", "optimiser", "schedule")


def choose_device(name: str) -> str:
    """Return `name`, or for `auto` the first CUDA device, else the CPU.

    Raises:
        RunError: torch does not have the device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        problem = f"Device {name!r} cannot be used ({str(error).splitlines()[0]})"
        raise RunError(problem, "Choose another --device, e.g. auto or cpu") from error
    return name


def _save(path: Path, content: dict[str, Any]) -> None:
    with atomic_path(path) as part:
        torch.save(content, part)


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise FormatError(path, f"not a checkpoint ({error})", "Delete it and run again") from error
    return content
