"""The fixed layout of NIfTI headers: names, places, codes.

Source: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h and
https://nifti.nimh.nih.gov/pub/dist/doc/nifti2.h
"""

from __future__ import annotations

import numpy as np


def _layout(size_bytes: int, **fields: tuple[int, str]) -> np.dtype[np.void]:
    """Build a record type from places and types; what is not named stays 0."""
    return np.dtype(
        {
            "names": list(fields),
            "formats": [kind for _, kind in fields.values()],
            "offsets": [place for place, _ in fields.values()],
            "itemsize": size_bytes,
        }
    )


NIFTI_1 = _layout(
    348,
    sizeof_hdr=(0, "<i4"),
    dim=(40, "<8i2"),
    intent_code=(68, "<i2"),
    datatype=(70, "<i2"),
    bitpix=(72, "<i2"),
    pixdim=(76, "<8f4"),
    vox_offset=(108, "<f4"),
    scl_slope=(112, "<f4"),
    scl_inter=(116, "<f4"),
    xyzt_units=(123, "u1"),
    descrip=(148, "S80"),
    aux_file=(228, "S24"),
    qform_code=(252, "<i2"),
    sform_code=(254, "<i2"),
    quatern=(256, "<3f4"),
    qoffset=(268, "<3f4"),
    srow=(280, "<(3,4)f4"),
    intent_name=(328, "S16"),
    magic=(344, "S4"),
)
NIFTI_2 = _layout(
    540,
    sizeof_hdr=(0, "<i4"),
    magic=(4, "S8"),
    datatype=(12, "<i2"),
    bitpix=(14, "<i2"),
    dim=(16, "<8i8"),
    pixdim=(104, "<8f8"),
    vox_offset=(168, "<i8"),
    scl_slope=(176, "<f8"),
    scl_inter=(184, "<f8"),
    descrip=(240, "S80"),
    aux_file=(320, "S24"),
    qform_code=(344, "<i4"),
    sform_code=(348, "<i4"),
    quatern=(352, "<3f8"),
    qoffset=(376, "<3f8"),
    srow=(400, "<(3,4)f8"),
    xyzt_units=(500, "<i4"),
    intent_code=(504, "<i4"),
    intent_name=(508, "S16"),
)

DTYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    32: "c8",
    64: "f8",
    128: "u1",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
    1792: "c16",
    2304: "u1",
}
RGB_CHANNELS = {128: 3, 2304: 4}
UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
UNITS_TIME = {8: "s", 16: "ms", 24: "us", 32: "Hz", 40: "ppm", 48: "rad/s"}


def text_of(field: bytes) -> str:
    """Decode a text field, up to its first NUL; bytes that are not UTF-8 are taken as Latin-1."""
    text = bytes(field).split(b"\0", 1)[0]
    try:
        return text.decode().strip()
    except UnicodeDecodeError:
        return text.decode("latin-1").strip()
