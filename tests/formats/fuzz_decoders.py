"""A process that decodes damaged files of every format.

The process names each case before it runs it, and has limits on memory and processor time: so what
crashes, hangs or swells is a case with a name. `FORMAT:NUMBER` gives the same bytes again.
"""

from __future__ import annotations

import gzip
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from medshelf.core.errors import MedshelfError
from tests.formats import fuzz_seeds as seeds

CPU_S = float(os.environ.get("FUZZ_CPU_S", "10"))  # for one case
MEMORY_BYTES = 3 << 30
PEAK_BYTES = 600 << 20


class Format(NamedTuple):
    """One format under test.

    Attributes:
        suffix: Of its files.
        files: Valid bytes, before `wrap`.
        decode: Reads every value of a file.
        wrap: Puts the damaged bytes in a sound container.
    """

    suffix: str
    files: Callable[[], list[bytes]]
    decode: Callable[[Path], object]
    wrap: Callable[[bytes], bytes] = bytes


# Decoders


def _read_picture(path: Path) -> None:
    from medshelf.formats import picture

    picture.read(path, max_pixels=1 << 22).array.sum()


def _read_volume(path: Path) -> None:
    from medshelf.formats import metaimage, nifti, nrrd

    module = {".nii": nifti, ".gz": nifti, ".mha": metaimage, ".nrrd": nrrd}[path.suffix]
    volume = module.open_volume(path)
    if "Z" in volume.axes and volume.shape[volume.axes.index("Z")]:
        volume.slice("Z", 0)
    module.read(path).array.sum()


def _read_npy(path: Path) -> None:
    from medshelf.formats import npz

    if path.suffix == ".npy":
        npz.open_npy(path).copy()
        return
    for name in npz.read_headers(path):
        npz.open_array(path, name).copy()


def _read_hdf5(path: Path) -> None:
    from medshelf.formats import hdf5

    for name in hdf5.list_members(path):
        rows = hdf5.open_dataset(path, name)
        rows.read()
        rows.close()


def _read_dicom(path: Path) -> None:
    from medshelf.formats.dicom import image, series

    image.read_header(path)
    series.find_series([path])
    image.read(path).array.sum()


def _read_table(path: Path) -> None:
    from medshelf.formats.tables import read_table, scan_table

    read_table(path)
    if path.suffix != ".parquet":  # which polars reads lazily, with errors of its own
        scan_table(path).collect()


def _read_xml(path: Path) -> None:
    from medshelf.formats.xml_tree import read_xml

    list(read_xml(path).iter())


def _read_archive(path: Path) -> None:
    from medshelf.formats import archive

    for member in archive.list_members(path):
        try:
            archive.read_member(path, member.name)
            with archive.open_member(path, member.name) as stream:
                stream.read()
        except MedshelfError:
            continue


def _unpack(path: Path) -> None:
    from medshelf.acquire.unpacking.unpack import Options, unpack

    folder = path.parent / "unpacked"
    options = Options(skip_refused=True, nested=1, max_bytes=1 << 22, force=True)
    try:
        unpack(path, folder, options)
    finally:
        for each in sorted(path.parent.glob("*unpack*")):
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def _wrapped_npz(data: bytes) -> bytes:
    return seeds.zipped({"x.npy": data})


def _wrapped_sheet(data: bytes) -> bytes:
    return seeds.zipped({**seeds.xlsx_parts(), seeds.SHEET: data})


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


