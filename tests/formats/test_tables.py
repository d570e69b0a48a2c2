"""Tables: what each kind and option gives, and that no row is cut, filled or lost."""

from __future__ import annotations

import gzip
import io
import json
from datetime import date, datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from medshelf.core.errors import FormatError, LayoutError, SettingError, UnknownNameError
from medshelf.formats.tables import delimited, json_rows, read_table, scan_table


def rows(source: Path | bytes, **options: object) -> list[tuple[object, ...]]:
    """Read and scan, which must give the same."""
    frame = read_table(source, **options)
    scanned = scan_table(source, **options).collect()
    assert scanned.equals(frame)
    assert scanned.schema == frame.schema
    return frame.rows()


def failure(source: Path | bytes, **options: object) -> str:
    """Return the message, the same from reading and from scanning."""
    with pytest.raises((FormatError, LayoutError, SettingError)) as read:
        read_table(source, **options)
    with pytest.raises(type(read.value)) as scanned:
        scan_table(source, **options).collect()
    assert str(scanned.value) == str(read.value)
    return str(read.value)


def workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, values in sheets:
        sheet = book.create_sheet(title)
        for each in values:
            sheet.append(each)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_line_ends_marks_and_encodings_do_not_change_the_values(
    end: str, mark: str, final: bool, encoding: str
) -> None:
    if encoding != "utf-8":
        mark = ""  # utf-16 writes its own
    text = mark + end.join(["名,b", "肺,2", ",4"]) + (end if final else "")
    assert rows(text.encode(encoding), kind="csv", encoding=encoding) == [("肺", "2"), (None, "4")]
    assert read_table(text.encode(encoding), kind="csv", encoding=encoding).columns == ["名", "b"]


def test_empty_values_are_null_and_blanks_around_values_stay() -> None:
    data = b'a,b,c\n"", x ,\n"",,""\n'
    assert rows(data, kind="csv") == [(None, " x ", None), (None, None, None)]
    assert rows(b"a,b\n,1\n , \n", kind="csv") == [(None, "1"), (" ", " ")]


def test_a_header_loses_blanks_and_trailing_empty_names() -> None:
    data = b" a ,a,,a_2,\n1,2,3,4,\n"
    assert read_table(data, kind="csv").columns == ["a", "a_3", "column_3", "a_2"]
    assert rows(data, kind="csv") == [("1", "2", "3", "4")]


@pytest.mark.parametrize("quote", [None, True, False])
@pytest.mark.parametrize("row", [b"1,2", b"1,2,3,4", b"1", b"1,2,3,,"])
def test_a_row_of_another_length_is_refused_with_its_line(quote: bool | None, row: bytes) -> None:
    data = b"a,b,c\n\n1,2,3\n" + row + b"\n1,2,3\n"
    n = row.count(b",") + 1
    assert f"line 4 has {n} values, not 3" in failure(data, kind="csv", quote=quote)
    if quote is not False:
        quoted = data.replace(b"1,2,3\n", b'"1\n",2,3\n', 1)
        assert f"line 5 has {n} values, not 3" in failure(quoted, kind="csv", quote=quote)


def test_rows_with_one_more_separator_than_names_must_be_empty_there() -> None:
    assert rows(b"a,b\n1,2,\n3,4,\n", kind="csv") == [("1", "2"), ("3", "4")]
    message = failure(b"a,b\n1,2,\n3,4,5\n", kind="csv")
    assert "line 3 has '5' beyond its last named column" in message


def test_quotes_as_the_csv_module_takes_them() -> None:
    data = b'a,b\n"x, ""y""",5" tube\n"two\nlines",z\n'
    assert rows(data, kind="csv") == [('x, "y"', '5" tube'), ("two\nlines", "z")]
    assert rows(b'a,b\n"x,5" tube\n', kind="csv", quote=False) == [('"x', '5" tube')]


def test_a_long_quote_has_to_be_allowed() -> None:
    data = b'a,b\n",O\nfoo,O\n",O\n'
    message = failure(data, kind="csv")
    assert "what begins with a quote in line 2 goes on over lines and values" in message
    assert "quote=False" in message
    assert rows(data, kind="csv", quote=False) == [('"', "O"), ("foo", "O"), ('"', "O")]
    assert rows(data, kind="csv", quote=True) == [(",O\nfoo,O\n", "O")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'a,b\n1,2\n"x"y,2\n', "line 3: ',' expected after '\"'"),
        (b'a,b\n1,2\n"x,2\n', "line 3: unexpected end of data"),
        (b"a,b\n1,2\nx\ry,2\n", "line 3: new-line character seen in unquoted field"),
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b",,\n1,2,3\n", "its header has no names"),
    ],
)
def test_text_that_is_no_table_is_refused(data: bytes, reason: str) -> None:
    assert reason in failure(data, kind="csv")


