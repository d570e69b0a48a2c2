"""A raw tree as a table: every file below a folder, those in zip and tar archives included.

Nothing is unpacked and no image is opened. A reader asks the table for one file (`find_one`), for
all files of a pattern (`match`) or for the files that a release's own table names (`attach`).

Patterns: `*` stands for anything but `/`, `?` for one character, `**/` for any folders, `{field}`
for a part that becomes a column. They are compared with the end of a location, from one `/` on and
whatever the case of letters: `images/{id}.png` also finds `Set/IMAGES/7.PNG` and the same member of
`images.zip`. A field that occurs twice must have the same text in both places.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import polars as pl

from medshelf.core.errors import LayoutError
from medshelf.formats.archive import list_members
from medshelf.formats.entry import Entry

LOCATION = pl.concat_str("path", "member", separator="/", ignore_nulls=True)
"""Where a file is, as one text: `images.zip/images/7.png`."""

IMAGE_SUFFIXES = (
    *("png", "jpg", "jpeg", "bmp", "tif", "tiff", "gif", "webp"),
    *("dcm", "nii", "nii.gz", "mha", "mhd", "nrrd"),
)
"""Suffixes of pictures and volumes; `.npy` and `.h5` hold other things as often."""

_COLUMNS = {"path": pl.String, "member": pl.String, "size_bytes": pl.Int64}
_ARCHIVE = r"(?i)\.(zip|tar|tgz|tbz2|txz|tar\.(gz|bz2|xz))$"
_SUFFIX = r"\.((?:[a-z][a-z0-9]{0,7}\.)?(?:gz|bz2|xz|zst)|[^.]+)$"
_HIDDEN = r"(^|/)(\.|__MACOSX/)"
_TOKEN = re.compile(r"\{(\w+)\}|(\*\*/)|(\*)|(\?)")
_SHOWN = 5
_UNPACK = "Compare the folder with the layout of the release, and pass the one that holds its files"


def list_files(root: Path, *, archives: bool = True) -> pl.DataFrame:
    """List the files below a folder.

    Hidden files, macOS companions and what a loop of links repeats are left out; a linked folder is
    listed once. An archive is replaced by its members; one that also lies unpacked beside its
    archive, or in a folder named after it, counts once, as the loose file.

    Args:
        root: The folder.
        archives: False lists zip and tar as files, without looking into them.

    Returns:
        Columns `path` relative to `root`, `member` (null for loose files), `name` without folders,
        `suffix` in lower case without its dot (`nii.gz`, `png`; empty where there is none) and
        `size_bytes`; sorted by path and member.

    Raises:
        LayoutError: The folder does not exist, cannot be listed, holds no file, or a file's name is
            not UTF-8.
        FormatError: An archive cannot be read.
    """
    if not root.is_dir():
        problem = f"There is no folder {root}"
        raise LayoutError(problem, "Pass the folder that holds the raw files")
    paths, sizes = [], []
    for path, state in _walk(root):
        paths.append(path)
        sizes.append(state.st_size)
    try:
        loose = pl.DataFrame({"path": paths, "member": None, "size_bytes": sizes}, schema=_COLUMNS)
    except UnicodeEncodeError as error:
        problem = f"{root}: a file's name is not UTF-8: {error.object!a}"
        raise LayoutError(problem, "Rename it, or unpack its archive again as UTF-8") from error
    if loose.is_empty():
        problem = f"The folder {root} holds no file"
        raise LayoutError(problem, "Fetch the dataset into it, or pass the folder that holds it")
    files = _with_members(root, loose) if archives else loose.sort("path")
    name = pl.coalesce("member", "path").str.extract(r"([^/]+)$")
    suffix = name.str.to_lowercase().str.extract(_SUFFIX).fill_null("")
    return files.select("path", "member", name.alias("name"), suffix.alias("suffix"), "size_bytes")


def fingerprint(root: Path) -> str:
    """Return a digest of the names, sizes and dates of all files below a folder.

    Raises:
        LayoutError: As `list_files`.
    """
    digest = hashlib.sha256()
    for path, state in sorted(_walk(root)):
        digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()


def match(files: pl.DataFrame, pattern: str, *, required: bool = False) -> pl.DataFrame:
    """Keep the files whose location ends as a pattern says.

    Args:
        files: Rows of `list_files`.
        pattern: See the top of this module.
        required: Whether no such file is an error.

    Returns:
        The rows with a String column for each `{field}` of the pattern, in the same order.

    Raises:
        LayoutError: `required`, and there is no such file.
    """
    regex, fields = _regex(pattern)
    found = files.filter(LOCATION.str.contains(regex))
    if required and found.is_empty():
        problem = f"There is no file {pattern!r} among {files.height:,}: {shown(files)}"
        raise LayoutError(problem, _UNPACK)
    if not fields:
        return found
    groups = found.select(LOCATION.str.extract_groups(regex).alias("groups"))["groups"].struct
    found = pl.concat([found, groups.unnest()], how="horizontal")
    repeats = [each for each in groups.fields if each not in fields]
    for each in repeats:
        found = found.filter(pl.col(each) == pl.col(each.rpartition("__")[0]))
    return found.drop(repeats)


def fields_of(pattern: str) -> list[str]:
    """Return the fields of a pattern, each once, in their order."""
    return list(dict.fromkeys(each[1] for each in _TOKEN.finditer(pattern) if each[1]))


def find_one(files: pl.DataFrame, *patterns: str) -> Entry:
    """Find the file that a release has exactly once.

    Args:
        files: Rows of `list_files`.
        patterns: What it may be called; the first that occurs counts.

    Raises:
        LayoutError: No file is called so, or several are.
    """
    wanted = " or ".join(repr(each) for each in patterns)
    for pattern in patterns:
        found = match(files, pattern)
        if found.height == 1:
            return Entry(*found.select("path", "member").row(0))
        if found.height:
            problem = f"There should be one file {pattern!r}, there are {found.height}: "
            raise LayoutError(problem + shown(found), "Remove the copies, or name one in full")
    problem = f"There is no file {wanted} among {files.height:,}: {shown(files)}"
    raise LayoutError(problem, _UNPACK)


def attach(rows: pl.DataFrame, files: pl.DataFrame, on: str) -> pl.DataFrame:
    """Give each row the file that it names.

    Args:
        rows: A table with one row per file.
        files: Rows of `list_files` to choose from.
        on: Column of `rows` with a name or the last parts of a path, e.g. `./images/7.png`;
            compared with the end of a location, letters as they are.

    Returns:
        `rows` in their order, with the columns `path`, `member` and `suffix`, null where no file is
        called so.

    Raises:
        LayoutError: A name stands for several files.
    """
    wanted = pl.col(on).str.replace_all(r"\\", "/").str.replace(r"^(\./)+", "")
    keyed = rows.with_row_index("_row").with_columns(wanted.alias("_key"))
    deepest = files.select(LOCATION.str.count_matches("/").max()).item() or 0
    depth = pl.col("_key").str.count_matches("/").clip(upper_bound=deepest)
    parts = keyed.with_columns(depth.alias("_depth"))
    pieces = [
        piece.join(_by_tail(files, int(depth or 0), piece), on="_key", how="left")
        for (depth,), piece in parts.partition_by("_depth", as_dict=True).items()
    ]
    none = dict.fromkeys(("path", "member", "suffix"), pl.String)
    joined = (
        pl.concat(pieces)
        if pieces
        else parts.with_columns(pl.lit(None, k).alias(c) for c, k in none.items())
    )
    return joined.sort("_row").drop("_row", "_key", "_depth")


def left_over(files: pl.DataFrame, used: pl.DataFrame) -> pl.DataFrame:
    """Return the files that have no row in `used`, a table with `path` and `member`."""
    keys = used.select("path", "member").filter(pl.col("path").is_not_null()).unique()
    return files.join(keys, on=["path", "member"], how="anti", nulls_equal=True)


def shown(files: pl.DataFrame) -> str:
    """Return the first few locations as one text, for a message."""
    names = files.head(_SHOWN).select(LOCATION).to_series().to_list()
    return ", ".join(names) + (", ..." if files.height > _SHOWN else "")


def _walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and state of each file; linked folders last, in the order of their names."""
    folders, links, seen = [""], list[str](), set[tuple[int, int]]()
    while folders or links:
        folder = folders.pop() if folders else heapq.heappop(links)
        try:
            state = (root / folder).stat()
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    path = f"{folder}{entry.name}"
                    if entry.name.startswith(".") or entry.name == "__MACOSX":
                        continue
                    if entry.is_file():
                        yield path, entry.stat()
                    elif entry.is_dir():
                        add = heapq.heappush if entry.is_symlink() else list.append
                        add(links if entry.is_symlink() else folders, f"{path}/")
        except OSError as error:
            problem = f"The folder {root / folder} cannot be listed: {error.strerror}"
            raise LayoutError(problem, "Check its permissions") from error


