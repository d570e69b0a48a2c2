"""Tables that were made to do harm, or damaged: refused with a message, in little memory."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from medshelf.core.errors import FormatError, MedshelfError, MissingExtraError, SettingError
from medshelf.formats import text
from medshelf.formats.tables import columns, json_rows, read_table, scan_table, workbook


def message(source: Path | bytes, **options: object) -> str:
    with pytest.raises(FormatError) as caught:
        read_table(source, **options)
    assert "\n  -> " in str(caught.value)
    return str(caught.value)


def test_bytes_that_are_no_text_in_the_encoding() -> None:
    assert "it holds the character NUL" in message(b"a,b\n1,\0\n", kind="csv")
    assert "byte 4 is not utf-8" in message(b"a,b\n\xff\n", kind="csv")
    data = "a,b\nx,é\n".encode("cp1252")
    assert "perhaps encoding='cp1252'" in message(data, kind="csv")
    data = "a,b\nx,y\n".encode("utf-16")
    assert "perhaps encoding='utf-16'" in message(data, kind="csv")
    assert "byte 0 is not gb18030" in message(b"\xef\xbb\xbfa\n1\n", kind="csv", encoding="gb18030")
    cut = "a,b\nx,肺".encode()[:-1]
    assert "byte 6 is not utf-8" in message(cut, kind="csv")
    with pytest.raises(SettingError, match="no encoding 'klingon'"):
        read_table(b"a\n1\n", kind="csv", encoding="klingon")
    with pytest.raises(SettingError, match="no encoding 'hex'"):
        read_table(b"a\n1\n", kind="csv", encoding="hex")


def test_the_wrong_byte_is_named_in_later_blocks() -> None:
    lines = b"a,b\n" + b"1,2\n" * (1 << 20)
    place = f"{len(lines) + 1:,}"
    assert f"byte {place} is not utf-8" in message(lines + b"x\xff,y\n", kind="csv")


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for name in ("a.csv", "a.json", "a.xlsx", "a.parquet"):
        assert str(tmp_path / name) in message(tmp_path / name)
        assert "it is no regular file" in message(tmp_path, kind=name.partition(".")[2])
    data = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    assert "its compressed data end too early" in message(data[:-12], kind="csv")
    assert "its compressed data are damaged" in message(data[:-6] + b"xxxxxx", kind="csv")
    assert "compressed with gzip twice" in message(gzip.compress(data), kind="csv")
    assert "it is no xlsx workbook" in message(b"PK, but no zip", kind="xlsx")


def test_what_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_BYTES", 5_000_000)
    monkeypatch.setattr(columns, "MAX_VALUES", 3_000_000)
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000)
    refused = message(bomb, kind="csv")
    assert "it holds more than 5,000,000 bytes of text" in refused
    assert "Read it with scan_table" in refused
    assert scan_table(bomb, kind="csv").select(pl.len()).collect().item() == 2_000_000
    assert "rows of 1 columns" in message(b"a\n" + b"1\n" * 1_600_000, kind="csv")
    rows = b'[{"a": 1}' + b', {"b": 1}' * 10 + b"]"
    monkeypatch.setattr(json_rows, "_MAX_VALUES", 20)
    assert "it holds more than 20 values" in message(rows, kind="json")
    assert "line 2 holds more than 20 values" in message(b"{}\n" + rows, kind="jsonl")


def test_names_without_end() -> None:
    header = b",".join(b"%d" % number for number in range(10_001))
    assert "its header has 10,001 names" in message(header + b"\n", kind="csv")
    assert "values, not 10,000" in message(b"a\n" + b"," * 100_000 + b"\n", kind="csv")
    lines = b"\n".join(b'{"k%d": 1}' % number for number in range(10_001))
    assert "rows of 10,001 columns" in message(lines, kind="jsonl")


def test_values_without_end() -> None:
    refused = message(b'a\n"' + b"x" * (17 << 20), kind="csv")
    assert "line 2: field larger than field limit" in refused
    assert "quote=False" in refused
    long = b"x" * (4 << 20)
    assert read_table(b'a\n"' + long + b'"\n', kind="csv").item() == long.decode()
    assert read_table(b"a\n" + long + b"\n", kind="csv").item() == long.decode()


@pytest.mark.parametrize("kind", ["json", "jsonl"])
@pytest.mark.parametrize("signs", [b"[]", b'{"a":}'])
def test_json_nested_a_million_times(kind: str, signs: bytes) -> None:
    opening, closing = signs[:-1], signs[-1:]
    data = b'{"a": ' + opening * 1_000_000 + b"1" + closing * 1_000_000 + b"}\n"
    assert "is nested too deeply" in message(data, kind=kind)


@pytest.mark.parametrize("depth", [100, 900, 100_000])
def test_nested_text_in_a_cell(depth: int) -> None:
    cells = "a\n[]\n" + "[" * depth + "]" * depth + "\n"
    refused = message(cells.encode(), kind="csv", dtypes={"a": pl.List(pl.Int64)})
    assert "line 3: column 'a' holds '[[[[[" in refused
    assert len(refused) < 400
    wide = f"a\n[{','.join(['[1]'] * 500)}]\n".encode()
    dtypes = {"a": pl.List(pl.List(pl.Int64))}
    found = read_table(wide, kind="csv", separator=None, dtypes=dtypes)
    assert found.item().len() == 500


@pytest.fixture
def book() -> bytes:
    made = openpyxl.Workbook()
    made.active.append(["a", "b"])
    made.active.append([1, "x"])
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def altered(book: bytes, name: str, old: bytes, new: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(stream, "w", 8) as target:
        for each in source.namelist():
            data = source.read(each)
            target.writestr(each, data.replace(old, new) if each == name else data)
    return stream.getvalue()


def test_hostile_workbooks(book: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = "xl/worksheets/sheet1.xml"
    assert read_table(altered(book, sheet, b"?", b"?"), kind="xlsx").rows() == [("1", "x")]
    bomb = altered(book, sheet, b"</sheetData>", b"</sheetData>" + b" " * (3 << 20))
    monkeypatch.setattr(workbook, "MAX_BYTES", 3 << 20)
    assert len(bomb) < 1 << 15
    assert "it unpacks to 3,1" in message(bomb, kind="xlsx")
    entity = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet'
    expanded = altered(altered(book, sheet, b"<worksheet", entity), sheet, b"<v>1<", b"<v>&e;<")
    assert "no workbook that can be read" in message(expanded, kind="xlsx")
    assert "no workbook that can be read" in message(
        altered(book, sheet, b"<row", b"<"), kind="xlsx"
    )
    monkeypatch.setattr(workbook, "MAX_CELLS", 100_000)
    far = altered(book, sheet, b'r="2"', b'r="1000000"')
    assert "it has more than 100,000 cells" in message(far, kind="xlsx")


def test_damaged_workbooks_never_end_in_another_error(book: bytes) -> None:
    for at in range(0, len(book), 97):
        with suppress(MedshelfError):
            read_table(book[:at] + bytes([book[at] ^ 0x55]) + book[at + 1 :], kind="xlsx")
    for end in range(0, len(book), 211):
        with pytest.raises(FormatError):
            read_table(book[:end], kind="xlsx")


def test_a_workbook_without_the_package(book: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"medshelf\[tables\]"):
        read_table(book, kind="xlsx")


def test_a_scan_holds_only_a_part(tmp_path: Path) -> None:
    line = b'{"id": "%09d", "q": "what is it about the heart?", "n": %d}\n'
    path = tmp_path / "large.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.writelines(line % (number, number % 8) for number in range(400_000))
    program = (
        "import resource, sys, polars as pl; from pathlib import Path;"
        "from medshelf.formats import tables; from medshelf.formats.tables import json_rows;"
        "json_rows._PART_BYTES = 1 << 20;"
        "table = tables.scan_table(Path(sys.argv[1]));"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "assert table.head(1).collect().height == 1; before = peak();"
        "n = table.filter(pl.col('n') == '3').select(pl.len()).collect(engine='streaming').item();"
        "print(n, (peak() - before) >> 10)"
    )
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    n_rows, grown_mib = map(int, done.stdout.split())
    assert n_rows == 50_000
    assert grown_mib < 60
