"""Conditions in text: what they choose, compared with SQL, and what they say when wrong."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.core.conditions import DEEPEST, MOST_CHARACTERS, parse
from medshelf.core.errors import SettingError
from medshelf.core.manifest import SCHEMA


def labels(**values: float) -> list[dict[str, object]]:
    empty = {"task": "finding", "source": None, "annotator": None}
    return [{**empty, "name": name, "value": value} for name, value in values.items()]


ROWS = [
    {"sample_id": "a", "split": "train", "view": "PA", "age_years": 61.0, "label": "it's"},
    {"sample_id": "b", "split": "val", "view": "AP", "age_years": 20.0, "label": "ill"},
    {"sample_id": "c", "split": "test", "view": None, "age_years": None, "label": "50%_x"},
    {"sample_id": "d", "split": None, "view": "PA", "age_years": 60.0, "label": None},
]
MORE = {
    "labels": [labels(Effusion=1, Mass=0), labels(Mass=1), labels(Effusion=-1), None],
    "options": [["yes", "no"], ["yes"], [], None],
    "text": [{"report": "A Device is seen"}, {"report": "no device"}, {"report": None}, None],
}
TABLE = (
    pl.DataFrame(ROWS, schema_overrides={"split": SCHEMA["split"], "age_years": pl.Float32})
    .with_columns(
        pl.Series("labels", MORE["labels"], SCHEMA["labels"]),
        pl.Series("options", MORE["options"], SCHEMA["options"]),
        pl.Series("text", MORE["text"], pl.Struct({"report": pl.String})),
        pl.Series("media", [[], None, [{"name": "frontal", "role": "image"}], None]).cast(
            pl.List(pl.Struct({"name": pl.String, "role": pl.String}))
        ),
    )
    .lazy()
)


def chosen(condition: str) -> str:
    return "".join(TABLE.filter(parse(condition)).collect()["sample_id"])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("age_years > 60", "a"),
        ("age_years >= 6e1 AND view == 'PA'", "ad"),
        ("not age_years > 60", "bd"),
        ("view != 'PA'", "b"),
        ("view is null", "c"),
        ("view IS NOT NULL and split is null", "d"),
        ("label = 'it''s'", "a"),
        ("label like '50%'", "c"),
        ("label like 'il_'", "b"),
        ("label not like '%l%'", "ac"),
        ("split in ('train', 'test')", "ac"),
        ("split not in ('train')", "bc"),
        ("age_years between 20 and 60", "bd"),
        ("report contains 'DEVICE'", "ab"),
        ("report not contains 'no '", "a"),
        ("labels has 'Effusion'", "a"),
        ("labels has 'Effusion' or labels has 'Mass'", "ab"),
        ("not labels has 'Effusion'", "bc"),
        ("options has 'no'", "a"),
        ("media has 'image' and media has 'frontal'", "c"),
        ("length(options) = 0", "c"),
        ("array_length(options) >= 1", "ab"),
        ("length(label) = 3", "b"),
        ("view = 'PA' and (age_years > 60 or age_years < 60.5) or sample_id = 'b'", "abd"),
        ("view = 'AP' or view = 'PA' and age_years > 60", "ab"),
        ("\"view\" = 'AP'", "b"),
        ("sample_id = 'b'\n", "b"),
    ],
)
def test_what_is_chosen(condition: str, expected: str) -> None:
    assert chosen(condition) == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("", "Expected a column at character 1, found the end"),
        ("age_years >", "Expected a number to compare age_years with at character 12"),
        ("age_years > 'x'", "Expected a number .* at character 13"),
        ("view = PA", "text in single quotes at character 8, found PA"),
        ("vew = 'PA'", "There is no column 'vew' at character 1 .*\n.*Nearest: view"),
        ("view = 'PA' age_years > 1", "Expected 'and', 'or' or the end at character 13"),
        ("(view = 'PA'", r"Expected '\)' at character 13, found the end"),
        ("split = 'training'", "Expected one of train, val, test at character 9"),
        ("view = 'PA", 'at character 8, found "\'"'),
        ("view = 'PA'; drop", "at character 12, found ';'"),
        ("labels = 'Mass'", "Expected 'has', 'is' or length"),
        ("view has 'x'", "Expected a column that holds a list"),
        ("age_years contains '6'", "Expected a column of text, not age_years"),
        ("and = 1", "Expected a column at character 1"),
        ("view", "Expected a comparison after view at character 5"),
        ("view is 'PA'", "Expected 'null'"),
        ("age_years between 1", "Expected 'and' at character 20"),
        ("length(age_years) = 1", "Expected a list or a text"),
        ("read_csv('/etc/passwd') = 'x'", "There is no column 'read_csv'"),
    ],
)
def test_what_is_wrong_is_pointed_at(condition: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        parse(condition)


def test_cost_is_bounded() -> None:
    with pytest.raises(SettingError, match="levels of parentheses"):
        parse("(" * (DEEPEST + 2))
    with pytest.raises(SettingError, match=r"has 20,0\d\d characters"):
        parse("view = 'PA' or " * (MOST_CHARACTERS // 15 + 1))
    assert chosen("(" * DEEPEST + "view = 'AP'" + ")" * DEEPEST) == "b"
    assert chosen("not " * 4000 + "view = 'AP'") == "b"


comparison = st.one_of(
    st.builds(
        "age_years {} {}".format,
        st.sampled_from(["=", "!=", "<>", "<", "<=", ">", ">="]),
        st.sampled_from(["60", "20.0", "-1", "61"]),
    ),
    st.builds(
        "{} {} '{}'".format,
        st.sampled_from(["sample_id", '"view"', "label"]),
        st.sampled_from(["=", "!=", "like", "not like"]),
        st.sampled_from(["PA", "P%", "ill", "_", "%l"]),
    ),
    st.sampled_from(["label is null", "age_years is not null", "sample_id in ('a', 'c')"]),
)
condition = st.recursive(
    comparison,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("{} and {} or {}".format, inner, inner, inner).map("({})".format),
    ),
    max_leaves=8,
)


@given(condition)
def test_it_chooses_what_sql_chooses(text: str) -> None:
    by_sql = TABLE.filter(pl.sql_expr(text)).collect()["sample_id"]
    assert chosen(text) == "".join(by_sql)


@given(st.text(alphabet="()'\"%_,=<> andornotishas0123view labels.", max_size=60))
def test_any_text_is_a_condition_or_a_readable_error(text: str) -> None:
    said = ""
    try:
        chosen(text)
    except SettingError as error:
        said = str(error)
    assert not said or "character" in said
