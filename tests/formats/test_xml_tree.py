"""XML: the same tree as the standard library's, and nothing that reaches or grows beyond itself."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.core.errors import FormatError
from medshelf.formats import xml_tree
from medshelf.formats.xml_tree import MAX_DEPTH, read_xml

NAMES = st.sampled_from(["a", "b", "{http://x.org/}c"])
TEXT = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=8)


def elements() -> st.SearchStrategy[ET.Element]:
    def make(tag: str, given_text: str, name: str, children: list[ET.Element]) -> ET.Element:
        element = ET.Element(tag, {name: given_text})
        element.text = given_text
        element.extend(children)
        for each in children:
            each.tail = given_text
        return element

    leaves = st.builds(make, NAMES, TEXT, NAMES, st.just([]))
    return st.recursive(leaves, lambda inner: st.builds(make, NAMES, TEXT, NAMES, st.lists(inner)))


@given(elements(), st.sampled_from(["utf-8", "utf-16"]))
def test_the_tree_is_that_of_the_standard_library(element: ET.Element, encoding: str) -> None:
    data = ET.tostring(element, encoding=encoding)
    expected = ET.fromstring(data)
    assert ET.tostring(read_xml(data)) == ET.tostring(expected)


def test_comments_instructions_and_the_five_entities() -> None:
    data = b'<?xml version="1.0"?><?x y?><a><!-- no -->1 &lt; 2<![CDATA[ & 3]]>&#228;</a>'
    assert read_xml(data).text == "1 < 2 & 3ä"
    data = "<?xml version='1.0' encoding='iso-8859-1'?><a>é</a>".encode("latin-1")
    assert read_xml(data).text == "é"


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY e "ha"><!ENTITY f "&e;&e;&e;">]><a>&f;</a>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "x">]><a/>',
    ],
)
def test_a_document_type_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="it has a document type, which is refused"):
        read_xml(data)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"a", b"<a>", b"<a></b>", b"<a/><a/>", b"<a>&e;</a>", b"<a>\0</a>", b"<a b=1/>"),
        b"<x:a/>",
        b"<a>\xff</a>",
        gzip.compress(b"<a/>", mtime=0),
    ],
)
def test_what_is_no_xml_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="it is no well-formed XML"):
        read_xml(data)


@pytest.mark.parametrize("encoding", ["klingon", "gbk", "hex"])
def test_an_encoding_that_is_not_read_is_named(encoding: str) -> None:
    with pytest.raises(FormatError, match="its encoding is not read") as caught:
        read_xml(f"<?xml version='1.0' encoding='{encoding}'?><a/>".encode())
    assert "Make it UTF-8" in str(caught.value)


@given(st.binary(max_size=30), st.integers(0, 40))
def test_damage_never_ends_in_another_error(noise: bytes, at: int) -> None:
    data = b"<?xml version='1.0'?><a b='c'>text<d/></a>"
    with suppress(FormatError):
        read_xml(data[:at] + noise + data[at + len(noise) :])


def test_depth_and_size_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH
    assert read_xml(nested).tag == "a"
    with pytest.raises(FormatError, match=f"lie more than {MAX_DEPTH} deep"):
        read_xml(b"<a>" * 1_000_000)
    path = tmp_path / "a.xml"
    path.write_bytes(nested)
    monkeypatch.setattr(xml_tree, "MAX_BYTES", len(nested) - 1)
    with pytest.raises(FormatError, match="more than 1,399 bytes") as caught:
        read_xml(path)
    assert str(path) in str(caught.value)
    with pytest.raises(FormatError, match="No such file"):
        read_xml(tmp_path / "b.xml")
    with pytest.raises(FormatError, match="it is no regular file"):
        read_xml(tmp_path)
