"""How much small lettering there is outside the centre of a picture: a detector, no reader.

First every fourth row is looked at, in pictures above 768 pixels every eighth: a pixel is of a
stroke where it is much brighter, or much darker, than what lies 3 or 7 pixels to its left and to
its right. Where cells with several such pixels lie in an area that is mostly of one even grey, the
area is looked at closely: what stands out from that grey falls into connected parts, and a part
that is as large, as slim and as evenly bright as a letter counts, the more so where others of its
height stand beside it.

Found are letters of some 9 to 60 pixels in height, in pictures of up to 1,024 pixels (larger ones
are looked at in every second or third pixel), horizontal, on even ground. Not found are letters on
texture, slanted lead markers, and colours whose green is that of their ground. Hairs, surgical
clips, catheters, wires, electrodes and scale marks may be taken for letters. The close look needs
SciPy.
"""

from __future__ import annotations

import numpy as np

_STEP = 4
_CELL = 16
_NEAR, _FAR = 3, 7
_CONTRAST = 45
_EDGE = 1024
_MIN_EDGE = 64
_SMALL = 768
_MIN_STROKES = 3
_MAX_AREAS = 12
_EVEN = 20
_MAX_PLACES = 40
_MIN_EVEN_SHARE = 0.45
_MAX_STROKE_SHARE = 0.3
_HALVING = 2.0
_MIN_PIXELS = 8
_TILE = 6
_LETTER = (6, 64)
_CORNERS = np.ones((3, 3))


