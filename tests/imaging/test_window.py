"""Values of any range as grey levels."""

from __future__ import annotations

import numpy as np
import pytest

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.imaging.window import HU_WINDOWS, parse_window, to_grey


def test_window_maps_its_ends_to_black_and_white() -> None:
    values = np.array([-2000, -1350, -600, 150, 3000], np.int16)
    assert to_grey(values, HU_WINDOWS["lung"]).tolist() == [0, 0, 128, 255, 255]


def test_bytes_stay_as_they_are() -> None:
    values = np.arange(256, dtype=np.uint8)
    assert to_grey(values) is values
    assert to_grey(values, (128, 128)).tolist() != values.tolist()


def test_outliers_do_not_decide_the_range() -> None:
    values = np.concatenate([np.linspace(0, 100, 1000), [1e9]])
    assert to_grey(values)[500] > 100


@pytest.mark.parametrize("value", [0, -7, 3.5])
def test_one_value_alone_is_black(value: float) -> None:
    assert not to_grey(np.full((3, 4), value)).any()


def test_what_is_not_finite_is_black() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1.0, 2.0, 3.0])
    assert to_grey(values)[:3].tolist() == [0, 0, 0]
    assert not to_grey(np.full(3, np.nan)).any()
    assert not to_grey(np.zeros((0, 3))).size


def test_names_and_numbers() -> None:
    assert parse_window("brain") == (40, 80)
    assert parse_window("-600, 1500") == (-600, 1500)


def test_what_is_no_window() -> None:
    for text in ("lunge", "40", "a,b", ""):
        with pytest.raises(UnknownNameError, match="lung"):
            parse_window(text)
    for text in ("40,0", "40,-1", "40,nan"):
        with pytest.raises(SettingError, match="width"):
            parse_window(text)
