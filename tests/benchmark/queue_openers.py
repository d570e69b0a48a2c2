"""Openers of data that fail, for queues in other processes."""

from __future__ import annotations

import os
from dataclasses import dataclass

from medshelf.api.opening import Files
from medshelf.benchmark.queueing.orders import Order
from medshelf.dataset.labelled_images import LabelledImages


@dataclass(frozen=True)
class Failing:
    """Opens the data of all runs but one, whose process it ends where `deadly`."""

    files: Files
    seed: int
    deadly: bool = False

    def __call__(self, order: Order) -> dict[str, LabelledImages]:
        """Return the splits, or fail."""
        if order.spec.seed == self.seed:
            if self.deadly:
                os._exit(7)
            message = "the disk is on fire"
            raise ValueError(message)
        return self.files(order)
