"""Volumes in radiological layout, whatever way their axes run."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from medshelf.imaging.planes import centre_of, in_layout, spacing_in_layout, three_planes

ORIENTATIONS = [
    "".join(codes) for order in permutations(("LR", "PA", "SI")) for codes in product(*order)
]


def stored(patient: np.ndarray, orientation: str) -> np.ndarray:
    """Store a volume that runs to the right, anterior, superior with axes that run otherwise."""
    order = [next(n for n, pair in enumerate(("RL", "AP", "SI")) if c in pair) for c in orientation]
    flips = tuple(slice(None, None, 1 if c in "RAS" else -1) for c in orientation)
    return patient.transpose(order)[flips]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_gives_the_same_layout(orientation: str) -> None:
    patient = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    found = in_layout(stored(patient, orientation), orientation)
    assert np.array_equal(found, patient[::-1, ::-1, :])


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_spacing_follows_its_axis(orientation: str) -> None:
    of = {"L": 1.0, "R": 1.0, "P": 2.0, "A": 2.0, "S": 3.0, "I": 3.0}
    spacing = tuple(of[code] for code in orientation)
    assert spacing_in_layout(spacing, orientation) == (1, 2, 3)


def test_edges_of_planes() -> None:
    """Mark the right, anterior, superior corner; it is where the letters say."""
    patient = np.zeros((5, 6, 7), np.uint8)
    patient[-1, -1, -1] = 1  # right, anterior, superior
    volume = in_layout(patient, "RAS")
    axial, coronal, sagittal = three_planes(volume, (1, 2, 3), (0, 0, 6))
    assert (axial.edges, coronal.edges, sagittal.edges) == ("RLAP", "RLSI", "APSI")
    assert axial.array.shape == (6, 5)
    assert axial.array[0, 0] == 1  # right is on the left, anterior at the top
    assert coronal.array.shape == (7, 5)
    assert coronal.array[0, 0] == 1
    assert sagittal.array.shape == (7, 6)
    assert sagittal.array[0, 0] == 1
    assert (axial.spacing_mm, coronal.spacing_mm, sagittal.spacing_mm) == ((2, 1), (3, 1), (3, 2))


def test_planes_go_through_most_of_the_mask() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[3, 1, 2:5] = True
    mask[3, 2, 4] = True
    assert centre_of(mask) == (3, 1, 4)
    assert centre_of(np.zeros((5, 6, 7), bool)) == (2, 3, 3)