def test_comments_and_blank_lines() -> None:
    data = b'# "made, by\na,b\n#1,2\n\n3,"4"\n# ,"x\n5,6\n'
    assert rows(data, kind="csv", comment="#") == [("3", "4"), ("5", "6")]
    data = b"x\tO\n\n\ny\tB\n"
    options = {"kind": "tsv", "columns": ["token", "tag"]}
    assert rows(data, **options) == [("x", "O"), ("y", "B")]
    none = (None, None)
    assert rows(data, **options, keep_blank=True) == [("x", "O"), none, none, ("y", "B")]
    quoted = data.replace(b"x", b'"x"')
    assert rows(quoted, **options, keep_blank=True) == [("x", "O"), none, none, ("y", "B")]


def test_values_between_blanks() -> None:
    data = b"  id  file \t label\n1 a.png\tnormal \n \t\n2  b.png   sick\r\n"
    expected = [("1", "a.png", "normal"), ("2", "b.png", "sick")]
    assert rows(data, kind="blanks") == expected
    assert rows(data, kind="blanks", keep_blank=True)[1] == (None, None, None)
    assert "line 4 has 2 values, not 3" in failure(b"a b c\n\n1 2 3\n4 5\n", kind="blanks")
    assert "line 1 has 4 values, not 3" in failure(b"1 2 3 4", kind="blanks", columns=list("abc"))


def test_the_rest_of_a_line() -> None:
    data = b'1 a.png  the "left"  lung \n2 b.png\n'
    names = ["id", "file", "text"]
    message = failure(data, kind="blanks", columns=names, rest=True)
    assert "line 2 has 2 values, not 3" in message
    first = data.partition(b"\n")[0]
    found = rows(first, kind="blanks", columns=names, rest=True)
    assert found == [("1", "a.png", 'the "left"  lung')]
    found = rows(b"1,x, y, z\n2,,\n", kind="csv", columns=names, rest=True)
    assert found == [("1", "x", " y, z"), ("2", None, None)]
    assert rows(b"id|text\n1|a|b\n", kind="csv", separator="|", rest=True) == [("1", "a|b")]


def test_each_line_one_value() -> None:
    data = b'a, b.png\n"c" d.png\n'
    found = rows(data, kind="csv", separator=None, columns=["file"])
    assert found == [("a, b.png",), ('"c" d.png',)]


def test_names_that_copies_have_instead_and_names_that_must_be_there() -> None:
    data = b"PatientID,Age\np1,7\n"
    aliases = {"patient": ("patient_id", "PatientID"), "Age": ("age",), "sex": ("Sex",)}
    frame = read_table(data, kind="csv", aliases=aliases, required=["patient", "Age"])
    assert frame.columns == ["patient", "Age"]
    message = failure(data, kind="csv", aliases=aliases, required=["patient", "patientage"])
    assert "no column 'patientage' (nearest: 'PatientID')" in message
    assert "PatientID, Age" in message


def test_types_are_checked_with_place_column_and_value() -> None:
    data = b'n,x,day,b,l\n1,0.5,2020-01-31,true,"[1, 2]"\n,,,,\n'
    dtypes = {
        "n": pl.Int64,
        "x": pl.Float32,
        "day": pl.Date,
        "b": pl.Boolean,
        "l": pl.List(pl.Int64),
        "absent": pl.Int8,
    }
    found = rows(data, kind="csv", dtypes=dtypes)
    assert found == [(1, 0.5, date(2020, 1, 31), True, [1, 2]), (None,) * 5]
    for name, value in [("n", "058Y"), ("x", "?"), ("day", "31.1."), ("b", "1"), ("l", "[x")]:
        data = f'{name},z\n,\n"{value}",\n"{value}",\n'.encode()
        message = failure(data, kind="csv", dtypes=dtypes)
        assert f"line 3: column {name!r} holds {value!r}" in message
        assert str(dtypes[name]) in message


