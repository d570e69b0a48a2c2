"""Tables against Python's csv module and pandas, on whatever Hypothesis thinks of."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.core.errors import FormatError
from medshelf.formats.tables import csv_rows, json_rows, read_table, scan_table

PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=',"'), max_size=6)
ANY = st.text(st.sampled_from(['"', ",", "\n", "肺", "a", " ", "'", "#", "0"]), max_size=6)
NAMES = ("a", "b", "c")


def tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    row = st.tuples(values, values, values)
    return st.lists(row.filter(any), min_size=1, max_size=12)


def written(rows: list[tuple[str, ...]], *, quoting: int, end: str) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator=end, quoting=quoting)
    writer.writerows([NAMES, *rows])
    return stream.getvalue().encode()


def nulls(rows: list[tuple[str, ...]]) -> list[tuple[str | None, ...]]:
    return [tuple(value or None for value in row) for row in rows]


@given(tables(ANY), st.sampled_from(["\n", "\r\n"]), st.sampled_from([0, 1]))
def test_what_csv_writes_is_read(rows: list[tuple[str, ...]], end: str, quoting: int) -> None:
    data = written(rows, quoting=quoting, end=end)
    assert read_table(data, kind="csv", quote=True).rows() == nulls(rows)


@given(tables(PLAIN), st.sampled_from(["\n", "\r\n"]))
def test_counting_and_the_csv_module_find_the_same(rows: list[tuple[str, ...]], end: str) -> None:
    data = written(rows, quoting=csv.QUOTE_MINIMAL, end=end)
    fast = read_table(data, kind="csv", quote=False)
    assert fast.rows() == nulls(rows)
    assert read_table(data + b'"x",,' + end.encode(), kind="csv", quote=True)[:-1].equals(fast)


@given(tables(ANY))
def test_pandas_reads_the_same(rows: list[tuple[str, ...]]) -> None:
    data = written(rows, quoting=csv.QUOTE_MINIMAL, end="\n")
    theirs = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, quotechar='"')
    ours = read_table(data, kind="csv", quote=True)
    assert ours.rows() == nulls([tuple(row) for row in theirs.to_numpy()])


@given(st.text(st.sampled_from('a,"\r\n肺#'), max_size=30), st.sampled_from([True, False, None]))
def test_any_text_is_read_as_by_the_csv_module_or_refused(text: str, quote: bool | None) -> None:
    text = f"a,b\n{text}"
    quoting = csv.QUOTE_NONE if quote is False else csv.QUOTE_MINIMAL
    try:
        lines = io.StringIO(text, newline="\n")
        expected = [row for row in csv.reader(lines, strict=True, quoting=quoting) if row]
    except csv.Error:
        expected = None
    widths = {len(row) for row in expected[1:]} if expected else {0}
    try:
        frame = read_table(text.encode(), kind="csv", quote=quote)
    except FormatError:
        if expected is None or widths - {2} or quote is None:
            return
        raise
    assert expected is not None
    assert frame.rows() == nulls([tuple(row[:2]) for row in expected[1:]])


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "肺"]),
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
            min_size=1,
        ),
        min_size=1,
        max_size=8,
    ).filter(all)
)
def test_json_lines_and_documents_hold_the_same(rows: list[dict[str, object]]) -> None:
    rows = json.loads(json.dumps(rows).replace("\\ud", "\\u0d"))  # no halves of pairs
    document = read_table(json.dumps(rows).encode(), kind="json")
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in rows).encode()
    assert read_table(lines, kind="jsonl").equals(document)
    for name in document.columns:
        for value, row in zip(document[name], rows, strict=True):
            given_value = row.get(name)
            if isinstance(given_value, str) or given_value is None:
                assert value == (given_value or None)
            else:
                assert json.loads(value) == given_value


@pytest.mark.parametrize("n_rows", [1, 2, 3, 7])
def test_the_size_of_parts_does_not_matter(monkeypatch: pytest.MonkeyPatch, n_rows: int) -> None:
    lines = b'{"a": 1}\n{"a": 2, "b": "x"}\n\n{"b": 3}\n'
    quoted = b'a,b\n"1\n",x\n\n2,"y,z"\n3,\n'
    expected = [read_table(lines, kind="jsonl"), read_table(quoted, kind="csv")]
    monkeypatch.setattr(json_rows, "_N_ROWS", n_rows)
    monkeypatch.setattr(csv_rows, "_N_ROWS", n_rows)
    found = [read_table(lines, kind="jsonl"), read_table(quoted, kind="csv")]
    assert all(one.equals(other) for one, other in zip(found, expected, strict=True))
    scanned = scan_table(lines, kind="jsonl", columns=["a", "b"], dtypes={"a": pl.Int8})
    assert scanned.collect().rows() == [(1, None), (2, "x"), (None, "3")]
