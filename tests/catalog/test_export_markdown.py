"""The Markdown is the collection: an index, a guide, a page per dataset; no text breaks it."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from pathlib import PurePosixPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from medshelf.api.catalog_pictures import example_picture
from medshelf.catalog.export.markdown import markdown
from medshelf.catalog.export.markdown_page import Drawing
from medshelf.catalog.export.markdown_text import code_block, escape, link, table
from medshelf.catalog.guide import KINDS, Method, entries, find_entry
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records
from medshelf.core.errors import UnknownNameError
from tests.catalog.hostile import TEXTS
from tests.catalog.made import make_record

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
GROUPS = {
    "en": [
        "Basic information",
        "Metadata",
        "Resolution",
        "Annotation statistics",
        "File structure",
        "Example pictures",
        "How to get it",
    ],
    "zh": ["基本信息", "元数据", "分辨率", "标注统计", "文件结构", "示例图像", "获取方式"],
}


@pytest.fixture(scope="module")
def shelf() -> list[Record]:
    return list(all_records())


@pytest.fixture(scope="module", params=["en", "zh"])
def pages(request: pytest.FixtureRequest, shelf: list[Record]) -> dict[str, str]:
    """All files of an export as text, and the language under the name ``."""
    language = request.param
    files = markdown(shelf, language, lambda each: example_picture(each, language, "never"), "<svg")
    texts = {
        name: content.decode() if isinstance(content, bytes) else content
        for name, content in files.items()
    }
    return texts | {"": language}


def tokens(text: str) -> list[Token]:
    found = []
    for each in PARSER.parse(text):
        found += [each, *(each.children or [])]
    return found


def shown(text: str) -> str:
    """What a reader sees of Markdown, in one line."""
    parts = []
    for each in tokens(text):
        if each.type in ("text", "code_inline", "text_special", "code_block", "fence"):
            parts.append(each.content)
        elif each.type in ("softbreak", "hardbreak"):
            parts.append("\n")
    return "".join(parts)


def headings(text: str, tag: str) -> list[str]:
    lines = PARSER.parse(text)
    return [
        shown(lines[place + 1].content)
        for place, each in enumerate(lines)
        if each.type == "heading_open" and each.tag == tag
    ]


def cells(text: str) -> list[list[str]]:
    """The rows of all tables, as a reader sees them."""
    rows: list[list[str]] = []
    inside = False
    for each in PARSER.parse(text):
        if each.type == "tr_open":
            rows.append([])
        elif each.type in ("td_open", "th_open", "td_close", "th_close"):
            inside = each.type.endswith("open")
        elif each.type == "inline" and inside:
            rows[-1].append(shown(each.content))
    return rows


def test_every_dataset_has_a_page_in_seven_groups_and_a_picture(
    pages: dict[str, str], shelf: list[Record]
) -> None:
    for record in shelf:
        text = pages[f"datasets/{record.id}.md"]
        assert re.findall(r"^## (.+)$", text, re.M)[:7] == GROUPS[pages[""]], record.id
        assert f"]({record.id}.svg)" in text
        ET.fromstring(pages[f"datasets/{record.id}.svg"])
    assert len(pages) == 2 * len(shelf) + 4


def test_links_lead_somewhere(pages: dict[str, str]) -> None:
    for name, text in pages.items():
        if not name.endswith(".md"):
            continue
        anchors = set(re.findall(r'<a id="([^"]+)"', text))
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            path, _, anchor = unquote(target).partition("#")
            assert not anchor or anchor in anchors, (name, target)
            if path:
                parts: list[str] = []
                for part in (PurePosixPath(name).parent / path).parts:
                    parts = parts[:-1] if part == ".." else [*parts, part]
                assert "/".join(parts) in pages, (name, target)


def test_the_index_has_every_dataset_once_by_group(
    pages: dict[str, str], shelf: list[Record]
) -> None:
    by_group = pages["README.md"].split('<a id="by-anatomy">')[0]
    linked = re.findall(r"^\| \[.*?\]\(datasets/([^)]+)\.md\)", by_group, re.M)
    assert sorted(linked) == [each.id for each in shelf]


def test_the_index_has_every_body_part(pages: dict[str, str], shelf: list[Record]) -> None:
    by_anatomy = pages["README.md"].split('<a id="by-anatomy">')[1]
    links = re.findall(r"\(datasets/([^)]+)\.md\)", by_anatomy)
    assert len(links) == sum(len(each.anatomy) for each in shelf)


def test_the_guide_has_every_entry_with_what_it_uses(pages: dict[str, str]) -> None:
    text = pages["guide.md"]
    for kind in KINDS:
        for each in entries(kind).values():
            assert each.url.split("#")[0] in text, each.id
    method = find_entry("methods", "nnu-net")
    assert isinstance(method, Method)
    row = next(each for each in cells(text) if each[0] == "nnU-Net")
    assert all(row), "techniques, applications and datasets are told"
    assert len(row) == 8
    assert len(row[-1].split("; ")) == len(method.datasets)


def test_html_is_only_ours(pages: dict[str, str]) -> None:
    written = [name for name in pages if name.endswith(".md")]
    for name in ["README.md", "guide.md", *random.Random(0).sample(written, 60)]:
        for each in tokens(pages[name]):
            if each.type.startswith("html"):
                ours = r'<br>|(<a id="[a-z-]+">|</a>)+'
                assert re.fullmatch(ours, each.content.strip()), name


def test_without_pictures_a_page_says_so(shelf: list[Record]) -> None:
    files = markdown(shelf[:1])
    assert set(files) == {"README.md", "guide.md", f"datasets/{shelf[0].id}.md"}
    assert "The catalog holds no pictures" in files[f"datasets/{shelf[0].id}.md"]  # type: ignore[operator]


def test_a_drawing_lies_beside_its_page() -> None:
    files = markdown([make_record()], draw=lambda _: Drawing(b"\x89PNG", "png", "Samples [1]"))
    assert files["datasets/made.png"] == b"\x89PNG"
    assert "![Samples \\[1\\]](made.png)" in str(files["datasets/made.md"])


def test_other_languages_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Unknown language 'fr'"):
        markdown([], "fr")


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_show_as_they_are(text: str) -> None:
    record = make_record(
        name=text,
        aliases=[text],
        institutions=[text],
        limitations=[text],
        doubts=[text],
        file_tree=text,
        label_stats=[{"name": text, "cases": 3}],
        conflicts=[{"field": "name", "kept": text, "other": text, "source": text}],
        sources=[{"name": text}],
        bibtex=text,
    )
    files = markdown([record], "en", lambda _: Drawing(b"", "svg", text))
    page, index = str(files["datasets/made.md"]), str(files["README.md"])
    line = " ".join(text.split())
    assert headings(page, "h1") == [line]
    assert headings(page, "h2")[:7] == GROUPS["en"]
    assert ["Name", line] in cells(page)
    assert [line, "3"] in cells(page)
    assert ["Name", line, line, line] in cells(page)
    assert next(row for row in cells(index) if row[0] == line)[-4:] == ["", "", "open", ""]
    for each in tokens(page):
        assert not each.type.startswith("html"), each
        if each.type == "link_open":
            assert each.attrs["href"] in ("../README.md", "guide.md")
        if each.type == "image":
            assert each.attrs["src"] == "made.svg"
    fences = [each.content for each in tokens(page) if each.type == "fence"]
    assert [each.split() for each in fences] == [text.split()] * 2


PRINTABLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), max_size=60)


@given(PRINTABLE)
def test_escaped_text_is_seen_as_it_was(text: str) -> None:
    line = " ".join(text.split())
    for around in ("{}", "- {}", "> {}", "x {} y"):
        written = around.format(escape(text))
        assert shown(written).strip() == around.strip("->").format(line).strip(), written
    assert cells(table(["a"], [[escape(text)]])) == [["a"], [line]]


@given(PRINTABLE, st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1))
def test_links_stay_links(text: str, target: str) -> None:
    found = tokens(f"x {link(text, 'https://e.org/' + target)} y")
    opened = [each for each in found if each.type == "link_open"]
    assert len(opened) == 1
    assert unquote(str(opened[0].attrs["href"])) == unquote("https://e.org/" + target)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")) | st.just("\n")))
def test_code_is_kept(text: str) -> None:
    found = [each for each in tokens(code_block(text)) if each.type == "fence"]
    assert len(found) == 1
    assert found[0].content.split() == text.split()


def test_addresses_do_not_become_links_by_themselves() -> None:
    assert escape("see http://e.org and www.e.org") == "see http\\://e.org and www\\.e.org"
