"""What is known of a model before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked for.

    Attributes:
        name: In commands and run folders.
        published_name: As published tables write it.
        kind: A `network` is trained by gradients, an `estimator` fitted on pixels.
        dimensions: Spatial axes that it takes, or None for any.
    """

    name: str
    published_name: str
    kind: Literal["network", "estimator"]
    dimensions: int | None = None
