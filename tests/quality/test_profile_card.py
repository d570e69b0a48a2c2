"""The dataset card: a head that the Hugging Face Hub reads, and tables with the numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml

from medshelf.catalog.export.hub_terms import size_category
from medshelf.catalog.licence import licences
from medshelf.catalog.shelf import find_record
from medshelf.catalog.wording import axes_text
from medshelf.core import columns as c
from medshelf.core.errors import UnknownNameError
from medshelf.core.manifest import Meta
from medshelf.quality.case import Case
from medshelf.quality.figures.card_front_matter import front_matter
from medshelf.quality.figures.dataset_card import dataset_card
from medshelf.quality.passes import Passes
from medshelf.quality.profile import Profile, profile
from medshelf.quality.profiling.page_tables import annotation_table, resolution_table, tidy
from medshelf.quality.profiling.words import words
from tests.quality.miniatures import as_manifest, picture_meta, picture_rows, volumes

_LEGEND_META = Meta("miniature-volumes", "Volumes: a | <b>", unit="volume", licence="CC-BY-4.0")


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    found = profile(Case(volumes(tmp_path_factory.mktemp("volumes")), passes=Passes(workers=0)))
    patch.undo()
    return replace(found, name=_LEGEND_META.name)


def test_the_first_table_has_the_form_of_the_pages(deep: Profile) -> None:
    found = resolution_table(deep.resolution, "en")
    assert found is not None
    assert found.header == ("Value", "Spacing (mm)", "Size (pixels)")
    assert found.rows[0] == ("Minimum", axes_text((1, 1.5, 2)), axes_text((24, 20, 16)))
    assert [row[0] for row in found.rows] == ["Minimum", "Median", "Maximum"]
    chinese = resolution_table(deep.resolution, "zh")
    assert chinese is not None
    assert [row[0] for row in chinese.rows] == ["最小值", "中位数", "最大值"]
    assert resolution_table((), "en") is None


def test_the_second_table_has_the_form_of_the_pages(deep: Profile) -> None:
    found = annotation_table(deep.annotation, "en")
    assert found is not None
    assert found.header[:3] == ("Class", "Samples with it", "Share (%)")
    extent = deep.annotation[0].extent
    assert extent is not None
    liver = dict(zip(found.header, found.rows[0], strict=True))
    assert liver["Class"] == "liver"
    assert liver["Extent: Median (cm³)"] == f"{tidy(extent.median):g}"
    assert annotation_table((), "en") is None


@pytest.mark.parametrize(
    ("value", "shown"), [(1237.84, 1237.84), (0.0021376, 0.00214), (0.0, 0.0), (0.45678, 0.457)]
)
def test_rounding(value: float, shown: float) -> None:
    assert tidy(value) == shown


@pytest.mark.parametrize(
    ("n", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (112_120, "100K<n<1M"), (10**12, "n>1T")],
)
def test_size_categories(n: int, category: str) -> None:
    assert size_category(n) == category


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_head_is_read_by_the_hub(deep: Profile, language: str) -> None:
    hub = pytest.importorskip("huggingface_hub")
    record = find_record("msd-hippocampus")
    text = dataset_card(deep, _LEGEND_META, record, language)
    card = hub.DatasetCard(text, ignore_metadata_errors=False)
    assert card.data.pretty_name == _LEGEND_META.name
    assert card.data.license == "cc-by-4.0"
    assert card.data.task_categories == ["image-segmentation"]
    assert card.data.size_categories == ["n<1K"]
    assert {"medical", "mri", "hippocampus"} <= set(card.data.tags)
    assert hub.DatasetCardData(**front_matter(deep, _LEGEND_META, record)).to_dict() == (
        card.data.to_dict()
    )
    assert "| liver | 8 | 100 |" in card.text
    assert "# Volumes: a \\| \\<b>" in card.text


def test_every_licence_is_one_of_the_hub_or_named(deep: Profile) -> None:
    for name in licences():
        head = front_matter(deep, replace(_LEGEND_META, licence=name))
        assert head["license"] == name.lower() or (
            head["license"] in {"other", "odc-by", "gpl-3.0"}
        )
        assert ("license_name" in head) == (head["license"] == "other")
    assert front_matter(deep, replace(_LEGEND_META, licence=None))["license"] == "unknown"


def test_sections_of_a_dataset_without_record(tmp_path: Path) -> None:
    manifest = as_manifest(picture_rows(), tmp_path)
    found = profile(Case(manifest, passes=Passes(pixels=False)))
    text = dataset_card(found, manifest.meta)
    titles = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        *("What it is", "Counts", "Classes", "Resolution", "People"),
        *("Access, licence and citation", "Known limitations", "Label origin"),
        "How this card was made",
    ]
    assert "Not for clinical use" in text
    assert "| train | 24 | 12 |" in text
    assert "No image sizes were measured" in text
    assert "F: 20, M: 20" in text
    assert "files were decoded: no" in text.lower()


def test_tasks_and_languages_follow_the_columns(tmp_path: Path) -> None:
    rows = picture_rows().head(4).drop("label", "media", "shapes")
    rows = rows.with_columns(question=pl.lit("Why?"), answers=c.entries(pl.lit("So")))
    rows = rows.with_columns(language=pl.Series(["en", "zh-CN", "zh-CN", "en"]))
    manifest = as_manifest(rows, tmp_path, picture_meta())
    head = front_matter(profile(Case(manifest, passes=Passes(pixels=False))), manifest.meta)
    assert head["task_categories"] == ["question-answering"]
    assert head["language"] == ["en", "zh"]


def test_a_language_that_is_not_known(deep: Profile) -> None:
    with pytest.raises(UnknownNameError, match="'fr'"):
        dataset_card(deep, _LEGEND_META, language="fr")


def test_words_are_in_both_languages() -> None:
    for key, each in words().items():
        assert each.en, key
        assert any("\u4e00" <= letter <= "\u9fff" for letter in each.zh), key
        assert each.en.count("{") == each.zh.count("{"), key


def test_the_head_is_yaml_that_no_name_can_break(deep: Profile) -> None:
    odd = replace(deep, name="---\nlicense: mit")
    text = dataset_card(odd, _LEGEND_META)
    head = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert head["pretty_name"] == odd.name
    assert head["license"] == "cc-by-4.0"
