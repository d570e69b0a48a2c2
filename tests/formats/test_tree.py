"""A raw tree as a table: what is listed, found, and given to the rows that name it."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.core.errors import FormatError, LayoutError
from medshelf.formats.entry import Entry
from medshelf.formats.tree import attach, fields_of, find_one, left_over, list_files, match, shown


def plant(root: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x" * (number + 1))


def zipped(path: Path, **members: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, size_bytes in members.items():
            archive.writestr(name, b"y" * size_bytes)


def listed(*locations: str) -> pl.DataFrame:
    """Rows as `list_files` gives them; what follows a ! is a member."""
    parts = [each.partition("!") for each in sorted(locations)]
    return pl.DataFrame(
        {
            "path": [path for path, _, _ in parts],
            "member": [member or None for _, _, member in parts],
            "suffix": [each.rpartition(".")[2] for each in sorted(locations)],
        },
        schema=dict.fromkeys(("path", "member", "suffix"), pl.String),
    )


def test_files_and_members_are_listed_in_order(tmp_path: Path) -> None:
    plant(tmp_path, "b/2.PNG", "a.nii.gz", "b/1.png", "LICENSE", "b/v1.2")
    zipped(tmp_path / "Z.zip", **{"in/3.png": 9, "in/.hidden": 1, "__MACOSX/in/._3.png": 1})
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("4.dcm")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    files = list_files(tmp_path)
    assert files.select("path", "member", "name", "suffix", "size_bytes").rows() == [
        ("LICENSE", None, "LICENSE", "", 4),
        ("Z.zip", "in/3.png", "3.png", "png", 9),
        ("a.nii.gz", None, "a.nii.gz", "nii.gz", 2),
        ("b/1.png", None, "1.png", "png", 3),
        ("b/2.PNG", None, "2.PNG", "png", 1),
        ("b/v1.2", None, "v1.2", "2", 5),
        ("t.tar.gz", "4.dcm", "4.dcm", "dcm", 3),
    ]
    plain = list_files(tmp_path, archives=False)
    assert plain["path"].to_list()[1] == "Z.zip"
    assert plain["suffix"].to_list()[-1] == "tar.gz"


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    plant(tmp_path, ".git/x.png", "a/.DS_Store", "a/x.png", "__MACOSX/a/x.png", "a/._x.png")
    assert list_files(tmp_path)["path"].to_list() == ["a/x.png"]


@pytest.mark.parametrize("unpacked", ["in/1.png", "d/set/in/1.png", "d/in/1.png"])
def test_a_member_that_also_lies_unpacked_counts_once(tmp_path: Path, unpacked: str) -> None:
    (tmp_path / "d").mkdir()
    zipped(tmp_path / "d/set.zip", **{"in/1.png": 1, "in/2.png": 2})
    plant(tmp_path, unpacked)
    places = list_files(tmp_path).select("path", "member").rows()
    beside = unpacked.startswith("d/")
    assert {(unpacked, None), ("d/set.zip", "in/2.png")} <= set(places)
    assert (("d/set.zip", "in/1.png") in places) is not beside
    (tmp_path / unpacked).write_bytes(b"of another size")
    assert list_files(tmp_path).height == 3


def test_linked_folders_are_listed_once_and_loops_end(tmp_path: Path) -> None:
    plant(tmp_path, "raw/a/1.png", "other/2.png")
    (tmp_path / "raw/loop").symlink_to(tmp_path / "raw")
    (tmp_path / "raw/a/up").symlink_to(tmp_path / "raw/a")
    (tmp_path / "raw/z").symlink_to(tmp_path / "other")
    (tmp_path / "raw/y").symlink_to(tmp_path / "other")
    (tmp_path / "raw/gone").symlink_to(tmp_path / "nowhere")
    assert list_files(tmp_path / "raw")["path"].to_list() == ["a/1.png", "y/2.png"]


def test_folders_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LayoutError, match="There is no folder"):
        list_files(tmp_path / "none")
    with pytest.raises(LayoutError, match="holds no file"):
        list_files(tmp_path)
    plant(tmp_path, "a/1.png")
    (tmp_path / "bad.zip").write_bytes(b"PK, but no zip")
    with pytest.raises(FormatError, match="bad"):
        list_files(tmp_path)
    with monkeypatch.context() as patched:

        def refuse(_: object) -> None:
            raise PermissionError(13, "Permission denied")

        patched.setattr(os, "scandir", refuse)
        with pytest.raises(LayoutError, match="cannot be listed: Permission denied"):
            list_files(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.png")).touch()
    with pytest.raises(LayoutError, match="a file's name is not UTF-8") as caught:
        list_files(tmp_path)
    assert "udcff" in str(caught.value)


FILES = listed(
    "Set/IMAGES/7.PNG", "images.zip!images/8.png", "images/p1/p1_a.png", "images/p1/p2_b.png"
)


@pytest.mark.parametrize(
    ("pattern", "n_found"),
    [
        *(("images/*.png", 2), ("*.png", 4), ("images/{id}.png", 2), ("images/p1/*", 2)),
        *(("mages/*.png", 0), ("images/**/*.png", 4), ("images/?.png", 2), ("images/??.png", 0)),
        *(("{p}/{p}_*.png", 1), ("images.zip/**/8.png", 1), ("p1_a_png", 0), ("p1/p1[_]a.png", 0)),
    ],
)
def test_patterns_are_compared_with_the_end(pattern: str, n_found: int) -> None:
    assert match(FILES, pattern).height == n_found


def test_fields_become_columns() -> None:
    found = match(FILES, "{set}/{patient}/{patient}_{view}.png")
    assert found.columns == ["path", "member", "suffix", "set", "patient", "view"]
    assert found.select("set", "patient", "view").rows() == [("images", "p1", "a")]
    assert fields_of("{set}/{patient}/{patient}_{view}.png") == ["set", "patient", "view"]
    named = match(FILES, "{a__b}/{a__b}_{x__1}.png")
    assert named.select("a__b", "x__1").rows() == [("p1", "a")]
    assert match(FILES, "{x}.gif").columns[-1] == "x"
    with pytest.raises(LayoutError, match=r"There is no file '\{x\}.gif' among 4: Set/IMAGES/7"):
        match(FILES, "{x}.gif", required=True)


def test_one_file_is_found_by_its_names() -> None:
    assert find_one(FILES, "labels.csv", "8.png") == Entry("images.zip", "images/8.png")
    with pytest.raises(LayoutError, match=r"no file 'a\.csv' or 'b\.csv' among 4"):
        find_one(FILES, "a.csv", "b.csv")
    with pytest.raises(LayoutError, match=r"one file 'p1/\*\.png', there are 2"):
        find_one(FILES, "p1/*.png", "8.png")


def test_rows_get_the_files_that_they_name() -> None:
    names = ["p1_a.png", "images/8.png", ".\\images\\p1\\p2_b.png", "././7.PNG", "7.png", None, ""]
    rows = pl.DataFrame({"n": range(len(names)), "file": names})
    found = attach(rows, FILES, "file")
    assert found.columns == ["n", "file", "path", "member", "suffix"]
    assert found.select("n", "file").equals(rows)
    assert found.select("path", "member").rows() == [
        ("images/p1/p1_a.png", None),
        ("images.zip", "images/8.png"),
        ("images/p1/p2_b.png", None),
        ("Set/IMAGES/7.PNG", None),
        *[(None, None)] * 3,
    ]
    twice = attach(pl.concat([rows, rows]), FILES, "file")
    assert twice["path"].to_list() == found["path"].to_list() * 2
    assert attach(rows.clear(), FILES, "file").columns == found.columns
    assert attach(rows, FILES.clear(), "file")["path"].null_count() == len(names)


@pytest.mark.parametrize(
    "name", ["/images/p1/p1_a.png", "../images/8.png", "a/" * 200_000 + "b.png", "x\0", "*.png"]
)
def test_names_that_lead_elsewhere_get_no_file(name: str) -> None:
    assert attach(pl.DataFrame({"file": [name]}), FILES, "file")["path"].to_list() == [None]


def test_a_name_of_several_files_is_refused_only_where_it_is_used() -> None:
    files = listed("a/1.png", "b/1.png", "b/2.png")
    rows = pl.DataFrame({"file": ["2.png", "1.png"]})
    with pytest.raises(LayoutError, match=r"'1\.png' stands for several files: a/1\.png, b/1"):
        attach(rows, files, "file")
    found = attach(pl.DataFrame({"file": ["2.png", "a/1.png"]}), files, "file")
    assert found["path"].to_list() == ["b/2.png", "a/1.png"]


def test_what_is_left_over() -> None:
    used = attach(pl.DataFrame({"file": ["8.png", "p1_a.png", "none"]}), FILES, "file")
    assert left_over(FILES, used)["path"].to_list() == ["Set/IMAGES/7.PNG", "images/p1/p2_b.png"]
    many = listed(*[f"{number}.png" for number in range(7)])
    assert shown(many) == "0.png, 1.png, 2.png, 3.png, 4.png, ..."


PART = st.text(st.sampled_from("ab.[{é"), min_size=1, max_size=3).filter(lambda t: t.strip("."))


@given(st.sets(st.lists(PART, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8))
def test_every_file_is_found_by_its_own_path(paths: set[str]) -> None:
    deepest = {"root/" * 3 + each for each in paths}
    files = listed(*deepest)
    found = attach(files.select(file="path"), files, "file")
    assert found["path"].to_list() == files["path"].to_list()
    for path in deepest:
        if "{" not in path:
            assert path in match(files, path)["path"].to_list()
