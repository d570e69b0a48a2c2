"""The expressions that readers build nested columns with, by what stands in the manifest."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.core import columns
from medshelf.core.errors import SettingError
from medshelf.core.manifest import LABEL, MEDIA, SCHEMA, SHAPE, Meta

FILES = pl.DataFrame(
    {
        "path": ["a.png", "set.zip", None],
        "member": [None, "v.h5", None],
        "suffix": ["jpe", "hdf5", None],
        "label": ["one", None, "two"],
    }
)


def values(frame: pl.DataFrame, expression: pl.Expr) -> list[object]:
    return frame.select(expression.alias("out"))["out"].to_list()


def test_media_take_the_columns_of_a_file_and_are_null_without_one() -> None:
    found = FILES.select(columns.media("image", "frontal", index=3, label=pl.col("label")))
    assert found.to_series().dtype == MEDIA
    first, second, third = found.to_series().to_list()
    assert first == {
        **dict.fromkeys(("member", "annotator")),
        "name": "frontal",
        "role": "image",
        "path": "a.png",
        "index": 3,
        "format": "jpg",
        "label": "one",
    }
    assert (second["path"], second["member"], second["format"]) == ("set.zip", "v.h5", "h5")
    assert third is None


def test_media_of_other_columns() -> None:
    frame = FILES.with_columns(mask=pl.lit("m.nii.gz"))
    one = columns.media("mask", "m", path=pl.col("mask"), member=None, format="nii.gz")
    assert [each["path"] for each in values(frame, one)] == ["m.nii.gz"] * 3
    with pytest.raises(TypeError, match="no fields \\['colour'\\]"):
        columns.media("image", colour="red")
    with pytest.raises(pl.exceptions.PolarsError):
        values(frame, columns.media("picture"))


def test_entries_leave_out_nulls_and_are_null_where_none_is_left() -> None:
    both = columns.entries(columns.media("image"), columns.media("mask", path=pl.col("label")))
    sizes = [None if each is None else len(each) for each in values(FILES, both)]
    assert sizes == [2, 1, 1]
    assert values(FILES, columns.entries(columns.media("image")))[2] is None
    assert values(FILES, columns.entries()) == [None]


def test_labels_state_only_what_is_stated() -> None:
    frame = pl.DataFrame({"edema": [1.0, -1.0, None], "mass": ["0", None, None]})
    given_values = {"Edema": pl.col("edema"), "Mass": pl.col("mass")}
    found = frame.select(columns.labels(given_values, "findings", "nlp", annotator="r1"))
    assert found.to_series().dtype == pl.List(LABEL)
    first, second, third = found.to_series().to_list()
    assert first[1] == {
        "task": "findings",
        "name": "Mass",
        "value": 0.0,
        "source": "nlp",
        "annotator": "r1",
    }
    assert [(each["name"], each["value"]) for each in first] == [("Edema", 1.0), ("Mass", 0.0)]
    assert [(each["name"], each["value"]) for each in second] == [("Edema", -1.0)]
    assert third is None
    assert values(frame, columns.labels({}, "findings")) == [None]


def test_listed_classes_are_present_or_absent_where_there_is_a_list() -> None:
    frame = pl.DataFrame({"f": [["Mass", "Edema"], [], None]})
    found = frame.select(**columns.listed(pl.col("f"), ["Edema", "Nodule"]))
    assert found.to_dict(as_series=False) == {
        "Edema": [1.0, 0.0, None],
        "Nodule": [0.0, 0.0, None],
    }


def test_boxes_are_corners_and_null_where_one_is_null() -> None:
    frame = pl.DataFrame({"x": [1, None], "y": [2.5, 0.0], "w": ["3", "3"], "l": ["Mass", "Mass"]})
    corners = [pl.col("x"), pl.col("y"), pl.col("x") + pl.col("w").cast(pl.Int64), pl.lit(9)]
    one = columns.box(pl.col("l"), corners, annotator="r1", frame=2)
    found = frame.select(one.alias("s"))["s"]
    assert found.dtype == SHAPE
    assert found[1] is None
    assert found[0] == {
        "kind": "box",
        "label": "Mass",
        "points": [1.0, 2.5, 4.0, 9.0],
        "unit": "pixel",
        "media": "image",
        "frame": 2,
        "annotator": "r1",
        "extra": None,
    }


def test_grouped_rows_keep_their_order_and_lose_nulls() -> None:
    frame = pl.DataFrame({"k": ["b", "a", "b", "c"], "x": [1, 2, 3, None]})
    found = columns.grouped(frame, "k", shapes=columns.box("m", [pl.col("x")] * 4))
    assert found["k"].to_list() == ["b", "a", "c"]
    assert [[s["points"][0] for s in each] for each in found["shapes"]] == [[1, 3], [2], []]


def test_extra_leaves_out_what_says_nothing() -> None:
    frame = pl.DataFrame({"a": ["x", "", None], "n": [1, None, None]})
    found = values(frame, columns.extra({"a": pl.col("a"), "n": pl.col("n")}))
    assert found == [[{"name": "a", "value": "x"}, {"name": "n", "value": "1"}], None, None]
    assert frame.select(columns.extra({}).cast(SCHEMA["extra"])).item() is None


@pytest.mark.parametrize(
    ("age", "years"),
    [
        *(("058Y", 58.0), ("006M", 0.5), ("030D", 30 / 365.25), ("052W", 364 / 365.25)),
        *(("58", 58.0), (" 58.5 ", 58.5), ("411Y", 411.0), ("7y", 7.0)),
        *(("", None), (None, None), ("Y", None), ("old", None), ("-3", None), ("58Y 2M", None)),
        *((58, 58.0), (58.0, 58.0), (float("nan"), None)),
    ],
)
def test_ages(age: object, years: float | None) -> None:
    [found] = values(pl.DataFrame({"a": [age]}), columns.age_years(pl.col("a")))
    assert found == (years if years is None else pytest.approx(years, rel=1e-6))


def test_class_names_become_those_of_the_record() -> None:
    frame = pl.DataFrame({"n": [" NORMAL", "Pneumonia ", "1", "other", None]})
    names = columns.class_names(pl.col("n"), ["normal", "pneumonia"], {"1": "pneumonia"})
    assert values(frame, names) == ["normal", "pneumonia", "pneumonia", "other", None]
    assert values(frame, columns.class_names(pl.col("n")))[:2] == ["NORMAL", "Pneumonia"]


NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.dictionaries(NAMES, NAMES | st.just("a = b"), max_size=5))
def test_a_legend_is_read_as_it_was_written(legend: dict[str, str]) -> None:
    meta = columns.with_legend(Meta("d", "D", options={"size": "64"}), legend)
    assert meta.options["size"] == "64"
    assert columns.pairs("legend", meta.options["legend"]) == legend


@pytest.mark.parametrize("legend", [{"1": "a;b"}, {"1=2": "a"}, {"": "a"}, {"1;2": "a"}])
def test_a_legend_that_cannot_be_written_is_refused(legend: dict[str, str]) -> None:
    with pytest.raises(SettingError):
        columns.with_legend(Meta("d", "D"), legend)


@pytest.mark.parametrize("text", ["a", "a=b; c", "=b", "a=b; a=c"])
def test_options_that_map_names_are_checked(text: str) -> None:
    with pytest.raises(SettingError, match="is not 'name=value' of a new name") as caught:
        columns.pairs("classes", text)
    assert "Option classes=" in str(caught.value)
    assert columns.pairs("classes", " a = b ;; c= ") == {"a": "b", "c": ""}
