"""Cells say the counts, and their colour the share of the row."""

from __future__ import annotations

import numpy as np
import pytest

from medshelf.core.errors import ReportError
from medshelf.report.charts.heatmap import Names, heat_map
from medshelf.report.charts.svg import Chart
from tests.report.drawing import find, number, root, texts, titles, written

CLASSES = ("malignant", "normal, benign")
TRUE, PREDICTED = Names("True", CLASSES), Names("Predicted", CLASSES)


def cells(chart: Chart) -> list[tuple[str, list[str], float, float]]:
    """Class, texts, x and y of each cell, in the order of drawing."""
    found = []
    for group in find(chart, "g"):
        rect = group.find("rect")
        if rect is not None:
            said = [written(each) for each in group.findall("text")]
            found.append((group.get("class", ""), said, number(rect, "x"), number(rect, "y")))
    return found


def test_cells_say_count_and_share_of_the_row() -> None:
    chart = heat_map("Confusion", np.array([[30, 12], [11, 103]]), TRUE, PREDICTED)
    assert [each[:2] for each in cells(chart)] == [
        ("h15", ["30", "71%"]),
        ("h6", ["12", "29%"]),
        ("h2", ["11", "10%"]),
        ("h19", ["103", "90%"]),
    ]


def test_rows_go_down_and_columns_go_right() -> None:
    chart = heat_map("Confusion", np.array([[1, 2], [3, 4]]), TRUE, PREDICTED)
    (_, one, x1, y1), (_, two, x2, y2), (_, three, x3, y3), _ = cells(chart)
    assert (one[0], two[0], three[0]) == ("1", "2", "3")
    assert x1 < x2
    assert y1 == y2 < y3
    assert x1 == x3
    assert titles(chart)[2] == "True: normal, benign\nPredicted: malignant\n3 of 7, 43%"


def test_the_diagonal_is_outlined_only_between_equal_names() -> None:
    same = heat_map("x", np.eye(2), TRUE, PREDICTED)
    outlines = [(number(o, "x"), number(o, "y")) for o in find(same, "rect", "outline")]
    assert outlines == [cells(same)[0][2:], cells(same)[3][2:]]
    other = heat_map("x", np.eye(2), TRUE, Names("Split", ("train", "test")))
    assert not find(other, "rect", "outline")


def test_a_row_without_samples_has_no_shares() -> None:
    chart = heat_map("Confusion", np.array([[0, 0], [1, 0]]), TRUE, PREDICTED)
    assert [each[1][1] for each in cells(chart)] == ["–", "–", "100%", "0%"]  # noqa: RUF001
    assert [each[0] for each in cells(chart)] == ["h0", "h0", "h20", "h0"]


def test_fourteen_classes_stay_inside_the_picture_and_numbers_inside_their_cell() -> None:
    names = tuple(f"a class with a long name, {n}" for n in range(14))
    counts = np.full((14, 14), 12_345)
    chart = heat_map("Confusion", counts, Names("True", names), Names("Predicted", names))
    assert len(cells(chart)) == 196
    first, second = cells(chart)[:2]
    assert second[2] - first[2] > 45
    last = cells(chart)[-1]
    assert last[2] + (second[2] - first[2]) < number(root(chart), "width")
    assert set(names) <= set(titles(chart))


def test_short_names_stand_upright_and_long_ones_slant() -> None:
    upright = heat_map("x", np.eye(2), TRUE, PREDICTED)
    assert "rotate" not in str(upright.svg)
    long = Names("Predicted", ("malignant", "of unknown origin, to be confirmed by biopsy"))
    assert str(heat_map("x", np.eye(2), TRUE, long).svg).count("rotate(-45)") == 2


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (1, 1), (3, 0), (0, 3)])
def test_small_matrices_can_be_drawn(rows: int, columns: int) -> None:
    names = [Names("x", tuple("abc"[:n])) for n in (rows, columns)]
    chart = heat_map("x", np.zeros((rows, columns)), *names)
    assert len(cells(chart)) == rows * columns


def test_the_description_tells_all_counts() -> None:
    chart = heat_map("Confusion", np.array([[1, 2], [3, 4]]), TRUE, PREDICTED)
    expected = "malignant: malignant 1, normal, benign 2; normal, benign: malignant 3"
    assert (root(chart).findtext("desc") or "").startswith(expected)
    assert texts(chart, "label") == ["Predicted →", "True ↓"]


@pytest.mark.parametrize("counts", [[[1, 2]], [[1, -2], [3, 4]], [[1, np.nan], [3, 4]]])
def test_wrong_counts_are_refused(counts: list[list[float]]) -> None:
    with pytest.raises(ReportError, match="The matrix has"):
        heat_map("x", np.array(counts), TRUE, PREDICTED)
