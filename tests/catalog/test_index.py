"""The index file: damaged, half-written, foreign, unreadable or contested, it is never trusted."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.catalog.filters import Filters
from medshelf.catalog.finding import stored
from medshelf.catalog.finding.index import Index, read_index, write_index
from medshelf.catalog.finding.indexing import make_index
from medshelf.catalog.search import search, search_index
from medshelf.catalog.shelf import all_records
from tests.catalog.made import make_record

SMALL = make_index([make_record("one", modalities=["ct"]), make_record("two", n_samples=7)])
SEARCH = "from medshelf.catalog.search import search; print([h.id for h in search('luna16').hits])"


def start(code: str, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )


def finish(process: subprocess.Popen[str]) -> str:
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return said


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index file of the catalog, made once."""
    path = tmp_path_factory.mktemp("whole") / f"{stored.catalog_key()}.bin"
    write_index(make_index(all_records()), path, path.stem)
    return path


@pytest.fixture
def kept(whole: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of it where a search looks for it."""
    path = tmp_path / "cache" / "medshelf" / "catalog" / whole.name
    path.parent.mkdir(parents=True)
    shutil.copy(whole, path)
    stored._open.cache_clear()
    yield path
    stored._open.cache_clear()


# The file


def test_what_is_read_is_what_was_written(whole: Path) -> None:
    made = make_index(all_records())
    read = read_index(whole, whole.stem)
    assert read.tables.facets == made.tables.facets
    assert (read.entries, read.words) == (made.entries, made.words)
    for text in ("", "pulmonary nodule CT", "乳腺 超声 分割", "retinopaty"):
        assert search_index(read, text, Filters()) == search_index(made, text, Filters())


def test_the_same_records_give_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from medshelf.catalog.finding.stored import write_shipped; write_shipped(Path('again'))"
    )
    other_order = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=other_order, check=True)
    assert (tmp_path / "again").read_bytes() == whole.read_bytes()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "index.bin"
    write_index(SMALL, path, "key")
    return path


@given(place=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255))
def test_no_changed_byte_goes_unseen(small: Path, place: float, flipped: int) -> None:
    content = bytearray(small.read_bytes())
    content[int(place * len(content))] ^= flipped
    assert_refused(small, bytes(content))


@given(share=st.floats(0, 1, exclude_max=True))
def test_no_missing_byte_goes_unseen(small: Path, share: float) -> None:
    content = small.read_bytes()
    assert_refused(small, content[: int(share * len(content))])


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n", b"\x00" * 9000, b"{}", b"[" * 9000])
def test_no_other_file_is_taken_for_an_index(small: Path, content: bytes) -> None:
    assert_refused(small, content)
    assert_refused(small, small.read_bytes() + content + b"x")


def assert_refused(small: Path, content: bytes) -> None:
    path = small.with_name("changed.bin")
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        read_index(path, "key")


def test_an_index_of_something_else_is_refused(small: Path) -> None:
    assert read_index(small, "key").size == 2
    with pytest.raises(ValueError, match="other records"):
        read_index(small, "other")


# The cache


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by_another_catalog(path: Path) -> None:
    write_index(SMALL, path, "another")


@pytest.mark.parametrize("harm", [truncate, flip, replace_by_another_catalog])
def test_a_harmed_index_is_made_anew(kept: Path, whole: Path, harm: Callable[[Path], None]) -> None:
    harm(kept)
    assert kept.read_bytes() != whole.read_bytes()
    assert search("luna16").hits[0].id == "luna16"
    assert kept.read_bytes() == whole.read_bytes()


def test_a_whole_index_is_used_as_it_is(kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = kept.stat()
    assert search("luna16").hits[0].id == "luna16"
    assert kept.stat() == before
    assert sorted(kept.parent.iterdir()) == [kept]
    assert not caplog.records


def test_a_folder_in_the_place_of_the_index_is_left_alone(
    kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept.unlink()
    kept.mkdir()
    (kept / "mine").touch()
    assert search("luna16").hits[0].id == "luna16"
    assert "The search index is not kept" in caplog.text
    assert (kept / "mine").exists()


def test_without_a_cache_folder_a_search_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert search("luna16").hits[0].id == "luna16"
    assert "The search index is not kept" in caplog.text
    assert (tmp_path / "file").read_bytes() == b""


def test_a_cache_that_is_forbidden_is_done_without() -> None:
    """The searching process gives up being administrator, to whom nothing is forbidden."""
    code = (
        "import os, pathlib; import filelock; from medshelf.catalog.finding import stored\n"
        "from medshelf.catalog.search import search\n"
        "stored._make()  # imports all that the user below may not be allowed to read\n"
        "os.geteuid() or os.setuid(65534)\n"
        "for mode in (0o500, 0o000):\n"
        "    pathlib.Path(os.environ['XDG_CACHE_HOME'], 'medshelf/catalog').chmod(mode)\n"
        "    stored._open.cache_clear()\n"
        "    print(oct(mode), search('luna16').hits[0].id)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        forbidden = Path(folder) / "cache" / "medshelf" / "catalog"
        forbidden.mkdir(parents=True)
        Path(folder).chmod(0o755)
        if os.geteuid() == 0:
            os.chown(forbidden, 65534, 65534)
        said = finish(start(code, Path(folder) / "cache"))
        assert said.splitlines() == ["0o500 luna16", "0o0 luna16"]
        forbidden.chmod(0o700)
        assert not sorted(forbidden.iterdir())


def test_processes_that_begin_together_make_one_index(tmp_path: Path, whole: Path) -> None:
    cache = tmp_path / "shared"
    together = [start(SEARCH, cache) for _ in range(3)]
    assert {finish(each) for each in together} == {"['luna16']\n"}
    (index,) = sorted((cache / "medshelf" / "catalog").glob("*.bin"))
    assert index.read_bytes() == whole.read_bytes()
    assert not sorted(index.parent.glob("*.part"))


def test_a_process_killed_while_writing_leaves_nothing_that_counts(
    tmp_path: Path, whole: Path
) -> None:
    cache = tmp_path / "killed"
    target = cache / "medshelf" / "catalog" / whole.name
    code = (
        "import sys, time; from pathlib import Path\n"
        "from medshelf.core.files import atomic_path, lock\n"
        f"target, content = Path({str(target)!r}), Path({str(whole)!r}).read_bytes()\n"
        "with lock(target.with_name('index')), atomic_path(target) as part:\n"
        "    part.write_bytes(content[: len(content) // 2])\n"
        "    print('half', flush=True)\n"
        "    time.sleep(600)\n"
    )
    writer = start(code, cache)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half\n"
    assert sorted(target.parent.glob(".*.part"))
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert finish(start(SEARCH, cache)) == "['luna16']\n"
    assert target.read_bytes() == whole.read_bytes()
    assert not sorted(target.parent.glob(".*.part"))


def test_searches_killed_at_any_time_do_no_harm(tmp_path: Path, whole: Path) -> None:
    cache = tmp_path / "killed"
    for delay_s in (0.3, 0.6):
        process = start(SEARCH, cache)
        time.sleep(delay_s)
        process.kill()
        process.communicate()
    assert finish(start(SEARCH, cache)) == "['luna16']\n"
    assert (cache / "medshelf" / "catalog" / whole.name).read_bytes() == whole.read_bytes()


def test_old_indexes_are_forgotten(kept: Path) -> None:
    for number in range(20):
        old = kept.with_name(f"old{number:02}.bin")
        old.touch()
        os.utime(old, (number, number))
    kept.unlink()
    search("luna16")
    left = [path.name for path in sorted(kept.parent.glob("*.bin"))]
    assert left == sorted([kept.name, *(f"old{number}.bin" for number in range(13, 20))])


def test_a_ready_index_is_searched_without_yaml_and_models(kept: Path) -> None:
    code = (
        f"{SEARCH}; import sys; print({{'yaml', 'pydantic', 'numpy', 'polars'}} & set(sys.modules))"
    )
    assert finish(start(code, kept.parents[2])) == "['luna16']\nset()\n"


# The key


def test_every_edit_changes_the_key_whatever_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    keys = set()
    for content in ("id: one\nyear: 2001", "id: one\nyear: 2002", ""):
        path.write_text(content)
        os.utime(path, (1, 1))
        keys.add(stored.catalog_key((tmp_path,)))
    path.rename(tmp_path / "two.yaml")
    keys.add(stored.catalog_key((tmp_path,)))
    (tmp_path / "two.yaml").unlink()
    keys |= {stored.catalog_key((tmp_path,)), stored.catalog_key()}
    assert len(keys) == 6


def test_all_that_makes_an_index_is_in_its_key() -> None:
    """A module that is imported to make an index, of medshelf's own search, is hashed."""
    code = (
        "import sys; from medshelf.catalog.finding import indexing\n"
        "print(*(each for each in sys.modules if each.startswith('medshelf.catalog.finding.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    hashed = {f"medshelf.catalog.finding.{path.stem}" for path in stored._MADE_OF}
    assert set(done.stdout.split()) <= hashed


def test_a_record_edited_meanwhile_is_not_kept_under_the_old_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The key is worked out before the records are read: between the two an edit may come."""
    caplog.set_level(logging.WARNING)
    folder = tmp_path / "records"
    folder.mkdir()
    monkeypatch.setenv("MEDSHELF_RECORDS", str(folder))
    target = tmp_path / "kept" / "key-of-before.bin"
    index: Index = stored._make_and_keep("key-of-before", (folder,), target)
    assert index.size == len(list(all_records()))
    assert not target.exists()
    assert not caplog.records
