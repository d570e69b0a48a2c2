"""Random numbers that belong to a sample: its own stream, whatever lies beside it in a batch.

Source of the generator (Philox, a keyed counter): Salmon et al. 2011,
https://doi.org/10.1145/2063384.2063405
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

_WORD_BITS = 53


@dataclass(frozen=True, slots=True)
class Draws:
    """The streams of some samples.

    Attributes:
        key: Of what is drawn, from `key_of`.
        rows: Number of each sample in its dataset, int64 (N,).
    """

    key: int
    rows: np.ndarray

    def levels(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return equally likely whole numbers from 0 to 65535, uint16 (N, *shape)."""
        count = int(np.prod(shape))
        return self._raw(-(-count // 4)).view(np.uint16)[:, :count].reshape(-1, *shape)

    def shares(self, *shape: int) -> np.ndarray:
        """Return numbers from 0 to 1, 1 left out, float64 (N, *shape)."""
        raw = self._raw(int(np.prod(shape))) >> np.uint64(64 - _WORD_BITS)
        return (raw / 2.0**_WORD_BITS).reshape(-1, *shape)

    def _raw(self, count: int) -> np.ndarray:
        """Return the first words of each stream, uint64 (N, count)."""
        words = np.empty((len(self.rows), count), np.uint64)
        stream = np.random.Philox(key=[self.key, 0])
        start = stream.state
        for place, row in enumerate(self.rows.tolist()):
            start["state"]["key"][1] = row
            stream.state = start
            words[place] = stream.random_raw(count)
        return words


def key_of(seed: int, name: str) -> int:
    """Return the key of a corruption's streams for a seed, 64 bits."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little")