def test_the_kind_goes_by_the_suffix_and_gzip_by_the_content(tmp_path: Path) -> None:
    csv, tsv = b"a,b\n1,2\n", b"a\tb\n1\t2\n"
    contents = {
        "a.csv": csv,
        "a.CSV.gz": gzip.compress(csv),
        "not_packed.csv.gz": csv,
        "b.tab": tsv,
        "c.json": b'[{"a": "1", "b": "2"}]',
        "d.jsonl": b'{"a": "1", "b": "2"}\n',
        "e.ndjson.gz": gzip.compress(b'{"a": "1", "b": "2"}'),
        "f.xlsx": workbook(("s", [["a", "b"], ["1", "2"]])),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        assert rows(tmp_path / name) == [("1", "2")], name
        assert rows(data, name=Path("x.zip") / name) == [("1", "2")], name
    (tmp_path / "list.txt").write_bytes(csv)
    with pytest.raises(FormatError, match=r"suffix '\.txt' does not say what kind") as caught:
        read_table(tmp_path / "list.txt")
    assert "Pass kind=, one of csv, tsv" in str(caught.value)
    with pytest.raises(UnknownNameError, match="Did you mean: csv"):
        read_table(tmp_path / "list.txt", kind="cvs")


def test_messages_about_bytes_say_the_name_that_is_given() -> None:
    message = failure(b"a,b\n1\n", name=Path("set.zip/labels.csv"))
    assert message.startswith("Cannot read set.zip/labels.csv: line 2 has 1 values")
    message = failure(b"a,b\n1,2\n", name=Path("set.zip/labels.csv"), required=["c"])
    assert message.startswith("set.zip/labels.csv: there is no column 'c'")


@pytest.mark.parametrize("option", ["separator", "comment"])
@pytest.mark.parametrize("value", ["", "ab", "肺"])
def test_separators_and_comments_are_one_ascii_character(option: str, value: str) -> None:
    assert "is not one ASCII character" in failure(b"a\n1\n", kind="csv", **{option: value})


def test_text_of_json_is_text_and_the_rest_is_json() -> None:
    records = [
        {"q": "肺?", "n": 12, "x": 0.5, "b": True, "l": ["a", "b"], "o": {"A": "x"}},
        {"n": None, "q": "", "more": "m", "l": [], "x": "12"},
    ]
    expected = [
        ("肺?", "12", "0.5", "true", '["a", "b"]', '{"A": "x"}', None),
        (None, None, "12", None, "[]", None, "m"),
    ]
    document = json.dumps(records).encode()
    lines = "\n\n".join(json.dumps(each, ensure_ascii=False) for each in records).encode()
    assert rows(document, kind="json") == expected
    assert rows(lines, kind="jsonl") == expected
    assert read_table(lines, kind="jsonl").columns == ["q", "n", "x", "b", "l", "o", "more"]
    keyed = json.dumps({"k1": records[0], "k2": records[1]}).encode()
    assert rows(keyed, kind="json") == [("k1", *expected[0]), ("k2", *expected[1])]
    assert rows(b'{"1": "yes", "2": 3}', kind="json") == [("1", "yes"), ("2", "3")]


def test_stated_types_of_json() -> None:
    lines = b'{"n": 1, "l": ["a", null], "o": {"A": "x", "B": 2}, "b": false}\n{"o": null}\n'
    dtypes = {
        "n": pl.Int8,
        "l": pl.List(pl.String),
        "o": pl.Struct({"A": pl.String, "C": pl.String}),
        "b": pl.Boolean,
    }
    found = rows(lines, kind="jsonl", dtypes=dtypes)
    assert found == [(1, ["a", None], {"A": "x", "C": None}, False), (None,) * 4]
    message = failure(b'{"l": ["a"]}\n\n{"l": "b"}\n', kind="jsonl", dtypes=dtypes)
    assert "line 3: column 'l' holds 'b', which is no List(String)" in message
    message = failure(b'[{"n": 1}, {"n": 1.5}]', kind="json", dtypes=dtypes)
    assert "record 2: column 'n' holds '1.5', which is no Int8" in message


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("json", b'[{"a": 1}', "it is no JSON (Expecting ',' delimiter: line 1 column 10"),
        ("json", b"", "it is no JSON"),
        ("json", b"[1, 2]", "it is no table"),
        ("json", b'{"images": [], "x": 1}', "it is no table"),
        ("json", b'{"a": {"key": 1}}', "it is no table"),
        ("json", b"[]", "it holds no row with a name"),
        ("json", b'[{"a": "\\ud800"}]', "record 1: 'a' holds half of a surrogate pair"),
        ("jsonl", b'{"a": 1}\n{"a":\n', "line 2 is no JSON"),
        ("jsonl", b'{"a": 1}{"a": 2}\n', "line 1 is no JSON (Extra data"),
        ("jsonl", b'{"a": 1}\n\n[1]\n', "line 3 is no object but [1]"),
        ("jsonl", b"\n", "it holds no row with a name"),
    ],
)
def test_json_that_is_no_table_is_refused(kind: str, data: bytes, reason: str) -> None:
    assert reason in failure(data, kind=kind)


