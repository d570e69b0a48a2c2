"""A second look at two pictures whose hashes are near: do they show the very same thing?

Chests look alike, so neither the hash nor the plain correlation of two small pictures tells a copy
from another patient. Here one picture is first brought into register with the other (shift, turn,
scale, shear, brightness and contrast, by least squares), and what is then compared is the fine
structure alone: what remains of both when their blurred form is taken off. A copy that was cropped
or turned fits down to the ribs, another patient only in outline.

Source: registration as in S. Baker, I. Matthews, Lucas-Kanade 20 years on, the inverse
compositional algorithm, https://doi.org/10.1023/B:VISI.0000011205.11775.fd
"""

from __future__ import annotations

from functools import cache

import numpy as np

from medshelf.core.errors import SettingError
from medshelf.imaging.hashing import SIDE

SAME_FROM = 0.975
"""Score from which two pictures are taken for the same.

Source: measured by benchmarks/bench_hashing.py on radiographs, ultrasound, skin and MR slices.
"""

_MARGIN = 2
_EDGE = SIDE - 2 * _MARGIN
_CENTRE = (SIDE - 1) / 2
_BATCH = 128
_STEPS = (3, 6)
_WORTH_MORE = 0.85
_SIGMA = 2.0
_MAX_SHIFT = 4.0
_MAX_WARP = 0.2
_MIN_OVERLAP = 0.7
_DAMPING = 1e-3


