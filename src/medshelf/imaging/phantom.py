"""Phantoms: generated pictures with known labels, to try every path of the library offline.

A soft elliptical body with smooth texture holds up to four lesions: discs, rings, squares, crosses.
They are no medical data. Every machine makes the same bytes: the streams of `RandomState` are
frozen, and `drawing` uses exactly rounded operations only, as must whatever is added here. Geometry
is relative to the edge, so all sizes show the same samples; only the noise differs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import SPLITS
from medshelf.core.tasks import TaskKind
from medshelf.imaging.drawing import SHAPES, interpolate, outline_distance, pixel_axes, smooth_step

N_SAMPLES = {
    2: {"train": 600, "val": 150, "test": 300},
    3: {"train": 200, "val": 50, "test": 100},
}
"""Samples per split by number of spatial axes."""

FORMS = {"grey": (2, 1), "rgb": (2, 3), "3d": (3, 1)}
"""Spatial axes and channels of each form."""

_SHARES = {
    TaskKind.BINARY: (0.58, 0.42),
    TaskKind.MULTI_CLASS: (0.32, 0.28, 0.22, 0.18),
    TaskKind.ORDINAL: (0.32, 0.24, 0.18, 0.14, 0.12),
    TaskKind.MULTI_LABEL: (0.36, 0.32, 0.28, 0.24),
}
_RADII = {
    TaskKind.BINARY: (0.12, 0.26),
    TaskKind.MULTI_CLASS: (0.24, 0.4),
    TaskKind.ORDINAL: (0.16, 0.28),
    TaskKind.MULTI_LABEL: (0.22, 0.3),
}
_QUADRANTS = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)], dtype=np.float32)
_MIN_SIZE, _MAX_SIZE = 16, 512
_N_SITES = 4


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the samples show, in units of half the edge, origin in the centre.

    Attributes:
        centre: Body, float32 (N, D).
        half_axes: Body, float32 (N, D).
        turn: Body and four sites, tangent of half the angle, float32 (N, 5).
        level: Brightness of body and rim, float32 (N, 2).
        textures: Coarse and fine texture on a grid of knots, float32 (N, knots, ...), -1 to 1.
        present: Whether a site holds a lesion, bool (N, 4).
        shape: Position in `SHAPES` of `drawing`, uint8 (N, 4).
        place: Centre of the lesion, float32 (N, 4, D).
        radius: Of the lesion, float32 (N, 4).
        contrast: Brightness added, float32 (N, 4).
        tone: Share of the body's brightness per channel, float32 (N, C).
        tint: Share of the lesion's contrast per channel, float32 (N, C).
    """

    centre: np.ndarray
    half_axes: np.ndarray
    turn: np.ndarray
    level: np.ndarray
    textures: tuple[np.ndarray, ...]
    present: np.ndarray
    shape: np.ndarray
    place: np.ndarray
    radius: np.ndarray
    contrast: np.ndarray
    tone: np.ndarray
    tint: np.ndarray


