"""Values of any range as grey levels that a screen can show."""

from __future__ import annotations

import numpy as np

from medshelf.core.errors import SettingError, UnknownNameError

HU_WINDOWS = {
    "lung": (-600.0, 1500.0),
    "mediastinum": (50.0, 350.0),
    "abdomen": (50.0, 400.0),
    "liver": (30.0, 150.0),
    "brain": (40.0, 80.0),
    "bone": (400.0, 1800.0),
}
"""Centre and width in Hounsfield units, for CT.

Source: https://radiopaedia.org/articles/windowing-ct
"""

Window = tuple[float, float]
_TAILS = (0.5, 99.5)
_N_SAMPLED = 1_000_000


def parse_window(text: str) -> Window:
    """Read a window: a name of `HU_WINDOWS`, or `centre,width`.

    Raises:
        UnknownNameError: It is neither.
        SettingError: The width is not above 0.
    """
    if text in HU_WINDOWS:
        return HU_WINDOWS[text]
    try:
        centre, width = (float(each) for each in text.split(","))
    except ValueError as error:
        raise UnknownNameError("window", text, (*HU_WINDOWS, "centre,width")) from error
    if not width > 0:
        raise SettingError(f"The width of window {text!r} is not above 0", "Write centre,width")
    return centre, width


def to_grey(array: np.ndarray, window: Window | None = None) -> np.ndarray:
    """Map values to 0..255, the lowest being black.

    Args:
        array: Numbers or booleans of any shape; what is not finite is black.
        window: Centre and width in the unit of the array. By default uint8 stays as it is, and
            anything else is stretched between its 0.5th and 99.5th percentile.

    Returns:
        uint8, the same shape.
    """
    if array.dtype == np.uint8 and window is None:
        return array
    values = array.astype(np.float32)
    finite = np.isfinite(values)
    if window is None:
        low, high = _range(values[finite])
    else:
        low, high = window[0] - window[1] / 2, window[0] + window[1] / 2
    scaled = (np.where(finite, values, low) - low) * (255 / max(high - low, 1e-12))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return two percentiles, of every nth value where there are very many."""
    if not values.size:
        return 0.0, 1.0
    every = max(1, values.size // _N_SAMPLED)
    low, high = np.percentile(values.reshape(-1)[::every], _TAILS)
    if low == high:
        low, high = float(values.min()), float(values.max())
    return float(low), float(high)
