"""Every word of the pages is there in both languages, is used, and stands in no template."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path
from typing import Any

import jinja2.nodes
import pytest

from medshelf.explorer import language, rendering
from medshelf.explorer.language import LANGUAGES, say, strings

ROOM = Path(language.__file__).parent
TEMPLATES = sorted((ROOM / "templates").rglob("*.html"))
CODE = sorted(ROOM.rglob("*.py"))
PAGES = {key.partition(".")[0] for key in strings()}
KEY = re.compile(rf"({'|'.join(sorted(PAGES))})\.[\w.]*")
SPOKEN_ATTRIBUTE = re.compile(r"""\b(?:aria-label|placeholder|title|alt)=["']([^"']*)""")
NAMES = {"medshelf", "doctype", "html", "JSON", "CSV", "Parquet", "CLI", "Python", "HU", "mm", "px"}


def texts_in_template(path: Path) -> tuple[set[str], set[str]]:
    """Return whole keys, and beginnings of keys whose end is a value."""
    tree = rendering.environment().parse(path.read_text("utf-8"))
    whole, begun = set(), set()
    for call in tree.find_all(jinja2.nodes.Call):
        if not (isinstance(call.node, jinja2.nodes.Name) and call.node.name == "t"):
            continue
        key = call.args[0]
        if isinstance(key, jinja2.nodes.Const):
            whole.add(key.value)
        else:
            begun |= {each.value for each in key.find_all(jinja2.nodes.Const)}
    for const in tree.find_all(jinja2.nodes.Const):
        if isinstance(const.value, str) and const.value in strings():
            whole.add(const.value)
    return whole, {each for each in begun if isinstance(each, str) and KEY.match(each)}


def texts_in_code(path: Path) -> tuple[set[str], set[str]]:
    whole, begun, parts = set(), set(), set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            first = node.values[0]
            parts |= {id(each) for each in node.values}
            if isinstance(first, ast.Constant) and KEY.match(str(first.value)):
                begun.add(str(first.value))
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say":
            if isinstance(node.args[0], ast.Constant):
                whole.add(node.args[0].value)
        elif isinstance(node, ast.Constant) and node.value in strings() and id(node) not in parts:
            whole.add(node.value)
    return whole, begun


def used() -> tuple[set[str], set[str]]:
    whole: set[str] = set()
    begun: set[str] = set()
    for found in (*map(texts_in_template, TEMPLATES), *map(texts_in_code, CODE)):
        whole |= found[0]
        begun |= found[1]
    return whole, begun


def variants(text: Any) -> dict[str, str]:
    return dict(text) if isinstance(text, dict) else {"": text}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_no_text_is_missing_and_none_is_left_over() -> None:
    whole, begun = used()
    assert whole - set(strings()) == set()
    for start in begun:
        assert [key for key in strings() if key.startswith(start)], start
    assert {key for key in strings() if not key.startswith(tuple(begun))} - whole == set()


def test_every_text_is_in_both_languages_with_the_same_placeholders() -> None:
    for key, texts in strings().items():
        assert set(texts) == set(LANGUAGES), key
        found = []
        for text in texts.values():
            assert set(variants(text)) in ({""}, {"one", "other"}), key
            assert all(variants(text).values()), key
            found.append({name for each in variants(text).values() for name in placeholders(each)})
            if not isinstance(text, str):
                found[-1].add("n")
        assert found[0] == found[1], key


def test_chinese_is_chinese_and_english_is_not() -> None:
    for key, texts in strings().items():
        if key == "site.language" or key.endswith("_example"):
            continue
        english, chinese = (" ".join(variants(texts[each]).values()) for each in LANGUAGES)
        assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", english), key
        bare = re.sub(r"\{\w*(:[^}]*)?\}|[A-Z][A-Za-z-]+|[\W\d_]", "", chinese)
        assert not bare or re.search(r"[\u4e00-\u9fff]", chinese), key


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_a_word(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
    source = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "\0", source, flags=re.DOTALL)
    outside = re.sub(r"<[^>]*>", " ", source)
    spoken = " ".join(SPOKEN_ATTRIBUTE.findall(source))
    words = set(re.findall(r"[^\W\d_]{2,}", f"{outside} {re.sub('&[a-z]+;', '', spoken)}"))
    assert words - NAMES == set()


def test_numbers_and_plurals(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: dict[str, Any] = {
        "x.rows": {
            "en": {"one": "{n} row", "other": "{n} rows"},
            "zh": "{n} 行",
        },
        "x.share": {"en": "{a:.1%} of {b} by {who}", "zh": "{who} 占 {b} 的 {a:.1%}"},
    }
    monkeypatch.setattr(language, "strings", lambda: texts)
    assert say("x.rows", "en", n=1) == "1 row"
    assert say("x.rows", "en", n=0) == "0 rows"
    assert say("x.rows", "en", n=112_120) == "112,120 rows"
    assert say("x.rows", "zh", n=1) == "1 行"
    assert say("x.share", "en", a=0.125, b=1e4, who="{b}") == "12.5% of 10,000.0 by {b}"
    assert say("x.share", "zh", a=1, b=True, who="<b>") == "<b> 占 True 的 100.0%"
    for wrong in ({"key": "x.none", "language": "en"}, {"key": "x.rows", "language": "en"}):
        with pytest.raises(KeyError):
            say(**wrong)


def test_figures_for_people() -> None:
    assert rendering.number(None) == rendering.size(None) == "\u2013"
    assert rendering.number(1234567) == "1,234,567"
    assert rendering.number(0.5, 2) == "0.50"
    assert rendering.size(1023) == "1,023 bytes"
    assert rendering.size(1536) == "1.5 KiB"
    assert rendering.size(5 * 2**50) == "5,120.0 TiB"