FORMATS: dict[str, Format] = {
    "png": Format(".png", seeds.pictures("PNG", {}, {"colour": True}), _read_picture),
    "jpeg": Format(
        ".jpg", seeds.pictures("JPEG", {}, {"colour": True, "progressive": True}), _read_picture
    ),
    "tiff": Format(
        ".tif",
        seeds.pictures(
            "TIFF",
            {"several": True},
            {"compression": "tiff_lzw"},
            {"colour": True, "compression": "jpeg"},
        ),
        _read_picture,
    ),
    "bmp": Format(".bmp", seeds.pictures("BMP", {}, {"colour": True}), _read_picture),
    "gif": Format(".gif", seeds.pictures("GIF", {"several": True}), _read_picture),
    "webp": Format(
        ".webp", seeds.pictures("WEBP", {"lossless": True}, {"several": True}), _read_picture
    ),
    "nifti": Format(".nii", seeds.nifti_files, _read_volume),
    "nifti in gzip": Format(".nii.gz", seeds.nifti_files, _read_volume, _gzipped),
    "nifti.gz": Format(".nii.gz", lambda: list(map(_gzipped, seeds.nifti_files())), _read_volume),
    "metaimage": Format(".mha", seeds.metaimage_files, _read_volume),
    "nrrd": Format(".nrrd", seeds.nrrd_files, _read_volume),
    "npy": Format(".npy", seeds.npy_files, _read_npy),
    "npz": Format(".npz", seeds.npz_files, _read_npy),
    "npy in npz": Format(".npz", seeds.npy_files, _read_npy, _wrapped_npz),
    "hdf5": Format(".h5", seeds.hdf5_files, _read_hdf5),
    "dicom": Format(".dcm", seeds.dicom_files, _read_dicom),
    "dicom codecs": Format(".dcm", seeds.dicom_codecs, _read_dicom),
    "csv": Format(".csv", seeds.csv_files, _read_table),
    "json": Format(".json", seeds.json_files, _read_table),
    "jsonl": Format(".jsonl", seeds.jsonl_files, _read_table),
    "xlsx": Format(".xlsx", seeds.xlsx, _read_table),
    "sheet in xlsx": Format(".xlsx", seeds.sheet, _read_table, _wrapped_sheet),
    "parquet": Format(".parquet", seeds.parquet_files, _read_table),
    "xml": Format(".xml", seeds.xml_files, _read_xml),
    "zip": Format(".zip", seeds.zips_files, _read_archive),
    "tar": Format(".tar", seeds.tars_files, _read_archive),
    "packed tar": Format(".tar.gz", seeds.packed_tars, _read_archive),
    "tar in gzip": Format(".tar.gz", seeds.tars_files, _read_archive, _gzipped),
    "unpack zip": Format(".zip", seeds.zips_files, _unpack),
    "unpack tar": Format(".tar", seeds.tars_files, _unpack),
    "unpack 7z": Format(".7z", seeds.seven_zips, _unpack),
}


def format_of(name: str) -> Format:
    """Return a format by its name; any other name is Python to run, for tests of the process."""
    return FORMATS.get(name) or Format(".py", lambda: [name.encode()], _run)


def _run(path: Path) -> None:
    exec(path.read_text(), {})


def damaged(format_: str, number: int) -> bytes:
    """Make a case: its bytes depend on its name alone."""
    rng = random.Random(f"{format_}:{number}")
    chosen = format_of(format_)
    data = bytearray(rng.choice(chosen.files()))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 4, 16)) if number else 0):
        if data:
            rng.choice(seeds.DAMAGES)(data, rng)
    return chosen.wrap(bytes(data))


# The process


def attempt(format_: str, number: int, folder: Path) -> str:
    """Decode one case; return what is wrong, or nothing."""
    path = folder / f"case{format_of(format_).suffix}"
    path.write_bytes(damaged(format_, number))
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        format_of(format_).decode(path)
    except MedshelfError as error:
        if not str(error).strip():
            return "an error without words"
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    grown = _memory("VmHWM") - before
    return f"{grown >> 20} MiB of memory" if grown > PEAK_BYTES else ""


def _memory(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.findall(rf"{field}:\s+(\d+)", status)[0]) << 10


def serve(folder: Path, first: int, last: int, *formats: str) -> None:
    """Run cases in turn, with a line before each, and one after it if it is wrong."""
    for format_ in FORMATS.keys() & set(formats):  # what they import is not theirs to answer for
        attempt(format_, 0, folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = _memory("VmSize") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(first, last):
        for format_ in formats:
            sys.stdout.write(f"{format_}:{number}\n")
            sys.stdout.flush()
            if wrong := attempt(format_, number, folder):
                sys.stdout.write(f"WRONG {wrong}\n")
                sys.stdout.flush()
    sys.stdout.write("END\n")


# The other side


def watch(
    formats: Sequence[str], first: int, last: int, folder: Path, deadline_s: float = 1e9
) -> tuple[int, dict[str, str]]:
    """Run cases in a process, which is started again behind one that ends it.

    Args:
        formats: Names in FORMATS.
        first: Number of the first case of each.
        last: Behind the last one.
        folder: Where the process may write.
        deadline_s: When to stop, as `time.monotonic` counts.

    Returns:
        How many cases were run, and what was wrong with which.
    """
    wrong: dict[str, str] = {}
    n_cases = 0
    while first < last and time.monotonic() < deadline_s:
        words = [sys.executable, "-W", "error", "-m", __name__, folder, first, last, *formats]
        root = Path(__file__).parents[2]
        with subprocess.Popen(
            [*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root
        ) as process:
            case = f"start:{first - 1}"
            for line in process.stdout or ():
                if line.startswith("WRONG "):
                    wrong[case] = line[6:].strip()
                elif line == "END\n":
                    return n_cases, wrong
                else:
                    case, n_cases = line.strip(), n_cases + 1
                if time.monotonic() > deadline_s:
                    process.kill()
                    break
            _, error = process.communicate()
        if time.monotonic() <= deadline_s:
            ended = f"the process ended with {process.returncode}: {error[-300:].strip()}"
            wrong[case] = ended
        first = int(case.rpartition(":")[2]) + 1
    return n_cases, wrong


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
