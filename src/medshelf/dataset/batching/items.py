"""Items, one by one and many at once, and how torch puts many of them together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import numpy as np


class Item(NamedTuple):
    """One sample as a trainer takes it.

    Attributes:
        image: As stored, uint8 (H, W), (H, W, 3) or (D, H, W), or what the transform made of it.
        target: Class code, or float32 (K,), or what the target transform made of it.
    """

    image: Any
    target: Any


class Items(Sequence[Item]):
    """Items whose images and targets lie in one array each.

    Torch's default collation would make a tensor of every single image and copy them together; it
    takes the arrays as they are instead (`torch.utils.data.default_collate` documents the table of
    types that this uses).
    """

    def __init__(self, images: np.ndarray, targets: np.ndarray) -> None:
        self.images = images
        self.targets = targets
        if "torch.utils.data" in sys.modules:
            _register()

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.images)

    @overload
    def __getitem__(self, key: int) -> Item: ...
    @overload
    def __getitem__(self, key: slice) -> Items: ...
    def __getitem__(self, key: int | slice) -> Item | Items:
        """Return one item, or a slice of them."""
        if isinstance(key, slice):
            return Items(self.images[key], self.targets[key])
        target = self.targets[key]
        return Item(self.images[key], target if target.ndim else target.item())


def _register() -> None:
    from torch.utils.data._utils.collate import default_collate_fn_map

    default_collate_fn_map.setdefault(Item, _collate)


def _collate(batch: Sequence[Item], *, collate_fn_map: Any = None) -> Item:
    import torch
    from torch.utils.data._utils.collate import collate

    if isinstance(batch, Items):
        return Item(torch.from_numpy(batch.images), torch.from_numpy(batch.targets))
    columns = zip(*batch, strict=True)
    return Item(*(collate(column, collate_fn_map=collate_fn_map) for column in columns))