def same_picture(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Judge pairs of reduced pictures.

    Undo a mirroring or a quarter turn beforehand (`hashing.dihedral`); turns of some degrees, crops
    and linear changes of grey values are undone here. Which of the two comes first is all one.

    Args:
        a: uint8 or float32 (N, 32, 32), of `hashing.reduced`.
        b: The same shape.

    Returns:
        Scores, float32 (N,), -1 to 1: the correlation of the fine structure; 0 where a picture has
        none, or where only a change that no copy undergoes would bring them into register. And
        bool (N,): whether the score is at least `SAME_FROM`.

    Raises:
        SettingError: The shapes differ, or are not (N, 32, 32).
    """
    if a.shape != b.shape or a.shape[1:] != (SIDE, SIDE):
        problem = f"Arrays {a.shape} and {b.shape} hold no pairs of reduced pictures"
        raise SettingError(problem, f"Pass two arrays (N, {SIDE}, {SIDE})")
    scores = _best_scores(a, b, _STEPS[0])
    promising = np.flatnonzero(scores >= _WORTH_MORE)
    scores[promising] = _best_scores(a[promising], b[promising], _STEPS[1])
    return scores, scores >= SAME_FROM


def _best_scores(a: np.ndarray, b: np.ndarray, n_steps: int) -> np.ndarray:
    """Bring each into register with the other, since either may show less; float32 (N,)."""
    scores = np.zeros(len(a), dtype=np.float32)
    for start in range(0, len(a), _BATCH):
        one, other = (_scaled(each[start : start + _BATCH]) for each in (a, b))
        best = np.maximum(_scores(one, other, n_steps), _scores(other, one, n_steps))
        scores[start : start + _BATCH] = best
    return scores


def _scaled(pictures: np.ndarray) -> np.ndarray:
    """Map each picture to mean 0 and variance 1, slightly blurred; all 0 where it is flat."""
    values = np.nan_to_num(pictures.astype(np.float64), posinf=0, neginf=0)
    values -= values.mean(axis=(1, 2), keepdims=True)
    spread = values.std(axis=(1, 2), keepdims=True)
    values = np.divide(values, spread, out=np.zeros_like(values), where=spread > 0)
    return (_blur(SIDE, 0.7) @ values @ _blur(SIDE, 0.7).T).astype(np.float32)


@cache
def _blur(edge: int, sigma: float) -> np.ndarray:
    """Return a Gaussian blur of `edge` values as a matrix, float64, rows adding up to 1."""
    at = np.arange(edge)
    weights = np.exp(-((at[:, None] - at) ** 2) / (2 * sigma**2))
    return weights / weights.sum(axis=1, keepdims=True)


@cache
def _places() -> np.ndarray:
    """Return y, x and 1 of the pixels inside the margin, from the centre, float32 (3, P)."""
    y, x = np.mgrid[_MARGIN : SIDE - _MARGIN, _MARGIN : SIDE - _MARGIN] - _CENTRE
    return np.stack([y.ravel(), x.ravel(), np.ones(y.size)]).astype(np.float32)


def _scores(a: np.ndarray, b: np.ndarray, n_steps: int) -> np.ndarray:
    """Score one batch of scaled pictures (N, 32, 32) after some steps of least squares."""
    inner = slice(_MARGIN, SIDE - _MARGIN)
    fixed = a[:, inner, inner].reshape(len(a), -1)
    solve = _solver(a)
    warp = np.tile(np.eye(3, dtype=np.float32), (len(a), 1, 1))
    for _ in range(n_steps):
        moved, inside = _sample(b, warp)
        off = (_unit(moved, inside) - _unit(fixed, inside)) * inside
        step = np.tile(np.eye(3, dtype=np.float32), (len(a), 1, 1))
        step[:, :2] += (solve @ off[:, :, None])[:, :6, 0].reshape(-1, 2, 3)
        warp = _bounded(warp @ np.linalg.inv(step))
    moved, inside = _sample(b, warp)
    fine = [_fine(_unit(each, inside), inside) for each in (fixed, moved)]
    agreement = (fine[0] * fine[1]).mean(axis=1)
    plausible = (np.abs(warp - np.eye(3)) < _limits()).all(axis=(1, 2))
    return np.where(plausible & (inside.mean(axis=1) >= _MIN_OVERLAP), agreement, 0)


def _solver(a: np.ndarray) -> np.ndarray:
    """Return what turns differences of pixels into a change of the warp, float32 (N, 8, P).

    The last two unknowns are brightness and contrast.
    """
    inner = slice(_MARGIN, SIDE - _MARGIN)
    slopes = [each[:, inner, inner].reshape(len(a), -1) for each in np.gradient(a, axis=(1, 2))]
    own = a[:, inner, inner].reshape(len(a), -1)
    columns = [slope * place for slope in slopes for place in _places()]
    jacobian = np.stack([*columns, np.ones_like(own), own], axis=1)
    normal = jacobian @ jacobian.transpose(0, 2, 1)
    damping = _DAMPING * np.trace(normal, axis1=1, axis2=2)[:, None, None] / 8
    return np.linalg.solve(normal + (damping + 1e-6) * np.eye(8, dtype=np.float32), jacobian)


def _sample(b: np.ndarray, warp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look up pictures at warped places; also tell which places lie inside, float32 (N, P)."""
    places = warp[:, :2] @ _places() + np.float32(_CENTRE)
    inside = (np.abs(places - _CENTRE) <= SIDE / 2).all(axis=1).astype(np.float32)
    places = np.clip(places, 0, SIDE - 1.001)
    low = places.astype(np.int64)
    y, x = (places - low.astype(np.float32)).transpose(1, 0, 2)
    at = low[:, 0] * SIDE + low[:, 1] + np.arange(len(b))[:, None] * SIDE**2
    flat = b.ravel()
    corners = [np.take(flat, at + step) for step in (0, 1, SIDE, SIDE + 1)]
    above = corners[0] * (1 - x) + corners[1] * x
    below = corners[2] * (1 - x) + corners[3] * x
    return above * (1 - y) + below * y, inside


def _unit(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Map the pixels inside to mean 0 and variance 1, the others to 0."""
    n = np.maximum(inside.sum(axis=1, keepdims=True), 1)
    values = (values - (values * inside).sum(axis=1, keepdims=True) / n) * inside
    spread = np.sqrt((values**2).sum(axis=1, keepdims=True) / n)
    return np.divide(values, spread, out=np.zeros_like(values), where=spread > 1e-3)  # noqa: PLR2004


def _fine(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Take the blurred form off and scale what remains, so that products average to 1."""
    picture = values.reshape(-1, _EDGE, _EDGE)
    blur = _blur(_EDGE, _SIGMA).astype(np.float32)
    left = (picture - blur @ picture @ blur.T).reshape(values.shape) * inside
    left -= left.mean(axis=1, keepdims=True)
    spread = left.std(axis=1, keepdims=True)
    return np.divide(left, spread, out=np.zeros_like(left), where=spread > 1e-3)  # noqa: PLR2004


@cache
def _limits() -> np.ndarray:
    row = [_MAX_WARP, _MAX_WARP, _MAX_SHIFT]
    return np.array([row, row, [1, 1, 1]], dtype=np.float32)


def _bounded(warp: np.ndarray) -> np.ndarray:
    """Keep a warp that runs away within what can be looked up."""
    far = 1.5 * _limits()
    return np.eye(3, dtype=np.float32) + np.clip(warp - np.eye(3, dtype=np.float32), -far, far)
