"""The catalog as a table: one row per dataset, a type per column, nothing lost."""

from __future__ import annotations

import polars as pl
import pytest

import medshelf
from medshelf.catalog.shelf import all_records, find_record
from medshelf.catalog.table import COLUMNS, catalog_table
from medshelf.core.errors import UnknownNameError
from tests.catalog.made import make_record


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return catalog_table()


def test_the_package_is_the_table(table: pl.DataFrame) -> None:
    assert medshelf.catalog().equals(table)
    assert medshelf.catalog("zh").equals(catalog_table("zh"))


def test_every_dataset_is_a_row_and_every_column_is_documented(table: pl.DataFrame) -> None:
    assert table["id"].to_list() == [each.id for each in all_records()]
    assert table.columns == list(COLUMNS)
    assert all(COLUMNS.values())


def test_columns_have_types(table: pl.DataFrame) -> None:
    kinds = table.schema
    assert kinds["n_samples"] == pl.Int64
    assert kinds["year"] == pl.Int32
    assert kinds["commercial"] == pl.Boolean
    assert kinds["modalities"] == pl.List(pl.String)
    assert kinds["spacing_median"] == pl.List(pl.Float64)
    assert kinds["splits"] == pl.List(pl.Struct({"name": pl.String, "count": pl.Int64}))
    assert pl.Null not in kinds.values()
    assert pl.Object not in kinds.values()


def test_types_do_not_depend_on_the_records(table: pl.DataFrame) -> None:
    assert catalog_table(records=[]).schema == table.schema
    assert catalog_table(records=[make_record()]).schema == table.schema


def test_facts_arrive_as_they_are(table: pl.DataFrame) -> None:
    record = find_record("lits")
    row = table.row(by_predicate=pl.col("id") == "lits", named=True)
    assert row["modalities"] == ["ct"]
    assert row["splits"] == [{"name": "train", "count": 131}, {"name": "test", "count": 70}]
    assert row["n_slices"] == 58638
    assert row["spacing_max"] == [1.0, 1.0, 5.0]
    assert row["spacing_unit"] == "mm"
    assert (row["commercial"], row["redistribution"]) == (False, True)
    assert row["derived_from"] == ["3d-ircadb"]
    assert row["labels"] == [each.name for each in record.label_stats]
    fetchable = [each for each in record.files if not each.url.startswith("manual:")]
    assert (row["fetchable"], row["readable"]) == (bool(fetchable), record.reader is not None)


def test_what_is_not_known_is_null_or_an_empty_list() -> None:
    row = catalog_table(records=[make_record()]).row(0, named=True)
    assert row["n_samples"] is None
    assert row["commercial"] is None
    assert row["size_px_min"] is None
    assert (row["papers"], row["splits"], row["duo"], row["languages"]) == ([], [], [], [])


def test_terms_are_ids_by_default_and_names_on_demand() -> None:
    records = [make_record(label_origin=[{"by": "nlp"}, {"by": "nlp"}])]
    assert catalog_table(records=records)["modalities"].to_list() == [["x-ray"]]
    assert catalog_table(records=records)["label_origin"].to_list() == [["nlp"]]
    assert catalog_table("en", records)["tasks"].to_list() == [["Classification"]]
    assert catalog_table("zh", records)["tasks"].to_list() == [["分类"]]


def test_other_languages_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Unknown language 'fr'"):
        catalog_table("fr")