def test_keys_that_come_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "_N_ROWS", 2)
    data = b'{"a": 1}\n{"a": 2}\n{"a": 3}\n{"b": 4}\n'
    assert read_table(data, kind="jsonl").rows()[3] == (None, "4")
    lazy = scan_table(data, kind="jsonl")
    assert lazy.head(2).collect().rows() == [("1",), ("2",)]
    with pytest.raises(FormatError, match="line 4 has a 'b', which is none of its") as caught:
        lazy.collect()
    assert "Pass columns=" in str(caught.value)
    assert rows(data, kind="jsonl", columns=["b", "a"])[3] == ("4", None)


def test_sheets_as_text() -> None:
    values = [
        ["id", "n", "x", "day", "at", "b", None],
        ["007", 12, 0.5, date(2020, 1, 31), datetime(2020, 1, 31, 8, 30), True, None],
        [None, None, None],
        ["8", None, 2.0, None, None, False],
    ]
    data = workbook(("s", values))
    expected = [
        ("007", "12", "0.5", "2020-01-31", "2020-01-31 08:30:00", "true"),
        ("8", None, "2", None, None, "false"),
    ]
    assert rows(data, kind="xlsx") == expected
    assert rows(data, kind="xlsx", columns=list("abcdef"))[1:] == expected
    message = failure(data, kind="xlsx", dtypes={"id": pl.Int64, "b": pl.Int64})
    assert "row 2: column 'b' holds 'true'" in message
    message = failure(workbook(("s", [["a"], [1], [1, 2]])), kind="xlsx")
    assert "row 3 has '2' beyond its last named column" in message


def test_a_sheet_is_chosen_by_name() -> None:
    data = workbook(("one", [["a"], [1]]), ("two", [["a"], [2]]))
    assert rows(data, kind="xlsx", sheet="two") == [("2",)]
    assert "it has 'one', 'two'" in failure(data, kind="xlsx")
    assert "there is no sheet 'three'" in failure(data, kind="xlsx", sheet="three")
    assert "its header has no names" in failure(workbook(("s", [])), kind="xlsx")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": [["x"], []]})
    frame.write_parquet(tmp_path / "[1].parquet")
    assert read_table(tmp_path / "[1].parquet").equals(frame)
    renamed = scan_table(tmp_path / "[1].parquet", aliases={"n": ["a"]}, dtypes={"n": pl.Int8})
    assert renamed.collect_schema() == {"n": pl.Int8, "b": pl.List(pl.String)}
    data = (tmp_path / "[1].parquet").read_bytes()
    assert rows(data, kind="parquet", dtypes={"a": pl.String}) == [("1", ["x"]), ("2", [])]
    for damaged in (data[:-9], b"PAR1", data[:20] + b"\0" * 20 + data[40:]):
        with pytest.raises(FormatError, match="it is no Parquet file, or damaged"):
            read_table(damaged, kind="parquet")
    with pytest.raises(FormatError, match="row 1: column 'b' holds"):
        read_table(data, kind="parquet", dtypes={"b": pl.List(pl.Date)})


def test_a_scan_takes_only_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{n},{n % 7}" for n in range(600_000)]
    data = "\n".join(["a,b", *lines, "the end is ragged"]).encode()
    lazy = scan_table(data, kind="csv", dtypes={"a": pl.Int64})
    assert lazy.head(3).collect()["a"].to_list() == [0, 1, 2]
    found = lazy.filter(pl.col("b") == "6").select("a").head(2).collect()
    assert found.rows() == [(6,), (13,)]
    with pytest.raises(FormatError, match="line 600,002 has 1 values, not 2"):
        lazy.select(pl.len()).collect()
    monkeypatch.setattr(delimited, "MAX_ROW_BYTES", 1000)
    with pytest.raises(FormatError, match="the row at line 2 has more than 1,000 bytes"):
        read_table(b"a\n" + b"x" * (3 << 20), kind="csv")


def test_values_across_blocks_stay_whole() -> None:
    lines = [f"{n}\t肺{'炎' * (n % 50)}" for n in range(60_000)]
    data = "\r\n".join(["a\tb", *lines]).encode()
    assert len(data) > 3 << 20
    frame = read_table(data, kind="tsv")
    assert frame.rows() == [tuple(each.split("\t")) for each in lines]
    quoted = data.replace("肺".encode(), '"肺'.encode()).replace(b"\r\n", b'"\r\n') + b'"'
    quoted = quoted.replace(b'a\tb"', b"a\tb")
    assert read_table(quoted, kind="tsv").equals(frame)