def make_phantom(
    name: str, split: str, *, size: int = 28, n_samples: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Make one split of a phantom set.

    Args:
        name: `phantom-<form>-<kind>`: grey, rgb or 3d; binary, multi-class, ordinal or multi-label.
        split: train, val or test.
        size: Edge length, in pixels.
        n_samples: How many; `N_SAMPLES` by default. Another number makes other samples.

    Returns:
        Images, uint8 (N, size, size), (N, size, size, 3) or (N, size, size, size), and labels,
        uint8 (N, 1) class codes or (N, 4) with 1 for each shape that is present.

    Raises:
        UnknownNameError: There is no such set or split.
        SettingError: `size` or `n_samples` is out of range.
    """
    form, kind = _parse(name)
    n_axes, n_channels = FORMS[form]
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    n_samples = N_SAMPLES[n_axes][split] if n_samples is None else n_samples
    _require("size", size, _MIN_SIZE, _MAX_SIZE)
    _require("n_samples", n_samples, 1, 100_000)
    seed = hashlib.sha256(f"{name}/{split}".encode()).digest()[:4]
    random = np.random.RandomState(int.from_bytes(seed, "little"))
    labels = _draw_labels(random, kind, n_samples)
    scene = _draw_scene(random, kind, labels, n_axes, n_channels)
    return _render(scene, size, random), labels


def _parse(name: str) -> tuple[str, TaskKind]:
    known = {f"phantom-{form}-{kind}": (form, kind) for form in FORMS for kind in TaskKind}
    if name not in known:
        raise UnknownNameError("phantom", name, known)
    return known[name]


def _require(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        problem = f"{name} = {value} of a phantom is out of range"
        raise SettingError(problem, f"Choose a number from {low} to {high}")


def _draw_labels(random: np.random.RandomState, kind: TaskKind, n_samples: int) -> np.ndarray:
    # Shares are met, only the order is drawn, so that no split lacks a class.
    rank = (np.arange(n_samples) + 0.5) / n_samples
    if kind is TaskKind.MULTI_LABEL:
        columns = [random.permutation(rank < share) for share in _SHARES[kind]]
    else:
        columns = [random.permutation(np.searchsorted(np.cumsum(_SHARES[kind]), rank))]
    return np.stack(columns, axis=1).astype(np.uint8)


def _draw_scene(
    random: np.random.RandomState,
    kind: TaskKind,
    labels: np.ndarray,
    n_axes: int,
    n_channels: int,
) -> _Scene:
    """Draw all parameters: the order is that of these lines, whether the kind uses them or not."""
    n_samples = len(labels)

    def draw(low: float, high: float, *shape: int) -> np.ndarray:
        # Not `uniform`: its multiply and add may be fused on some processors.
        share = random.random_sample((n_samples, *shape)).astype(np.float32)
        return low + (high - low) * share

    centre = draw(-0.06, 0.06, n_axes)
    half_axes = draw(0.74, 0.94, n_axes)
    turn = draw(-0.3, 0.3, 1 + _N_SITES)
    level = draw(0.32, 0.5, 2)
    textures = tuple(draw(-1, 1, *(knots,) * n_axes) for knots in (4, 9))
    order = np.argsort(draw(0, 1, _N_SITES), axis=1, kind="stable")
    offset = draw(-1, 1, _N_SITES, n_axes)
    radius = draw(*_RADII[kind], _N_SITES)
    contrast = draw(0.14, 0.32, _N_SITES)
    if n_axes == 3:  # noqa: PLR2004 - fewer samples and more pixels hide a lesion better
        radius, contrast = radius * np.float32(1.15), contrast * np.float32(1.8)
    tone = draw(0.85, 1.0, n_channels) * np.array((1, 0.62, 0.55)[:n_channels], np.float32)
    tint = draw(0.8, 1.0, n_channels) * np.array((0.68, 0.74, 1)[-n_channels:], np.float32)

    present, shape = _sites(kind, labels)
    return _Scene(
        centre=centre,
        half_axes=half_axes,
        turn=turn,
        level=level,
        textures=textures,
        present=present,
        shape=shape,
        place=centre[:, None] + half_axes[:, None] * _places(kind, order, offset),
        radius=radius,
        contrast=contrast,
        tone=tone,
        tint=tint,
    )


def _places(kind: TaskKind, order: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return the sites' centres as shares of the body's half axes, float32 (N, 4, D).

    One lesion may lie anywhere; several lie in a quadrant each, so that none covers another.

    Args:
        kind: Task kind.
        order: Quadrant of each site, int (N, 4).
        offset: Share of the allowed deviation, float32 (N, 4, D), -1 to 1.
    """
    several = kind in (TaskKind.ORDINAL, TaskKind.MULTI_LABEL)
    spread = np.full(offset.shape[-1], 0.36, np.float32)
    spread[-2:] = 0.08 if several else 0.4
    places = spread * offset
    if several:
        places[:, :, -2:] += np.float32(0.44) * _QUADRANTS[order]
    return places


def _sites(kind: TaskKind, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which sites hold a lesion, and of which shape: bool and uint8 (N, 4)."""
    sites = np.arange(_N_SITES, dtype=np.uint8)
    discs = np.zeros((len(labels), _N_SITES), np.uint8)
    if kind is TaskKind.MULTI_LABEL:
        return labels == 1, discs + sites
    if kind is TaskKind.MULTI_CLASS:
        return discs + sites == 0, discs + labels
    return sites < labels, discs


def _render(scene: _Scene, size: int, random: np.random.RandomState) -> np.ndarray:
    n_samples, n_axes = scene.centre.shape
    body, inside = _body(scene, size)
    lesions = np.zeros_like(body)
    for site in range(_N_SITES):
        for shape in range(len(SHAPES)):
            rows = np.flatnonzero(scene.present[:, site] & (scene.shape[:, site] == shape))
            if rows.size:
                lesions[rows] += _lesions(scene, rows, site, size)
    lesions *= inside
    flat = (n_samples,) + (1,) * n_axes
    channels = []
    for tone, tint in zip(scene.tone.T, scene.tint.T, strict=True):
        channel = body * tone.reshape(flat) + lesions * tint.reshape(flat)
        channels.append(_quantise(channel, random))
    return channels[0] if len(channels) == 1 else np.stack(channels, axis=-1)


def _body(scene: _Scene, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the bodies without lesions, and their inside, both float32 (N, size, ...), 0 to 1."""
    n_samples, n_axes = scene.centre.shape
    flat = (n_samples,) + (1,) * n_axes
    axes = pixel_axes(scene.centre, scene.turn[:, 0], size)
    square = np.float32(0)
    for axis, half_axis in zip(axes, scene.half_axes.T, strict=True):
        share = axis / half_axis.reshape(flat)
        square = square + share * share
    distance = np.sqrt(square)
    coarse, fine = (interpolate(grid, size) for grid in scene.textures)
    inside = smooth_step((1 - distance) / np.float32(0.1))
    rim = smooth_step(1 - np.abs(distance - np.float32(0.9)) / np.float32(0.07))
    level, rim_level = (each.reshape(flat) for each in scene.level.T)
    tissue = level + np.float32(0.13) * coarse + np.float32(0.09) * fine
    return np.float32(0.03) + inside * tissue + rim * rim_level * np.float32(0.6), inside


def _lesions(scene: _Scene, rows: np.ndarray, site: int, size: int) -> np.ndarray:
    """Draw the lesions of one site and one shape, float32 (rows, size, ...)."""
    flat = (len(rows),) + (1,) * scene.centre.shape[1]
    radius = scene.radius[rows, site].reshape(flat)
    axes = pixel_axes(scene.place[rows, site], scene.turn[rows, 1 + site], size)
    distance = outline_distance(
        SHAPES[scene.shape[rows[0], site]], [axis / radius for axis in axes]
    )
    softness = np.float32(3 / size) / radius
    return smooth_step(np.float32(0.5) - distance / softness) * scene.contrast[rows, site].reshape(
        flat
    )


def _quantise(channel: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Add noise (sum of two uniform bytes) and round to uint8."""
    noise = np.frombuffer(random.bytes(2 * channel.size), np.uint8).reshape(2, *channel.shape)
    noisy = channel * 255 + (noise[0].astype(np.float32) + noise[1] - 255) * np.float32(0.12)
    return (np.clip(noisy, 0, 255) + np.float32(0.5)).astype(np.uint8)