def _with_members(root: Path, loose: pl.DataFrame) -> pl.DataFrame:
    is_archive = pl.col("path").str.contains(_ARCHIVE)
    plain = loose.filter(~is_archive)
    tables = [plain]
    for path in loose.filter(is_archive)["path"].sort().to_list():
        members = list_members(root / path)
        columns = {
            "member": [m.name for m in members],
            "size_bytes": [m.size_bytes for m in members],
        }
        table = pl.DataFrame(columns, schema={k: _COLUMNS[k] for k in columns})
        table = table.filter(~pl.col("member").str.contains(_HIDDEN))
        folder = str(PurePosixPath(path).parent / "_")[:-1]
        stem = re.sub(_ARCHIVE, "", path)
        for prefix in (folder, f"{stem}/"):
            unpacked = plain.select("size_bytes", path=pl.col("path"))
            keyed = table.with_columns(path=pl.lit(prefix) + pl.col("member"))
            table = keyed.join(unpacked, on=["path", "size_bytes"], how="anti").drop("path")
        tables.append(table.select(pl.lit(path).alias("path"), "member", "size_bytes"))
    return pl.concat(tables).sort("path", "member", nulls_last=False)


def _regex(pattern: str) -> tuple[str, list[str]]:
    """Return the pattern as a regular expression of polars, and its fields."""
    pieces, fields, at = ["(?i)(?:^|/)"], list[str](), 0
    for token in _TOKEN.finditer(pattern):
        pieces.append(pl.escape_regex(pattern[at : token.start()]))
        field, folders, star, _ = token.groups()
        if field:
            name = f"{field}__{fields.count(field)}" if field in fields else field
            fields.append(field)
            pieces.append(f"(?P<{name}>[^/]+?)")
        else:
            pieces.append("(?:.*/)?" if folders else "[^/]*" if star else "[^/]")
        at = token.end()
    return "".join([*pieces, pl.escape_regex(pattern[at:]), "$"]), fields


def _by_tail(files: pl.DataFrame, depth: int, piece: pl.DataFrame) -> pl.DataFrame:
    """Return the files that `piece` names, by the last `depth` + 1 parts of their location."""
    tail = LOCATION.str.extract(rf"((?:[^/]+/){{{depth}}}[^/]+)$")
    keyed = files.select(tail.alias("_key"), "path", "member", "suffix")
    found = keyed.join(piece.select("_key"), on="_key", how="semi")
    double = found.filter(pl.col("_key").is_duplicated())
    if double.height:
        name = double["_key"][0]
        places = shown(double.filter(pl.col("_key") == name))
        problem = f"The name {name!r} stands for several files: {places}"
        raise LayoutError(problem, "Remove the copies, so that each file is there once")
    return found
