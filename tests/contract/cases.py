"""The fixtures as the contract sees them: found by listing the folder `tests/fixtures`.

A fixture is a module with

* `READER`: module in `medshelf.readers`; `META`, or `RECORD`, an id of the catalog, whose reader
  and options are then used; `OPTIONS` for the reader, if any
* `SOURCE`: the description of the layout that it was written from
* `make(root)`: builds the true tree in miniature
* `EXPECTED`: the manifest that must come out, in order, absent keys being null
* `GREYS`: sample id to what its media must decode to: a value for all, or medium's name to value.
  The value is the grey of every pixel of an image, with alpha a list of both; of a mask, the
  number of pixels that are not 0, or the list of the values that occur
* `ISSUES`: rules of the Issues, sorted
* `TABLES`: files without which, or cut in half, nothing may be read as if all were well
* `ARCHIVES`, if any: files that may be absent, but not cut in half
* `LEGEND`, if any: what the values of the masks mean, as the manifest's option `legend`
* `PACKABLE = False` where the release cannot lie in an archive
* `READS_HEADERS = True` where an option asks the reader to open the images

A fixture may come before its reader: then only the tests of the reader fail.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import UnknownNameError
from medshelf.core.manifest import SCHEMA, SPLITS, Manifest, Meta

_FOLDER = Path(__file__).parents[1] / "fixtures"


@dataclass(frozen=True)
class Case:
    """One fixture with its reader."""

    name: str
    module: Any
    reader: Callable[..., Manifest]
    meta: Meta
    options: dict[str, str] = field(default_factory=dict)

    def read(self, root: Path) -> Manifest:
        return self.reader(root, self.meta, **self.options)

    @property
    def expected(self) -> list[dict[str, Any]]:
        return [filled(row, pl.Struct(SCHEMA)) for row in self.module.EXPECTED]

    def expected_manifest(self, root: Path) -> Manifest:
        """Return what the fixture says of the tree that it makes, without a reader."""
        frame = pl.DataFrame(self.expected, schema=SCHEMA)
        return Manifest(frame.lazy(), self.meta, root)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def all_cases() -> list[Case]:
    """Return a case for each module in the folder of fixtures."""
    names = sorted(each.stem for each in _FOLDER.glob("*.py"))
    return [make_case(importlib.import_module(f"tests.fixtures.{name}")) for name in names]


def make_case(module: Any) -> Case:
    """Return the case of a fixture; the reader is looked up when it is called."""
    name = module.__name__.rsplit(".", 1)[-1]
    options = dict(getattr(module, "OPTIONS", {}))
    reader = getattr(module, "READER", None)
    if not hasattr(module, "RECORD"):
        return Case(name, module, partial(_read, reader), module.META, options)
    try:
        record = find_record(module.RECORD)
    except UnknownNameError:
        return Case(name, module, partial(_read, None), Meta(module.RECORD, name), options)
    if record.reader is not None:
        reader = reader or record.reader.name.replace("-", "_")
        options = {**record.reader.options, **options}
    return Case(name, module, partial(_read, reader), manifest_meta(record), options)


def _read(reader: str | None, root: Path, meta: Meta, **options: str) -> Manifest:
    assert reader is not None, f"the catalog names no reader for {meta.dataset}"
    manifest: Manifest = importlib.import_module(f"medshelf.readers.{reader}").read(
        root, meta, **options
    )
    return manifest


def uncounted(record: str, expected: list[dict[str, Any]]) -> list[str]:
    """Return a `sample-count` for each split that has not the number of rows that is published."""
    try:
        published = manifest_meta(find_record(record)).splits
    except UnknownNameError:
        return []
    splits = [each["split"] for each in expected if each.get("split")]
    wrong = [s for s in SPLITS if splits and s in published and splits.count(s) != published[s]]
    return ["sample-count"] * len(wrong)


def filled(value: Any, kind: pl.DataType) -> Any:
    """Return a value with null for each field of its type that it does not have."""
    if value is None:
        return None
    if isinstance(kind, pl.List):
        return [filled(each, kind.inner) for each in value]
    if isinstance(kind, pl.Struct):
        unknown = set(value) - {each.name for each in kind.fields}
        assert not unknown, f"EXPECTED has keys that the manifest does not: {sorted(unknown)}"
        return {each.name: filled(value.get(each.name), each.dtype) for each in kind.fields}
    return value
