"""A card says what the record says, in both languages, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import medshelf
from medshelf.catalog.cards.card import card
from medshelf.catalog.cards.parts import Card
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records, find_record
from medshelf.catalog.table import COLUMNS
from medshelf.catalog.vocabulary import terms
from medshelf.catalog.wording import (
    axes_text,
    duo_text,
    duty,
    names,
    number_text,
    size_text,
    verdict,
    with_note,
)
from medshelf.core.errors import UnknownNameError
from tests.catalog.made import make_record

GROUPS = [
    "basic-information",
    "metadata",
    "resolution",
    "annotation-statistics",
    "file-structure",
    "example-pictures",
    "how-to-get-it",
]


@pytest.fixture(scope="module")
def shelf() -> list[Record]:
    return list(all_records())


def rows(shown: Card, section: str) -> dict[str, str]:
    found = shown.section(section)
    assert found is not None
    return {row.label: row.text for row in found.rows}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_record_has_the_seven_groups_and_no_empty_text(
    shelf: list[Record], language: str
) -> None:
    for record in shelf:
        shown = card(record, language)
        assert [each.id for each in shown.sections][:7] == GROUPS, record.id
        for section in shown.sections:
            assert not section.empty
            assert all(row.label and row.values and row.text.strip() for row in section.rows)
            assert all(item.strip() for item in section.items)
            if section.table:
                widths = {len(row) for row in section.table.rows}
                assert widths == {len(section.table.header)}, (record.id, section.id)
                assert all(any(cells) for cells in zip(*section.table.rows, strict=True))


def test_titles_and_notice_are_in_the_language_asked_for() -> None:
    titles = [each.title for each in card(make_record(), "zh").sections]
    assert titles[:4] == ["基本信息", "元数据", "分辨率", "标注统计"]
    assert card(make_record(), "zh").notice == "不可用于临床"
    assert card(make_record()).notice == "Not for clinical use"


def test_what_is_not_known_is_said_once_per_group_and_otherwise_absent() -> None:
    shown = card(make_record())
    for name in ("resolution", "annotation-statistics", "file-structure"):
        section = shown.section(name)
        assert section is not None
        assert section.note == "Not known."
        assert not section.rows
    for name in ("limitations", "doubts", "conflicts", "lineage", "citation", "sources"):
        assert shown.section(name) is None
    assert "Patients" not in rows(shown, "metadata")
    texts = [row.text for each in shown.sections for row in each.rows]
    assert not [text for text in texts if "None" in text]


def test_facts_of_a_real_set_are_told_with_separators_units_and_order() -> None:
    shown = card(find_record("lits"))
    told = rows(shown, "metadata")
    assert told["Samples"] == "201"
    assert told["Slices"] == "58,638"
    assert told["Official splits"] == "train 131; test 70"
    resolution = shown.section("resolution")
    assert resolution is not None
    assert resolution.table is not None
    assert resolution.table.header == ("Quantity", "Minimum", "Median", "Maximum")
    assert resolution.table.rows[1] == (
        "Spacing (mm)",
        "0.5566 × 0.5566 × 0.7",  # noqa: RUF001
        "0.7676 × 0.7676 × 1",  # noqa: RUF001
        "1 × 1 × 5",  # noqa: RUF001
    )
    assert resolution.note is not None
    assert "Order of axes" in resolution.note
    classes = shown.section("annotation-statistics")
    assert classes is not None
    assert classes.table is not None
    assert classes.table.header[-1] == "Extent: Maximum (cm³)"
    assert classes.table.rows[0][:3] == ("Liver", "131", "100")
    assert classes.table.numeric == {1, 2, 3, 4, 5}


def test_verdicts_of_the_licence_are_told() -> None:
    told = rows(card(find_record("chexpert")), "licence")
    assert told["Commercial use"] == "not allowed"
    assert told["Redistribution"] == "not allowed"
    assert told["Share-alike"] == "not stated"
    assert told["Data use terms (DUO)"] == "DUO:0000046 non-commercial use only"
    told = rows(card(find_record("ham10000"), "zh"), "licence")
    assert (told["商业使用"], told["署名"]) == ("不允许", "需要")


def test_a_missing_licence_is_a_warning_and_an_unknown_one_names_itself() -> None:
    missing = card(make_record()).section("licence")
    assert missing is not None
    assert missing.note == (
        "No licence is known. Ask the providers before you use or pass on the data."
    )
    unknown = card(make_record(licence={"id": "Odd-1.0", "source": "unverified"}))
    assert rows(unknown, "licence") == {"Licence": "Odd-1.0", "Where it is stated": "unverified"}


def test_labels_tell_who_gave_them_and_how_often_they_are_right() -> None:
    record = make_record(
        label_origin=[
            {"by": "nlp", "what": {"en": "findings", "zh": "征象"}, "accuracy": "over 90 %"},
            {"by": "pathology"},
        ]
    )
    assert rows(card(record), "label-origin") == {
        "text mining of reports": "findings (Stated accuracy: over 90 %)",
        "pathology": "labels",
    }


def test_benchmarks_and_methods_that_use_it_are_named_with_their_pages() -> None:
    section = card(find_record("btcv")).section("used-by")
    assert section is not None
    told = {row.label: [(each.text, each.url) for each in row.values] for row in section.rows}
    assert told.keys() == {"Evaluation benchmarks", "Methods"}
    assert ("A-Eval", "https://github.com/uni-medical/A-Eval") in told["Evaluation benchmarks"]
    assert card(make_record()).section("used-by") is None


def test_lineage_leads_to_sources_and_with_all_relations_to_derivatives(
    shelf: list[Record],
) -> None:
    told = card(find_record("bloodmnist")).section("lineage")
    assert told is not None
    assert told.rows[0].values[0].dataset == "acevedo-pbc"
    assert told.rows[0].values[0].note
    up = card(find_record("acevedo-pbc"), lineage=Lineage(shelf)).section("lineage")
    assert up is not None
    assert "bloodmnist" in {value.dataset for row in up.rows for value in row.values}


def test_units_that_differ_get_a_column_of_their_own() -> None:
    stats = [
        {"name": "a", "volume": {"max": 2, "unit": "cm3"}},
        {"name": "b", "volume": {"max": 3000, "unit": "pixel"}, "splits": {"train": 7}},
    ]
    table = card(make_record(label_stats=stats)).sections[3].table
    assert table is not None
    assert table.header == ("Class", "train", "Extent: Maximum", "Unit")
    assert table.rows == (("a", "", "2", "cm³"), ("b", "7", "3,000", "pixels"))


def test_files_are_told_with_the_command_that_fetches_them() -> None:
    shown = card(find_record("bloodmnist"))
    assert rows(shown, "how-to-get-it")["Command"] == "medshelf fetch bloodmnist"
    table = shown.sections[6].table
    assert table is not None
    assert table.rows[0] == (
        "bloodmnist.npz",
        "35.5 MB",
        "md5:7053d0359d879ad8a5505303e11de1dc",
    )
    classes = rows(shown, "annotation-statistics")["Class order (classification)"]
    assert classes.startswith("0 basophil; 1 eosinophil; ")


def test_other_languages_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Unknown language 'fr'"):
        card(make_record(), "fr")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (number_text(1234567), "1,234,567"),
        (number_text(0.7676), "0.7676"),
        (number_text(5.0), "5"),
        (number_text(1234.5), "1,234.5"),
        (number_text(0.00002), "2e-05"),
        (number_text(-0.25), "-0.25"),
        (number_text(float("inf")), "inf"),
        (axes_text([512, 9999, 10000]), "512 × 9999 × 10,000"),  # noqa: RUF001
        (size_text(0), "0 B"),
        (size_text(999), "999 B"),
        (size_text(999_499), "999 kB"),
        (size_text(999_600), "1.00 MB"),
        (size_text(35_461_855), "35.5 MB"),
        (size_text(9_995_000_000), "10.0 GB"),
        (size_text(2 * 10**15), "2.00 PB"),
        (verdict(allowed=None, language="zh"), "未说明"),
        (duty(required=False, language="en"), "not required"),
        (duo_text("DUO:0000042", "zh"), "DUO:0000042 一般研究用途"),
        (duo_text("DUO:9999999", "en"), "DUO:9999999"),
        (with_note("标签", "多人", "zh"), "标签（多人）"),  # noqa: RUF001
        (names("modalities", ["ct", "odd"], "en"), ("CT", "odd")),
    ],
)
def test_wording(told: object, expected: object) -> None:
    assert told == expected


def test_every_field_of_a_record_and_every_column_has_a_name() -> None:
    named = terms("fields")
    assert Record.model_fields.keys() - named.keys() == set()
    unnamed = {each for each in COLUMNS if each not in named}
    assert all(re.match(r"(size_px|spacing)_|n_limitations|fetchable|readable", x) for x in unnamed)


def test_code_holds_no_chinese_and_asks_only_for_phrases_that_exist() -> None:
    folder = Path(medshelf.__file__).parent
    ours = [
        *sorted((folder / "catalog" / "cards").glob("*.py")),
        *sorted((folder / "catalog" / "export").glob("*.py")),
        *(
            folder / "catalog" / f"{name}.py"
            for name in ("wording", "table", "statistics", "guide")
        ),
        *sorted((folder / "api").glob("catalog_*.py")),
        *(folder / "report" / f"{name}.py" for name in ("schematic", "schematic_words", "sheet")),
        *(folder / "cli" / f"{name}.py" for name in ("tables", "info", "compare", "catalog")),
    ]
    asked: set[str] = set()
    for path in ours:
        text = path.read_text("utf-8")
        assert not re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", text), path
        asked.update(re.findall(r'(?:phrase|_section)\(\s*"([a-z-]+)"', text))
    assert len(asked) > 20
    assert asked <= terms("phrases").keys()
