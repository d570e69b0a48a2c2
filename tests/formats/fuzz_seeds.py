"""Small valid files of every format, and ways to damage them."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

RNG = np.random.default_rng(1)
GREY = RNG.integers(0, 200, (12, 15), np.uint8)
VOLUME = RNG.integers(0, 2000, (6, 5, 4), np.int16)
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TOKENS = rb"\d+|[A-Za-z]+|[{}\[\]<>\",:]"


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _replace(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at : at + rng.randrange(1, 9)] = rng.randbytes(rng.randrange(1, 9))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _swap(data: bytearray, rng: random.Random) -> None:
    size = rng.randrange(1, 1 + min(64, len(data)))
    a, b = (rng.randrange(len(data) - size + 1) for _ in range(2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def _repeat(data: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(len(data)), rng.randrange(1, 64)
    data[at:at] = data[at : at + size] * rng.choice((1, 2, 50))


def _number(data: bytearray, rng: random.Random) -> None:
    """Write an extreme number over a field, near the start where lengths are."""
    code = rng.choice(("B", "<H", ">H", "<I", ">I", "<Q", "<f"))
    at = rng.randrange(min(len(data), rng.choice((16, 128, 512, 1 << 20))))
    value = rng.choice((*EXTREMES, len(data), len(data) + 1, rng.getrandbits(32)))
    size = struct.calcsize(code)
    limit = (1 << 8 * size) - 1
    field = struct.pack(code, float(value) if code == "<f" else value & limit)
    data[at : at + size] = field


def _word(data: bytearray, rng: random.Random) -> None:
    """Write something else over a number, a word or a bracket of a text."""
    found = list(re.finditer(TOKENS, bytes(data[: 1 << 14])))
    if found:
        other = (b"-1", b"0", b"1e999", b"99999999999", b"", b"nan", b"\xff\xfe", b"[" * 300)
        start, end = rng.choice(found).span()
        data[start:end] = rng.choice((*other, rng.choice(found)[0]))


DAMAGES = (_flip, _replace, _cut, _swap, _repeat, _number, _number, _word)


def _picture(form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    frames = [Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())]
    if options.pop("colour", False):
        frames = [each.convert("RGB") for each in frames]
    if options.pop("several", False):
        options |= {"save_all": True, "append_images": frames[1:]}
    frames[0].save(buffer, form, **options)
    return buffer.getvalue()


def pictures(form: str, *kinds: dict[str, Any]) -> Callable[[], list[bytes]]:
    return cache(lambda: [_picture(form, **kind) for kind in kinds])


@cache
def nifti_files() -> list[bytes]:
    import nibabel

    images = [nibabel.Nifti1Image(VOLUME, np.eye(4)), nibabel.Nifti2Image(VOLUME, np.eye(4))]
    return [each.to_bytes() for each in images]


@cache
def metaimage_files() -> list[bytes]:
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
        "ElementSpacing = 1 1 2.5\nDimSize = 4 5 6\nElementType = MET_SHORT\n"
        "ElementDataFile = LOCAL\n"
    )
    return [header.encode() + VOLUME.tobytes()]


@cache
def nrrd_files() -> list[bytes]:
    header = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 5 6\n"
        "space directions: (1,0,0) (0,1,0) (0,0,2)\nkinds: domain domain domain\nendian: little\n"
        "encoding: {}\nspace origin: (0,0,0)\n\n"
    )
    data = VOLUME.tobytes()
    packed = {"raw": data, "gzip": gzip.compress(data, mtime=0), "bzip2": bz2.compress(data)}
    packed["ascii"] = " ".join(map(str, VOLUME.ravel())).encode()
    return [header.format(name).encode() + each for name, each in packed.items()]


@cache
def npy_files() -> list[bytes]:
    buffers = [io.BytesIO() for _ in range(2)]
    for buffer, array in zip(
        buffers, (VOLUME, np.zeros(3, [("a", "<i4"), ("b", "S5")])), strict=True
    ):
        np.lib.format.write_array(buffer, array)
    return [each.getvalue() for each in buffers]


@cache
def npz_files() -> list[bytes]:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=VOLUME, labels=np.arange(9))
    return [buffer.getvalue()]


@cache
def hdf5_files() -> list[bytes]:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["x"] = VOLUME
        file.create_dataset(
            "g/packed", data=VOLUME, chunks=(3, 5, 2), compression="gzip", shuffle=True
        )
        file["g/text"] = np.array([b"one", b"two"])
        file["soft"] = h5py.SoftLink("/x")
        file["x"].attrs["unit"] = "HU"
    return [buffer.getvalue()]


@cache
def dicom_files() -> list[bytes]:
    from tests.formats.dicom_files import encode_rle, make_dicom, make_image

    pixels = make_image()
    rle = make_dicom(pixels, "1.2.840.10008.1.2.5", frames=[encode_rle(pixels)])
    implicit = make_dicom(pixels, "1.2.840.10008.1.2")
    return [make_dicom(pixels), implicit, rle, make_dicom(make_image(8))]


@cache
def dicom_codecs() -> list[bytes]:
    from tests.formats.dicom_files import encode_jpeg_2000, make_dicom, make_image

    pixels = make_image(8)
    jpeg = _picture("JPEG", quality=90)
    return [
        make_dicom(pixels, "1.2.840.10008.1.2.4.90", frames=[encode_jpeg_2000(pixels, 8)]),
        make_dicom(GREY, "1.2.840.10008.1.2.4.50", frames=[jpeg]),
    ]


@cache
def csv_files() -> list[bytes]:
    lines = ["image,label,note", 'a.png,1,"one, two"', "b.png,0,\xe9", 'c.png,,"x ""y"""'] * 3
    return ["\r\n".join(lines).encode(), "\n".join(lines).replace(",", ";").encode()]