def text_score(plane: np.ndarray, axes: str) -> float | None:
    """Return 0 where no lettering is seen, 0.29 for one letter, 0.5 for two, 0.82 for five.

    Args:
        plane: (rows, columns) or (rows, columns, channels); of colours the green is looked at.
        axes: Its last letter is C where it has channels.

    Returns:
        Null where the picture is smaller than 64 pixels, or SciPy is not installed.
    """
    try:
        from scipy import ndimage  # noqa: F401
    except ImportError:
        return None
    if min(plane.shape[:2]) < _MIN_EDGE:
        return None
    step = -(-max(plane.shape[:2]) // _EDGE)
    grey = plane[::step, ::step]
    if axes.endswith("C"):
        grey = grey[..., min(1, grey.shape[-1] - 1)]
    apart = _STEP if max(grey.shape) <= _SMALL else 2 * _STEP
    cells = _cells(_bytes_of(grey[::apart], grey))
    areas = _areas(cells, apart * _STEP)
    n_letters = sum(_letters(_bytes_of(grey[area], grey)) for area in areas)
    return 1 - 0.5 ** (n_letters / _HALVING)


def _bytes_of(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part of a picture as uint8, C order; other types are stretched from least to most."""
    if whole.dtype == np.uint8:
        return np.ascontiguousarray(part)
    if whole.dtype == np.bool_:
        return part.astype(np.uint8) * 255
    finite = whole if whole.dtype.kind != "f" else whole[np.isfinite(whole)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if not low < high:
        return np.zeros(part.shape, np.uint8)
    with np.errstate(invalid="ignore"):
        scaled = (part.astype(np.float64) - low) * (255 / (high - low))
    return np.nan_to_num(scaled, nan=0, posinf=255, neginf=0).astype(np.uint8)


def _cells(rows: np.ndarray) -> np.ndarray:
    """Count the pixels of strokes in each cell that lies outside the centre, (rows, columns).

    Args:
        rows: Every fourth or eighth row; a cell has four of them.
    """
    width = rows.shape[1] // _CELL * _CELL
    rows = np.ascontiguousarray(rows[: rows.shape[0] // _STEP * _STEP, :width])
    flat, n = rows.reshape(-1), rows.size - 2 * _FAR
    here, *around = (flat[_FAR + by : _FAR + by + n] for by in (0, -_NEAR, _NEAR, -_FAR, _FAR))
    above = np.minimum(np.maximum(*around[:2]), np.maximum(*around[2:]))
    below = np.maximum(np.minimum(*around[:2]), np.minimum(*around[2:]))
    contrast = np.uint8(_CONTRAST)
    found = np.zeros(rows.shape, np.bool_)
    strokes = here > np.minimum(above, 255 - contrast) + contrast
    strokes |= here < np.maximum(below, contrast) - contrast
    found.reshape(-1)[_FAR:-_FAR] = strokes
    found[:, :_FAR] = found[:, -_FAR:] = False
    eighths = np.bitwise_count(found.view(np.uint64))
    pieces = eighths.reshape(-1, _STEP, width // _CELL, _CELL // 8)
    lines = pieces[:, 0] + pieces[:, 1] + pieces[:, 2] + pieces[:, 3]
    counts = lines[..., 0] + lines[..., 1]
    tall, wide = counts.shape
    counts[-(-tall // 3) : tall - -(-tall // 3), -(-wide // 3) : wide - -(-wide // 3)] = 0
    return counts


def _areas(cells: np.ndarray, tall: int) -> list[tuple[slice, slice]]:
    """Return where, in pixels, cells with strokes lie together; nothing where they are all over."""
    from scipy import ndimage

    marked = cells >= _MIN_STROKES
    if not marked.any() or marked.mean() > _MAX_STROKE_SHARE:
        return []
    labels, n_places = ndimage.label(marked, _CORNERS)
    if n_places > _MAX_PLACES:
        return []
    strongest = np.bincount(labels.ravel(), cells.ravel())[1:]
    chosen = np.argsort(-strongest, kind="stable")[:_MAX_AREAS]
    boxes = ndimage.find_objects(labels)
    return [
        (
            slice(max(0, rows.start - 1) * tall, (rows.stop + 1) * tall),
            slice(max(0, start - 1) * _CELL, (min(columns.stop, start + _TILE) + 1) * _CELL),
        )
        for rows, columns in (boxes[each] for each in chosen)
        for start in range(columns.start, columns.stop, _TILE)
    ]


def _letters(area: np.ndarray) -> int:
    """Count what may be letters, brighter or darker than the grey that most of an area has."""
    counts = np.bincount(area.ravel(), minlength=256)
    ends = np.concatenate([np.zeros(_EVEN + 1, np.int64), counts, np.zeros(_EVEN, np.int64)])
    ends = np.cumsum(ends)
    spread = ends[2 * _EVEN + 1 :] - ends[: -2 * _EVEN - 1]
    ground = int(spread.argmax())
    if spread[ground] < _MIN_EVEN_SHARE * area.size:
        return 0
    places = np.arange(256)
    return max(
        _parts(area, counts, places - ground),
        _parts(area, counts, ground - places),
    )


def _parts(area: np.ndarray, counts: np.ndarray, above: np.ndarray) -> int:
    """Count the connected parts that stand out and are like letters in lines.

    Args:
        area: uint8.
        counts: How often it has each value.
        above: How much each value stands out from the ground.
    """
    from scipy import ndimage

    high = np.where(above > _CONTRAST, counts, 0)[np.argsort(above, kind="stable")]
    if high.sum() < _MIN_PIXELS:
        return 0
    top = int(np.sort(above)[np.searchsorted(np.cumsum(high), 0.9 * high.sum())])
    standing = np.maximum(above, 0).astype(np.uint8)[area]
    labels, _ = ndimage.label(standing > max(_CONTRAST // 2, top // 2), _CORNERS)
    letters = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not (_LETTER[0] <= height <= _LETTER[1] and 0.15 * height <= width <= 2 * height):
            continue
        if min(rows.start, columns.start) == 0 or (rows.stop, columns.stop) >= area.shape:
            continue
        part = labels[rows, columns] == number
        if _is_letter(part, standing[rows, columns], top):
            letters.append((rows.start, rows.stop, columns.start, columns.stop))
    return _in_lines(letters)


def _is_letter(part: np.ndarray, standing: np.ndarray, top: int) -> bool:
    """Say whether a part is slim and evenly bright."""
    filled = int(np.count_nonzero(part))
    if not 0.12 <= filled / part.size <= 0.98:  # noqa: PLR2004
        return False
    n_runs = int(part[:, 0].sum()) + int(np.count_nonzero(part[:, 1:] & ~part[:, :-1]))
    slim = filled <= 0.45 * len(part) * n_runs
    return slim and int(standing[part].sum()) >= 0.7 * top * filled


def _in_lines(letters: list[tuple[int, int, int, int]]) -> int:
    """Count letters beside which there is another of their height; a single one counts as one."""
    if not letters:
        return 0
    boxes = np.array(letters, np.float64)
    top, bottom, left, right = boxes.T
    height = bottom - top
    larger = np.maximum(height[:, None], height)
    alike = np.minimum(height[:, None], height) >= 0.6 * larger
    level = np.abs((top + bottom)[:, None] - (top + bottom)) / 2 <= 0.4 * larger
    gap = np.maximum(left[:, None] - right, left - right[:, None])
    beside = alike & level & (gap >= -1) & (gap <= 1.5 * larger)
    np.fill_diagonal(beside, val=False)
    return max(1, int(beside.any(axis=1).sum()))
