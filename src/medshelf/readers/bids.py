"""Images and masks in the Brain Imaging Data Structure.

Raw tree:
    dataset_description.json, participants.tsv                  n/a is not stated
    sub-01/ses-01/anat/sub-01_ses-01_T1w.nii.gz                 or without sessions
    sub-01/sub-01_sessions.tsv
    derivatives/<pipeline>/dseg.tsv                             what the values of a mask mean
    derivatives/<pipeline>/sub-01/ses-01/anat/sub-01_ses-01_space-orig_dseg.nii.gz

Known quirks: `_dseg` holds several structures, `_mask` one, named by `label-` or `desc-`; sidecars
and `scans.tsv` are not read; `sourcedata/` and `code/` are left alone.

Source: https://bids-specification.readthedocs.io, version 1.10
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, plausible_ages, unmatched
from medshelf.core.columns import age_years, class_names, extra, filled, grouped, media, with_legend
from medshelf.core.errors import LayoutError
from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.formats.entry import Entry, read_object
from medshelf.formats.tables import read_table
from medshelf.formats.tables.split_tables import list_named
from medshelf.formats.tree import IMAGE_SUFFIXES, LOCATION, find_one, match

_ABOUT = "dataset_description.json"
_PEOPLE = "participants.tsv"
_KEYS = _SUBJECT, _SESSION = "participant_id", "session_id"
_MASKS = ("dseg", "mask")
_EXTRA = SCHEMA["extra"]
_PLACE = (
    r"(?:derivatives/(?<pipeline>[^/]+)/)?(?<participant_id>sub-[^/_]+)/"
    r"(?:(?<session_id>ses-[^/_]+)/)?(?<folder>[^/]+)/"
    r"sub-[^/_.]+_(?:ses-[^/_.]+_)?(?<entities>[^/.]+)\.[^/]+$"
)
_STRUCTURE = r"(?:^|_)(?:label|desc)-([^_]+)(?:_.*)?_mask$"


def read(
    root: Path, meta: Meta, *, suffixes: str = "", label: str = "", derivatives: str = ""
) -> Manifest:
    """Read a BIDS dataset.

    Args:
        root: The folder that holds it, unpacked or not.
        meta: Facts of the dataset.
        suffixes: Of the images that a session should have, `T1w, T2w`; by default all in `anat`.
        label: Column of `participants.tsv` that is the class.
        derivatives: Pipelines whose masks are read; by default all.

    Returns:
        One row per session, or per subject where there are none: the images, named by what their
        file says beyond subject and session, then the masks.

    Raises:
        LayoutError: `dataset_description.json`, or a column that is named, is not there.
        FormatError: A table is truncated, or an archive cannot be read.
    """
    files = list_named(root, _ABOUT)
    base = _base(root, files)
    stated = _listed(suffixes)
    used = _media(files, base, stated, _listed(derivatives))
    if used.is_empty():
        problem = f"{root} holds no image of a subject below {base or '.'}"
        raise LayoutError(problem, "Check the option suffixes")
    rows = grouped(used.sort("is_mask", LOCATION), "sample_id", media=pl.col("medium"))
    rows = rows.join(used.select("sample_id", *_KEYS).unique(), on="sample_id")
    people, visits = _people(root, files, base, label), _visits(root, files, base)
    issues = [
        *missing_files(_lacking(used, stated), "suffixes of sessions"),
        *missing_files(people.join(rows, on=_SUBJECT, how="anti")[_SUBJECT], _PEOPLE),
        *(
            unmatched(rows[_SUBJECT], people[_SUBJECT], f"beside {_PEOPLE}")
            if people.height
            else ()
        ),
    ]
    rows = rows.join(people, on=_SUBJECT, how="full", coalesce=True)
    rows = rows.join(visits, on=_KEYS, how="left", nulls_equal=True)
    rows = rows.with_columns(
        sample_id=pl.coalesce("sample_id", _SUBJECT), age_years=age_years(pl.col("age"))
    )
    rows, odd = plausible_ages(rows, _PEOPLE)
    known = {each for task in meta.tasks for each in task.classes}
    unread = extra({"age": pl.when(pl.col("age_years").is_null()).then("age")})
    about = [each.fill_null([]) for each in (unread, pl.col("person"), pl.col("visit"))]
    columns = rows.select(
        *("sample_id", "media", "age_years", "sex"),
        patient_id=_SUBJECT,
        study_id=_SESSION,
        label=class_names(pl.col("label"), known),
        extra=filled(pl.concat_list(*about)),
    )
    return assemble(columns, _with_legend(root, files, base, meta), root, [*issues, *odd])


def _listed(option: str) -> list[str]:
    return [each.strip() for each in option.split(",") if each.strip()]


def _base(root: Path, files: pl.DataFrame) -> str:
    """Return where the dataset begins, below the root."""
    raw = files.filter(~LOCATION.str.contains("(^|/)derivatives/"))
    entry = find_one(raw, _ABOUT)
    read_object(root, entry, Name=str, BIDSVersion=str)
    return entry.location.removesuffix(_ABOUT)


def _media(files: pl.DataFrame, base: str, stated: list[str], pipelines: list[str]) -> pl.DataFrame:
    """Return the images and masks, with the session that each is of."""
    place = LOCATION.str.extract_groups(f"^{re.escape(base)}{_PLACE}").alias("place")
    found = files.filter(pl.col("suffix").is_in(IMAGE_SUFFIXES)).with_columns(place)
    found = found.unnest("place").filter(pl.col(_SUBJECT).is_not_null())
    kind = pl.col("entities").str.extract(r"([^_]+)$")
    derived = pl.col("pipeline").is_not_null()
    is_image = ~derived & (kind.is_in(stated) if stated else pl.col("folder") == "anat")
    is_mask = derived & kind.is_in(_MASKS)
    if pipelines:
        is_mask &= pl.col("pipeline").is_in(pipelines)
    structure = pl.col("entities").str.extract(_STRUCTURE)
    name = pl.coalesce(structure, pl.lit("mask"))
    mask = media("mask", name, label=structure, annotator=pl.col("pipeline"))
    return found.filter(is_image | is_mask).with_columns(
        kind=kind,
        is_mask=is_mask,
        medium=pl.when(is_mask).then(mask).otherwise(media("image", pl.col("entities"))),
        sample_id=pl.concat_str(*_KEYS, separator="_", ignore_nulls=True),
    )


def _lacking(used: pl.DataFrame, stated: list[str]) -> pl.Series:
    """Return the sessions that have not all images that they should have."""
    sessions = (
        used.select("sample_id")
        .unique()
        .join(pl.DataFrame({"kind": stated}, {"kind": pl.String}), how="cross")
    )
    lacking = sessions.join(used.filter(~pl.col("is_mask")), on=["sample_id", "kind"], how="anti")
    return (
        lacking.sort("sample_id", "kind").select(pl.format("{} {}", *lacking.columns)).to_series()
    )


def _table(root: Path, entry: Entry, key: str, *others: str) -> pl.DataFrame:
    name = root / entry.location
    table = read_table(entry.source(root), name=name, kind="tsv", required=(key, *others))
    return table.with_columns(pl.all().replace("n/a", None))


def _people(root: Path, files: pl.DataFrame, base: str, label: str) -> pl.DataFrame:
    """Return what is said of subjects; the table may be absent where no label is asked of it."""
    found = files.filter(base + _PEOPLE == LOCATION)
    if label or found.height:
        entry = find_one(found if found.height else files, _PEOPLE)
        people = _table(root, entry, _SUBJECT, *([label] if label else []))
    else:
        people = pl.DataFrame(schema={_SUBJECT: pl.String})
    none = pl.lit(None, pl.String)
    age, sex = (pl.col(each) if each in people.columns else none for each in ("age", "sex"))
    others = [each for each in people.columns if each not in (_SUBJECT, "age", "sex", label)]
    return people.select(
        _SUBJECT,
        age=age,
        sex=sex,
        label=pl.col(label) if label else none,
        person=extra({each: pl.col(each) for each in others}),
    )


def _visits(root: Path, files: pl.DataFrame, base: str) -> pl.DataFrame:
    """Return what is said of sessions."""
    found = match(files, "{participant_id}/{file}_sessions.tsv")
    found = found.filter(LOCATION.str.starts_with(base) & (pl.col(_SUBJECT) == pl.col("file")))
    tables = [pl.DataFrame(schema={**dict.fromkeys(_KEYS, pl.String), "visit": _EXTRA})]
    for subject, *place in found.select(_SUBJECT, "path", "member").rows():
        table = _table(root, Entry(*place), _SESSION)
        visit = extra({each: pl.col(each) for each in table.columns[1:]}).alias("visit")
        tables.append(table.select(pl.lit(subject).alias(_SUBJECT), _SESSION, visit))
    return pl.concat(tables)


def _with_legend(root: Path, files: pl.DataFrame, base: str, meta: Meta) -> Meta:
    """Add what the values of masks mean, where one lookup table says it for all of them."""
    found = match(files, "derivatives/*/dseg.tsv").filter(LOCATION.str.starts_with(base))
    legends = [
        dict(_table(root, Entry(*place), "index", "name").select("index", "name").rows())
        for place in found.select("path", "member").rows()
    ]
    same = bool(legends) and all(each == legends[0] for each in legends)
    return with_legend(meta, legends[0]) if same else meta
