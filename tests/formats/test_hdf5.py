"""HDF5: rows read singly, nothing followed out of the file, damaged files refused."""

from __future__ import annotations

import gzip
import multiprocessing
import pickle
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.core.errors import FormatError, MedshelfError, SettingError
from medshelf.formats.hdf5 import Rows, list_members, open_dataset, read_bytes

IMAGES = np.random.default_rng(0).integers(0, 255, (20, 96, 96, 3), np.uint8)
LABELS = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1) % 2
JPEG = b"\xff\xd8 the middle \0\0\xff\xd9"


def write_plain(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = IMAGES, LABELS
        options = {"chunks": (3, 10), "compression": "gzip"}
        file.create_dataset("group/z", data=np.arange(100, dtype=">i2").reshape(10, 10), **options)
        file["string"], file["opaque"] = np.bytes_(JPEG), np.void(JPEG)
        file["record"] = np.array([(1, 2.5)], [("a", ">i2"), ("b", "f4")])
        file["bytes"] = np.frombuffer(JPEG, np.uint8)
        file["here"] = h5py.SoftLink("group/z")
        file["group/up"] = h5py.SoftLink("/x")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_plain(tmp_path / "a.h5")
    return tmp_path / "a.h5"


def test_rows_are_read_singly_and_together(path: Path) -> None:
    images, labels = open_dataset(path, "x"), open_dataset(path, "y")
    assert (images.shape, images.dtype, len(images)) == (IMAGES.shape, np.uint8, 20)
    assert (labels.shape, len(labels)) == ((20, 1, 1, 1), 20)
    for index in (7, 0, -1, 19, -20):
        np.testing.assert_array_equal(images.row(index), IMAGES[index])
        np.testing.assert_array_equal(labels.row(index), LABELS[index])
    np.testing.assert_array_equal(images.read(), IMAGES)
    np.testing.assert_array_equal(images.read(3, 9), IMAGES[3:9])
    assert images.read(4, 4).shape == (0, 96, 96, 3)


def test_other_byte_orders_groups_and_links_inside(path: Path) -> None:
    for member in ("group/z", "/group/z", "here", "./group//z"):
        rows = open_dataset(path, member)
        assert rows.dtype == np.int16
        assert rows.row(3).dtype.isnative
        np.testing.assert_array_equal(rows.read(), np.arange(100).reshape(10, 10))
    record = open_dataset(path, "record").row(0)
    assert (record["a"], record["b"]) == (1, 2.5)
    np.testing.assert_array_equal(open_dataset(path, "group/up").row(2), IMAGES[2])
    assert list_members(path) == ["bytes", "group/z", "opaque", "record", "string", "x", "y"]


@pytest.mark.parametrize("member", ["string", "opaque", "bytes"])
def test_a_file_in_a_dataset_comes_out_as_it_went_in(path: Path, member: str) -> None:
    assert read_bytes(path, member) == JPEG
    with pytest.raises(FormatError, match=r"'x' holds uint8 \(20, 96, 96, 3\), not one file"):
        read_bytes(path, "x")


def test_rows_that_are_not_there_are_named(path: Path) -> None:
    rows = open_dataset(path, "y")
    for index in (20, -21):
        with pytest.raises(SettingError, match=f"has 20 rows, none with index {index}"):
            rows.row(index)
    for start, stop in ((3, 2), (0, 21), (-1, 3)):
        with pytest.raises(SettingError, match=f"has 20 rows, not {start} to {stop}"):
            rows.read(start, stop)


def _row(rows: Rows, index: int) -> np.ndarray:
    return rows.row(index)


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_other_processes_open_the_file_anew(path: Path, start: str) -> None:
    rows = open_dataset(path, "x")
    rows.row(0)
    with multiprocessing.get_context(start).Pool(2) as pool:
        got = pool.starmap(_row, [(rows, index) for index in range(20)])
    np.testing.assert_array_equal(got, IMAGES)
    np.testing.assert_array_equal(rows.row(5), IMAGES[5])


def test_a_closed_handle_opens_again_and_a_pickle_holds_no_file(path: Path) -> None:
    rows = open_dataset(path, "x")
    rows.close()
    np.testing.assert_array_equal(rows.row(5), IMAGES[5])
    again = pickle.loads(pickle.dumps(rows))
    rows.close()
    np.testing.assert_array_equal(again.row(5), IMAGES[5])


def test_compressed_files_are_refused_with_the_command(tmp_path: Path, path: Path) -> None:
    packed = tmp_path / "a.h5.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(FormatError, match=r"(?s)gzip.*gunzip --keep .*a\.h5\.gz"):
        open_dataset(packed, "x")


def test_names_that_are_not_there(path: Path) -> None:
    for member in ("none", "x/none", "group/none", "none/x", ""):
        with pytest.raises(FormatError, match=r"no dataset|is a group"):
            open_dataset(path, member)
    with pytest.raises(FormatError, match="'group' is a group"):
        open_dataset(path, "group")


def test_nothing_is_followed_out_of_the_file(tmp_path: Path, path: Path) -> None:
    evil = tmp_path / "evil.h5"
    (tmp_path / "secret.raw").write_bytes(bytes(range(16)))
    layout = h5py.VirtualLayout((20, 96, 96, 3), np.uint8)
    layout[:] = h5py.VirtualSource(str(path), "x", (20, 96, 96, 3))
    with h5py.File(evil, "w") as file:
        file["outside"] = h5py.ExternalLink("a.h5", "/x")
        file["outside group"] = h5py.ExternalLink("a.h5", "/group")
        file["to outside"] = h5py.SoftLink("/outside")
        file["through outside"] = h5py.SoftLink("outside group/z")
        file["loop"] = h5py.SoftLink("loop")
        file.create_virtual_dataset("virtual", layout)
        outer = [(str(tmp_path / "secret.raw"), 0, 16)]
        file.create_dataset("external", (16,), np.uint8, external=outer)
        file["reference"] = np.array([file["external"].ref], h5py.ref_dtype)
        file["words"] = np.array(["a", "bc"], h5py.string_dtype())
        file["nothing"] = h5py.Empty("f4")
    reasons = {
        "outside": "is a link",
        "outside group/z": "is a link",
        "to outside": "is a link",
        "through outside": "is a link",
        "loop": "is a link",
        "virtual": "has its values in other files",
        "external": "has its values in other files",
        "reference": "neither numbers nor bytes",
        "words": "neither numbers nor bytes",
        "nothing": "neither numbers nor bytes",
    }
    for member, reason in reasons.items():
        with pytest.raises(FormatError, match=reason):
            open_dataset(evil, member)
    assert not {"outside", "to outside", "outside group/z"} & set(list_members(evil))


def test_more_than_is_stored_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (1 << 20, 1 << 20), np.float64, chunks=(1, 1 << 10))
        file.create_dataset("wide", (2, 1 << 40), np.uint8, chunks=(1, 1 << 31))
    rows = open_dataset(tmp_path / "a.h5", "x")
    assert not rows.row(5).any()
    with pytest.raises(FormatError, match="are asked for, 0 are stored"):
        rows.read()
    with pytest.raises(FormatError, match="are asked for, 0 are stored"):
        open_dataset(tmp_path / "a.h5", "wide")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n" + bytes(2000)])
