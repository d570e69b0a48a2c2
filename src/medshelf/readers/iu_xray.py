"""Indiana University chest X-rays with their radiology reports (Open-i).

Raw tree, Open-i:
    NLMCXR_reports.tgz                          ecgen-radiology/1.xml ... 3999.xml, or unpacked
    NLMCXR_png.tgz                              CXR1_1_IM-0001-3001.png, or unpacked
Raw tree, Kaggle:
    indiana_reports.csv, indiana_projections.csv
    images/images_normalized/1_IM-0001-4001.dcm.png

Known quirks: a report (`uid`) is one visit, taken as the patient; it has 0 to 5 images. Names of
images have the number of the report once or twice, and Kaggle's end in `.dcm.png`. Some reports
lack sections, 104 of the XML ones have no image; four images are in no table. `XXXX` stands for
what was taken out. Kaggle says frontal or lateral, the XML only says it in words.

Source: https://doi.org/10.1093/jamia/ocv080 and https://openi.nlm.nih.gov
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unmatched, unused_files
from medshelf.core.columns import entries, extra, grouped, media, one_label, text
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.tables import read_table
from medshelf.formats.tree import LOCATION, attach, find_one, left_over, list_files, match
from medshelf.formats.xml_tree import read_xml

_SECTIONS = ("findings", "impression", "indication", "comparison")
_REPORTS = ("uid", "MeSH", "Problems", "image", *_SECTIONS)
_UNINDEXED = "No Indexing"


def read(root: Path, meta: Meta) -> Manifest:
    """Read the collection, Kaggle's edition where its tables are there, else the XML reports.

    Args:
        root: The folder that holds reports and images, unpacked or not.
        meta: Facts of the dataset.

    Returns:
        One row per image with the text of its report, and one per report without image; `labels`
        has the MeSH terms of the report, those found by machine with the source `automatic`.

    Raises:
        LayoutError: Reports are missing, or a column or section has another name.
        FormatError: A table or report is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    kaggle = not match(files, "indiana_*.csv").is_empty()
    studies, images, where = (_from_tables if kaggle else _from_xml)(root, files)
    terms = studies.select("uid", "terms").explode("terms").unnest("terms")
    terms = terms.filter(pl.col("name") != _UNINDEXED)
    mesh = one_label("mesh", pl.col("name"), 1, pl.col("source"))
    rows = attach(images, files, "file").join(studies, on="uid", how="left")
    rows = rows.join(grouped(terms, "uid", labels=mesh), on="uid", how="left")
    columns = rows.select(
        "sample_id",
        "labels",
        patient_id="uid",
        study_id="uid",
        media=entries(media("image")),
        text=text(
            findings=pl.col("findings"),
            impression=pl.col("impression"),
            caption=pl.col("caption"),
            context=pl.col("indication"),
        ),
        language=pl.lit("en"),
        view="view",
        extra=extra({"problems": pl.col("problems"), "comparison": pl.col("comparison")}),
    )
    pictures = files.filter(pl.col("suffix") == "png")
    absent = rows.filter(pl.col("path").is_null() & pl.col("file").is_not_null())
    issues = [
        *missing_files(absent["file"], where),
        *unused_files(left_over(pictures, rows).select(LOCATION).to_series(), where),
        *unmatched(images["uid"], studies["uid"], where),
    ]
    return assemble(columns, meta, root, issues)


def _from_tables(root: Path, files: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    reports, projections = (
        read_table(entry.source(root), name=root / entry.location, quote=True, required=required)
        for name, required in (
            ("indiana_reports.csv", _REPORTS),
            ("indiana_projections.csv", ("uid", "filename", "projection")),
        )
        for entry in [find_one(files, name)]
    )
    names = pl.col("MeSH").str.split(";").list.eval(pl.element().str.strip_chars())
    terms = names.list.eval(pl.struct(name=pl.element(), source=pl.lit(None, pl.String)))
    studies = reports.select("uid", *_SECTIONS, terms=terms, problems="Problems", caption="image")
    images = projections.select(
        "uid",
        sample_id=pl.col("filename").str.strip_suffix(".png").str.strip_suffix(".dcm"),
        file="filename",
        view="projection",
    )
    return studies, images, "indiana_projections.csv"


def _from_xml(root: Path, files: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    found = match(files, "{uid}.xml", required=True)
    studies, images = list[dict[str, Any]](), list[dict[str, Any]]()
    for uid, *place in found.select("uid", "path", "member").rows():
        entry = Entry(*place)
        tree = read_xml(entry.source(root))
        texts = {each.get("Label"): _text(each) for each in tree.iter("AbstractText")}
        sections = {name: texts.get(name.upper()) for name in _SECTIONS}
        studies.append({"uid": uid, **sections, "terms": list(_terms(tree))})
        images += list(_images(tree, uid)) or [{"uid": uid, "sample_id": uid}]
    columns = dict.fromkeys(("uid", *_SECTIONS, "problems"), pl.String)
    term = pl.List(pl.Struct({"name": pl.String, "source": pl.String}))
    pictures = dict.fromkeys(("uid", "sample_id", "file", "view", "caption"), pl.String)
    return (
        pl.DataFrame(studies, {**columns, "terms": term}),
        pl.DataFrame(images, pictures),
        "the reports",
    )


def _images(tree: Element, uid: str) -> Iterator[dict[str, str | None]]:
    for each in tree.iter("parentImage"):
        name = each.get("id", "")
        plain = name.removeprefix(f"CXR{uid}_").removeprefix(f"{uid}_")
        caption = _text(each.find("caption"))
        yield {"uid": uid, "sample_id": f"{uid}_{plain}", "file": f"{name}.png", "caption": caption}


def _terms(tree: Element) -> Iterator[dict[str, str | None]]:
    for kind, source in (("major", None), ("automatic", "automatic")):
        for each in tree.iterfind(f"MeSH/{kind}"):
            yield {"name": _text(each), "source": source}


def _text(element: Element | None) -> str | None:
    return ((element.text or "").strip() or None) if element is not None else None