@cache
def json_files() -> list[bytes]:
    rows = [{"id": n, "text": "x" * n, "tags": ["a", {"b": None}], "v": 1.5} for n in range(5)]
    return [
        json.dumps(rows).encode(),
        json.dumps({str(each["id"]): each for each in rows}).encode(),
    ]


@cache
def jsonl_files() -> list[bytes]:
    return [b"\n".join(json.dumps({"id": n, "text": "x" * n}).encode() for n in range(5))]


@cache
def xlsx_parts() -> dict[str, bytes]:
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["image", "label"], ["a.png", 1], ["b.png", 2.5], ["c.png", None]):
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


@cache
def xlsx() -> list[bytes]:
    return [zipped(xlsx_parts())]


@cache
def sheet() -> list[bytes]:
    return [xlsx_parts()[SHEET]]


@cache
def parquet_files() -> list[bytes]:
    import polars as pl

    found = []
    for compression in ("uncompressed", "snappy", "zstd"):
        buffer = io.BytesIO()
        frame = pl.DataFrame(
            {"id": [1, 2, None], "text": ["a", "b", ""], "tags": [["x"], [], None]}
        )
        frame.write_parquet(buffer, compression=compression)
        found.append(buffer.getvalue())
    return found


@cache
def xml_files() -> list[bytes]:
    return [
        '<?xml version="1.0" encoding="UTF-8"?><r a="1"><b>é&amp;</b><!-- c --><d/></r>'.encode()
    ]


FILES = {"set/a.txt": b"hello " * 40, "set/b.bin": bytes(range(256)), "c": b""}


@cache
def zips_files() -> list[bytes]:
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return [zipped(FILES, method) for method in methods]


@cache
def tars_files() -> list[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in {**FILES, "n/" * 60 + "long": b"x"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "c"
        archive.addfile(info)
    return [buffer.getvalue()]


@cache
def packed_tars() -> list[bytes]:
    (tar,) = tars_files()
    return [gzip.compress(tar, mtime=0), bz2.compress(tar), lzma.compress(tar)]


@cache
def seven_zips() -> list[bytes]:
    from tests.acquire.archive_bytes import seven_zip_bytes

    return [seven_zip_bytes(("a/b.txt", b"one" * 50), ("c", b"two"))]