def test_files_that_are_no_hdf5(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.h5").write_bytes(content)
    for call in (list_members, lambda path: open_dataset(path, "x")):
        with pytest.raises(FormatError, match="no whole HDF5 file"):
            call(tmp_path / "a.h5")
        with pytest.raises(FormatError, match="No such file"):
            call(tmp_path / "none.h5")


def test_a_truncated_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FormatError, match="no whole HDF5 file"):
        open_dataset(path, "x")


def test_without_the_package_the_extra_is_named(path: Path) -> None:
    program = (
        "import sys; sys.modules['h5py'] = None\n"
        "from medshelf.core.errors import MissingExtraError\n"
        "from medshelf.formats.hdf5 import open_dataset\n"
        "from pathlib import Path\n"
        "try:\n    open_dataset(Path(sys.argv[1]), 'x')\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    words = [sys.executable, "-c", program, str(path)]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert "medshelf[hdf5]" in printed


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_mutated_files_raise_nothing_but_our_errors(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        with h5py.File(path, "w") as file:
            file["x"] = IMAGES[:2, :4, :4]
            file.create_dataset("z", data=np.arange(99), chunks=(7,), compression="gzip")
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 10))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        for member in ("x", "z"):
            with suppress(MedshelfError):
                rows = open_dataset(path, member)
                rows.read()
                rows.close()
        with suppress(MedshelfError):
            list_members(path)
