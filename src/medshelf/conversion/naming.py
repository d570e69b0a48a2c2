"""Names of samples and classes that every file system and trainer takes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import polars as pl

from medshelf.core.errors import SettingError

_UNSAFE = r"[^A-Za-z0-9_-]+"
_LONGEST = 80
_DIGEST = 10


def with_keys(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the column `key`: the sample's name in files, unique whatever the case of letters.

    What is no letter, digit, `-` or `_` becomes `_`. Where samples would have one name, or one is
    very long or has nothing left, a digest of the id is added.
    """
    ids = pl.col("sample_id")
    plain = ids.str.replace_all(_UNSAFE, "_").str.strip_chars("_")
    unclear = plain.str.to_lowercase().is_duplicated()
    unclear |= (plain.str.len_chars() > _LONGEST) | (plain == "")
    digest = pl.when(unclear).then(ids).map_batches(_digests, pl.String, is_elementwise=True)
    long = pl.concat_str(plain.str.slice(0, _LONGEST), digest, separator="-")
    return rows.with_columns(key=pl.coalesce(long, plain))


def file_names(names: Sequence[str], what: str) -> dict[str, str]:
    """Return names that are safe in files, by the name itself.

    Raises:
        SettingError: Two of them would be the same.
    """
    safe = {name: re.sub(_UNSAFE, "_", name).strip("_") or "_" for name in names}
    by_name: dict[str, str] = {}
    for name, made in safe.items():
        if (other := by_name.setdefault(made.lower(), name)) != name:
            problem = f"The {what} {other!r} and {name!r} would both be written as {made!r}"
            raise SettingError(problem, "Leave one out with --labels, or convert to another format")
    return safe


def _digests(ids: pl.Series) -> pl.Series:
    digests = [
        None if each is None else hashlib.sha256(each.encode()).hexdigest()[:_DIGEST]
        for each in ids
    ]
    return pl.Series(ids.name, digests, pl.String)
