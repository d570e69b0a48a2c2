"""The static site: whole, linked, without a server, without anything of this machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from medshelf.catalog import shelf
from medshelf.catalog.search import search
from medshelf.core.errors import SettingError, StorageError
from medshelf.explorer import exporting
from medshelf.explorer.cards.known import Known
from medshelf.explorer.exporting import MARK, export_site
from tests.explorer.test_catalog_pages import HOSTILE

SOME = ("breastmnist", "busi", "nih-chest-xray", "chestmnist", "lits", "refuge")


class Linked(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.inline: list[str] = []
        self.policy = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [given[each] or "" for each in ("href", "src") if each in given]
        self.links += [given["data-index"] or ""] if "data-index" in given else []
        self.ids |= {given["id"] or ""} if "id" in given else set()
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        if (tag == "script" and "src" not in given) or tag == "style" or "style" in given:
            self.inline.append(tag)


@contextmanager
def few(folder: Path, **changes: object) -> Iterator[None]:
    """A catalog of few records, whose pages are written in no time, away from the user's files."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("MEDSHELF_HOME", "XDG_CACHE_HOME", "HOME", "MEDSHELF_DATA"):
            patch.setenv(variable, str(folder / variable.lower()))
        patch.delenv("MEDSHELF_RECORDS", raising=False)
        whole = exporting.known()
        records = {each: whole.records[each].model_copy(update=changes) for each in SOME}
        patch.setattr(exporting, "known", lambda: Known(records, whole.lineage))
        patch.setattr("medshelf.explorer.pages.dataset.known", exporting.known)
        yield


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site in both languages; no test changes it."""
    folder = tmp_path_factory.mktemp("exported")
    with few(folder):
        return export_site(folder / "out" / "site")


@pytest.fixture
def copy(site: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(site, tmp_path / "out" / "site"))


def pages(site: Path) -> Iterator[tuple[Path, Linked]]:
    for path in sorted(site.rglob("*.html")):
        yield path, Linked(path.read_text("utf-8"))


def test_every_link_leads_to_a_file_and_a_place_in_it(site: Path) -> None:
    found = dict(pages(site))
    checked = 0
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme in {"http", "https"}, link
                continue
            assert not parts.netloc
            assert not parts.path.startswith("/"), (path, link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_relative_to(site.resolve()), link
            assert target.is_file(), (path, link)
            checked += 1
            if parts.fragment:
                assert parts.fragment in found[target].ids, (path, link)
    assert checked > 300
    assert (site / "zh" / "datasets" / "breastmnist.html").is_file()


def test_pages_hold_no_code_of_their_own_and_a_strict_policy(site: Path) -> None:
    for path, page in pages(site):
        assert "default-src 'none'" in page.policy, path
        assert "base-uri 'none'" in page.policy, path
        if "leaderboards" not in path.parts:
            assert page.inline == [], path
            assert "unsafe" not in page.policy


def test_nothing_of_this_machine_is_in_it(site: Path, tmp_path: Path) -> None:
    places = {str(tmp_path), str(Path.cwd()), str(Path(shelf.__file__).parent), str(Path.home())}
    for path in sorted(site.rglob("*")):
        if path.is_file():
            text = path.read_text("utf-8")
            assert not [each for each in places if each in text], path
            assert not re.search(r"/(home|Users|root)/", text), path


def test_the_index_finds_what_the_search_finds(site: Path) -> None:
    index = json.loads((site / "index.json").read_text("utf-8"))
    for words in ("乳腺 超声", "breast ultrasound", "chest x-ray", "肝脏"):
        hits = {each.id for each in search(words, limit=None).hits} & set(index)
        found = {
            name
            for name, each in index.items()
            if all(word in each["words"] for word in words.lower().split())
        }
        assert hits <= found, words
    assert "segmentation" in index["lits"]["task"]
    listed = (site / "zh" / "index.html").read_text("utf-8")
    assert all(f'data-id="{each}"' in listed for each in index)
    assert 'id="finding" data-index="../index.json" hidden' in " ".join(listed.split())


def test_leaderboards_are_linked_where_there_are_some(site: Path) -> None:
    assert "../leaderboards/breastmnist.html" in (
        site / "en" / "datasets" / "breastmnist.html"
    ).read_text("utf-8")
    assert "leaderboards/" not in (site / "en" / "datasets" / "lits.html").read_text("utf-8")


def test_pages_that_need_a_server_are_not_linked(site: Path) -> None:
    text = (site / "en" / "datasets" / "breastmnist.html").read_text("utf-8")
    for word in ("compare?", "lineage?", "/samples", "/quality", "/api/"):
        assert word not in text


def test_a_site_is_replaced_only_when_asked_and_may_have_one_language(
    copy: Path, tmp_path: Path
) -> None:
    (copy / "en" / "stale.html").write_text("old")
    with few(tmp_path):
        with pytest.raises(SettingError, match="exists already"):
            export_site(copy)
        assert export_site(copy, ("zh",), overwrite=True) == copy
    assert [each.name for each in sorted(copy.parent.iterdir())] == ["site"]
    assert not (copy / "en").exists()
    assert json.loads((copy / MARK).read_text("utf-8"))["languages"] == ["zh"]
    text = (copy / "zh" / "index.html").read_text("utf-8")
    assert '<html lang="zh-Hans">' in text
    assert "English" not in text
    for path, page in pages(copy):
        for link in page.links:
            parts = urlsplit(link)
            assert parts.scheme or (path.parent / unquote(parts.path)).exists(), link


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "site"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(SettingError, match="exists already"):
            export_site(target, overwrite=overwrite)
    assert [each.name for each in sorted(target.iterdir())] == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_written(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    with pytest.raises(StorageError, match="Cannot write"):
        export_site(blocker / "site")
    assert [each.name for each in sorted(tmp_path.iterdir())] == ["file"]


def test_a_failure_leaves_the_old_site(copy: Path, tmp_path: Path) -> None:
    before = sorted(copy.rglob("*"))

    def full(*_: object) -> None:
        raise StorageError("Cannot write: the disk is full", "Free some disk space")

    with few(tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "write_folder", full)
        with pytest.raises(StorageError, match="the disk is full"):
            export_site(copy, ("en",), overwrite=True)
    assert sorted(copy.rglob("*")) == before
    assert [each.name for each in sorted(copy.parent.iterdir())] == ["site"]


def test_hostile_texts_are_inert(tmp_path: Path) -> None:
    with few(tmp_path, name=HOSTILE, doubts=(HOSTILE,)):
        site = export_site(tmp_path / "site", ("en",))
    for name in ("index.html", "datasets/busi.html"):
        text = (site / "en" / name).read_text("utf-8")
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


def test_the_command_prints_the_folder_or_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    words = [sys.executable, "-m", "medshelf", "export-site", str(tmp_path / "file")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "exists already" in done.stderr
    wrong = subprocess.run([*words, "--lang", "fr"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
