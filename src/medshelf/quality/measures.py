"""What one pass over the pixels tells: a row per image or mask, and a row per drawn structure.

Profile and rules work on these tables and on the manifest, so that every file is decoded once.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

PERCENTILES = (0.5, 5.0, 25.0, 50.0, 75.0, 95.0, 99.5)
THUMB_EDGE = 32

ERRORS = ("missing", "empty", "truncated", "damaged", "undecoded", "mismatch", "crash")
"""Why a medium has no values: no such file; no bytes; cut short; not of its format; a format that
is not decoded here; decoded, but not what a mask must be; it ended the process."""

_MEDIA: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "sample_id": pl.String,
    "place": pl.UInt16,
    "role": pl.String,
    "name": pl.String,
    "path": pl.String,
    "member": pl.String,
    "index": pl.Int64,
    "label": pl.String,
    "annotator": pl.String,
    "format": pl.String,
    "actual_format": pl.String,
    "error": pl.Enum(ERRORS),
    "error_message": pl.String,
    "size_bytes": pl.Int64,
    "file_digest": pl.String,
    "dtype": pl.String,
    "bits": pl.UInt8,
    "axes": pl.String,
    "channels": pl.UInt16,
    "n_x": pl.UInt32,
    "n_y": pl.UInt32,
    "n_z": pl.UInt32,
    "n_t": pl.UInt32,
    "spacing_x_mm": pl.Float64,
    "spacing_y_mm": pl.Float64,
    "spacing_z_mm": pl.Float64,
    "affine": pl.List(pl.Float64),
    "orientation": pl.String,
    "oblique_degrees": pl.Float64,
    "shear_degrees": pl.Float64,
    "unit": pl.String,
    "photometric": pl.String,
    "minimum": pl.Float64,
    "maximum": pl.Float64,
    "mean": pl.Float64,
    "sd": pl.Float64,
    "n_not_finite": pl.Int64,
    "percentiles": pl.List(pl.Float64),
    "channel_means": pl.List(pl.Float64),
    "channel_sds": pl.List(pl.Float64),
    "pixel_digest": pl.String,
    "thumb": pl.Binary,
    "phash": pl.UInt64,
    "border": pl.List(pl.Float32),
    "text_score": pl.Float32,
}
MEDIA_MEASURES = pl.Schema(_MEDIA)
"""One row per medium of role image or mask, in the order of the manifest and of `media`.

`row` is the number of the manifest's row, `place` that of the medium in it. From `dtype` on all is
null where `error` is stated. `member` and `index` are as in the manifest. `actual_format` is what
the first bytes say, spelled as in the manifest where they agree; null where they say nothing.
`size_bytes` and `file_digest` are of the file or archive member; null for a row or frame of a
container. Digests begin with their algorithm: `xxh3_128:`, or `sha256:` without xxhash.
`n_x`, `n_y`, `n_z`, `n_t`: length of the axes of that name, null where there is none. Spacing is
null for pictures, whose dots per inch are for printing.
`affine`: 16 numbers by rows, index X, Y, Z to mm in RAS+. `oblique_degrees`: the largest angle
between an axis and the nearest world axis; `shear_degrees`: the largest deviation of two axes from
a right angle. Values are as stored (`unit` says what they measure); `percentiles` are those of
`PERCENTILES` over all channels, of floats beyond 2^20 values those of every nth; statistics leave
out what is not finite. `pixel_digest` is of dtype, shape and values: equal for the same picture in
two lossless files. `thumb`: uint8 (32, 32) by rows, the area mean of the luminance (a volume: of
the middle slice along its axis of widest spacing), stretched to 0 to 255; null where constant.
`phash`: perceptual hash of it. `border`: share of the edge length that is one value, left, top,
right, bottom. `text_score`: 0 to 1, how much small bright or dark lettering there is outside the
centre; null for volumes, masks, pictures below 64 pixels, and without SciPy.
"""

_REGIONS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "sample_id": pl.String,
    "name": pl.String,
    "annotator": pl.String,
    "structure": pl.String,
    "values": pl.String,
    "in_legend": pl.Boolean,
    "n_pixels": pl.Int64,
    "area_mm2": pl.Float64,
    "volume_mm3": pl.Float64,
    "n_components": pl.Int32,
    "n_holes": pl.Int32,
    "touches_border": pl.Boolean,
    "box": pl.List(pl.Int32),
    "intensity_mean": pl.Float64,
}
REGION_MEASURES = pl.Schema(_REGIONS)
"""One row per mask, annotator and structure that the legend names, absent ones with 0 pixels, and
one per value that the legend does not name (`in_legend` false; 0 is background).

`structure` is the medium's `label` where no legend is stated or the legend names it, else the name
in the legend, else the value; `values` those it has in the mask, joined by commas. `in_legend` is
null where no legend is stated. `area_mm2` of 2D masks and `volume_mm3` of volumes where the
spacing is stated. `n_components` are connected through faces and corners (8 or 26 neighbours),
`n_holes` are background components that do not reach the border (4 or 6 neighbours); both are null
where SciPy is not installed. `box`: first and last index along X, Y (and Z), both inside.
`intensity_mean` is that of the sample's first image of the same size.
"""


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured; the tables are scanned lazily, so that thumbnails cost no memory.

    Attributes:
        media: Columns of `MEDIA_MEASURES`.
        regions: Columns of `REGION_MEASURES`.
    """

    media: pl.LazyFrame
    regions: pl.LazyFrame
