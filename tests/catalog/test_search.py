"""Searching: the questions of researchers, filters, facets, orders, misspellings, odd texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import medshelf
from medshelf.catalog import vocabulary
from medshelf.catalog.filters import Filters
from medshelf.catalog.finding.facets import SECTIONS
from medshelf.catalog.finding.index import FACETS, Index
from medshelf.catalog.finding.indexing import make_index
from medshelf.catalog.finding.ranking import best
from medshelf.catalog.finding.words import compact, stem
from medshelf.catalog.finding.years import read_years
from medshelf.catalog.licence import licence_of
from medshelf.catalog.record import Record
from medshelf.catalog.search import Results, search, search_index
from medshelf.catalog.shelf import all_records
from medshelf.core.errors import FormatError, LayoutError, UnknownNameError
from tests.catalog.made import make_record

QUESTIONS = yaml.safe_load((Path(__file__).parent / "questions.yaml").read_text("utf-8"))
RECORDS = list(all_records())
INDEX = make_index(RECORDS)
FIELDS = {
    "group": "group",
    "domain": "domain",
    "dimension": "dimensions",
    "modality": "modalities",
    "task": "tasks",
    "anatomy": "anatomy",
    "condition": "conditions",
    "access": "access",
    "language": "languages",
    "format": "file_formats",
}


def ask(text: str = "", index: Index = INDEX, **options: Any) -> Results:
    kinds = {name: options.pop(name) for name in ("sort", "limit") if name in options}
    kinds |= {"language": options.pop("shown_in", "en")}
    return search_index(index, text, Filters(**options), **{"limit": None} | kinds)


def ids(found: Results) -> list[str]:
    return [hit.id for hit in found.hits]


def values(record: Record, facet: str) -> set[str]:
    held = getattr(record, FIELDS[facet])
    return {held} if isinstance(held, str) else set(held)


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


# The questions


def test_questions_are_asked_in_both_languages() -> None:
    asked = [each["ask"] for each in QUESTIONS]
    assert len(asked) == len(set(asked)) >= 100
    assert sum(map(is_chinese, asked)) >= 40
    assert sum(not is_chinese(each) for each in asked) >= 60


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each["ask"])
def test_a_question_has_its_answer(question: dict[str, Any]) -> None:
    assert question.keys() & {"first", "among", "never"}
    found = ask(question["ask"])
    order = ids(found)
    assert set(question.get("first", ())) <= set(order[: question.get("within", 0)])
    assert set(question.get("among", ())) <= set(order)
    assert not set(question.get("never", ())) & set(order)
    for facet, value in question.get("understood", {}).items():
        assert str(value) in found.understood[facet]
    if "suggests" in question:
        assert question["suggests"] in found.suggestions.values()


def test_every_record_is_found_first_by_its_id_and_name() -> None:
    for record in RECORDS:
        for text in (record.id, record.name):
            same = {each.id for each in RECORDS if text in (each.id, each.name, *each.aliases)}
            assert ask(text, limit=1).hits[0].id in same, text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("brain tumour", "Brain Tumors"),
        ("haemorrhage", "hemorrhages"),
        ("mitotic", "mitosis"),
        ("ischaemia", "ischemic"),
        ("chest x-ray", "chest xray"),
        ("BraTS 21", "brats2021"),
        ("乳腺 超声", "乳腺超声"),
        ("\uff23\uff34", "ct"),
    ],
)
def test_spellings_of_the_same_find_the_same(one: str, other: str) -> None:
    assert ids(ask(one)) == ids(ask(other)) != []


def test_all_conditions_of_a_text_are_met_where_that_can_be() -> None:
    found = ask("lung nodule ct segmentation")
    assert found.hits
    for hit in found.hits:
        assert "lung-nodule" in hit.conditions
        assert "ct" in hit.modalities
        assert "segmentation" in hit.tasks
    assert not found.unmet


def test_where_no_record_meets_all_the_nearest_come_and_that_is_said() -> None:
    found = ask("knee covid ct")
    assert all("covid-19" in hit.conditions and "ct" in hit.modalities for hit in found.hits)
    assert found.unmet == {"anatomy": ("knee",)}
    assert "No dataset meets all of this; these come nearest." in found.remarks
    assert "None of them meets: Anatomy: Knee" in found.remarks


def test_what_is_not_medical_comes_after_what_is() -> None:
    found = ask("classification of images")
    domains = {each.id: each.domain for each in RECORDS}
    assert {"medical", "general", "synthetic"} == {domains[each] for each in ids(found)}
    assert {domains[each] for each in ids(found)[:100]} == {"medical"}


# Filters

CT_OR_MRI = vocabulary.with_narrower("modalities", "ct") | vocabulary.with_narrower(
    "modalities", "mri"
)
CHINESE = vocabulary.with_narrower("languages", "zh")
X_RAY = vocabulary.with_narrower("modalities", "x-ray")
EACH_FILTER: list[tuple[dict[str, Any], Callable[[Record], object]]] = [
    ({"group": "retina"}, lambda r: r.group == "retina"),
    ({"domain": "synthetic"}, lambda r: r.domain == "synthetic"),
    ({"dimension": "3D"}, lambda r: "3D" in r.dimensions),
    ({"task": "detection"}, lambda r: "detection" in r.tasks),
    ({"task": "检测"}, lambda r: "detection" in r.tasks),
    ({"modality": ["ct", "MRI"]}, lambda r: CT_OR_MRI & set(r.modalities)),
    (
        {"modality": "X-ray", "access": "open"},
        lambda r: r.access == "open" and X_RAY & set(r.modalities),
    ),
    ({"condition": "glaucoma"}, lambda r: "glaucoma" in r.conditions),
    ({"access": "open"}, lambda r: r.access == "open"),
    ({"language": "zh"}, lambda r: CHINESE & set(r.languages)),
    ({"format": "nii.gz"}, lambda r: "nii.gz" in r.file_formats),
    ({"format": "DICOM"}, lambda r: "dcm" in r.file_formats),
    ({"format": ".PNG"}, lambda r: "png" in r.file_formats),
    ({"platform": "zenodo"}, lambda r: "zenodo" in (r.platform, *r.download_platforms)),
    ({"licence": "cc by 4.0"}, lambda r: r.licence and r.licence.id == "CC-BY-4.0"),
    ({"licence_allows": "commercial"}, lambda r: allows(r, "commercial")),
    (
        {"licence_allows": ["redistribution", "derivatives"]},
        lambda r: allows(r, "redistribution") and allows(r, "derivatives"),
    ),
    ({"has": ["splits", "patient-key"]}, lambda r: r.splits and r.patient_key),
    ({"has": "bibtex"}, lambda r: r.bibtex),
    ({"has": "lineage"}, lambda r: r.lineage),
    ({"has": "class-counts"}, lambda r: any(s.cases is not None for s in r.label_stats)),
    ({"min_samples": 1000}, lambda r: r.n_samples is not None and r.n_samples >= 1000),
    ({"max_samples": 1000}, lambda r: r.n_samples is not None and r.n_samples <= 1000),
    ({"min_samples": 888, "max_samples": 888}, lambda r: r.n_samples == 888),
    ({"min_samples": -5}, lambda r: r.n_samples is not None),
    ({"min_samples": 10**30}, lambda _: False),
    ({"max_samples": 10**30}, lambda r: r.n_samples is not None),
    ({"since": 2020}, lambda r: (r.year or 0) >= 2020),
    ({"until": 2012}, lambda r: r.year is not None and r.year <= 2012),
    ({"since": 2016, "until": 2016}, lambda r: r.year == 2016),
    ({"readable": True}, lambda r: r.reader),
    ({"readable": False}, lambda r: not r.reader),
]


def allows(record: Record, use: str) -> bool:
    licence = licence_of(record)
    return licence is not None and licence.allows(use) is True


@pytest.mark.parametrize(
    ("options", "meets"), EACH_FILTER, ids=[str(each)[:40] for each, _ in EACH_FILTER]
)
def test_a_filter_keeps_exactly_the_records_that_meet_it(
    options: dict[str, Any], meets: Callable[[Record], object]
) -> None:
    expected = {record.id for record in RECORDS if meets(record)}
    assert set(ids(ask(**options))) == expected
    assert expected or options == {"min_samples": 10**30}


def test_the_text_is_searched_within_the_filters() -> None:
    wide = ask("chest x-ray")
    narrow = ask("chest x-ray", task="detection", min_samples=1000, sort="samples")
    assert set(ids(narrow)) < set(ids(wide))
    assert all("detection" in hit.tasks and hit.n_samples >= 1000 for hit in narrow.hits)


def test_a_wider_term_stands_for_its_narrower_terms() -> None:
    below = vocabulary.with_narrower("anatomy", "abdomen")
    assert "liver" in below
    assert {each.id for each in RECORDS if below & set(each.anatomy)} <= set(
        ids(ask(anatomy="abdomen"))
    )


@pytest.mark.parametrize("facet", ["task", "modality", "licence", "format", "licence_allows"])
def test_a_name_that_no_facet_has_is_an_error_with_near_names(facet: str) -> None:
    near = {"task": "segmentashun", "modality": "ctt", "licence": "CC-BY-4.1"}.get(facet, "nii.g")
    with pytest.raises(UnknownNameError, match=near):
        ask(**{facet: near})


def test_an_unknown_order_or_language_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="size"):
        ask("ct", sort="size")
    with pytest.raises(UnknownNameError, match="fr"):
        ask("ct", shown_in="fr")


# Facets and orders


def count(records: Iterable[Record], facet: str) -> Counter[str]:
    """Count values one record after another, a record under each of its wider terms as well."""
    counts: Counter[str] = Counter()
    section = SECTIONS.get(facet)
    below = (
        {term: vocabulary.with_narrower(section, term) for term in vocabulary.terms(section)}
        if section
        else {}
    )
    for record in records:
        held = values(record, facet)
        if facet == "anatomy" and len(record.anatomy) >= 5:
            held.add("multi-organ")
        counts.update(held | {term for term in below if below[term] & held})
    return counts


@pytest.mark.parametrize("facet", sorted(FIELDS))
@pytest.mark.parametrize("text", ["", "肺 CT"])
def test_facets_are_counted_over_all_hits(facet: str, text: str) -> None:
    found = ask(text)
    hits = set(ids(found))
    expected = count((each for each in RECORDS if each.id in hits), facet)
    assert {each.value: each.count for each in found.facets[facet]} == expected
    assert ask(text, limit=3).facets == found.facets


def test_facets_without_terms_are_counted() -> None:
    found = ask()
    assert set(found.facets) == set(FACETS)
    years = Counter(str(each.year) for each in RECORDS if each.year)
    assert {each.value: each.count for each in found.facets["year"]} == years
    assert [each.value for each in found.facets["year"]] == sorted(years, reverse=True)
    licences = Counter(each.licence.id for each in RECORDS if each.licence)
    assert {each.value: each.count for each in found.facets["licence"]} == licences
    readable = Counter("yes" if each.reader else "no" for each in RECORDS)
    assert {each.value: each.count for each in found.facets["readable"]} == readable


def test_a_facet_value_as_a_filter_gives_as_many_hits_as_were_counted() -> None:
    for facet in sorted(set(FACETS) - {"year", "readable"}):
        for each in ask("ct").facets[facet]:
            assert ask("ct", **{facet: each.value}).total == each.count, (facet, each)


def test_labels_are_those_of_the_vocabulary() -> None:
    terms = vocabulary.terms("modalities")
    for language in ("en", "zh"):
        found = ask("ct", shown_in=language)
        for each in found.facets["modality"]:
            assert each.label == terms[each.value].label(language)
        assert found.labels["field"]["tasks"] == vocabulary.label("fields", "tasks", language)
    assert ask("肺结节", shown_in="zh").remarks[0] == "理解为：疾病与所见：肺结节"  # noqa: RUF001


def test_orders() -> None:
    samples = [hit.n_samples for hit in ask("ct", sort="samples").hits]
    known = [each for each in samples if each is not None]
    assert known == sorted(known, reverse=True)
    assert samples[: len(known)] == known
    years = [hit.year or 0 for hit in ask("ct", sort="year").hits]
    assert years == sorted(years, reverse=True)
    names = [hit.name.casefold() for hit in ask("ct", sort="name").hits]
    assert names == sorted(names)
    assert ids(ask()) == ids(ask(sort="name"))
    scores = [hit.score for hit in ask("lung ct").hits]
    assert scores == sorted(scores, reverse=True)
    assert set(ids(ask("ct", sort="samples"))) == set(ids(ask("ct")))


@pytest.mark.parametrize(("limit", "shown"), [(3, 3), (0, 0), (-2, 0), (None, len(RECORDS))])
def test_a_limit_changes_what_is_shown_not_the_total(limit: int | None, shown: int) -> None:
    found = ask(limit=limit)
    assert len(found.hits) == shown
    assert found.total == len(RECORDS)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30), st.data())
def test_many_rows_are_ranked_as_few(points: list[float], data: st.DataObject) -> None:
    """Above some size NumPy ranks; both ways keep the order of equals."""
    many = points * (5000 // len(points) + 1)
    rows = data.draw(st.integers(0, (1 << len(many)) - 1))
    chosen = [row for row in range(len(many)) if rows >> row & 1]
    expected = sorted(chosen, key=lambda row: -many[row])
    limit = data.draw(st.none() | st.integers(0, 30))
    assert best(many, rows, limit) == expected[:limit]


def test_a_large_catalog_is_searched_as_a_small_one() -> None:
    """Beyond 4,096 records scores are added by NumPy: ten copies of the catalog rank as one."""
    copies = [
        each.model_copy(update={"id": f"{each.id}-copy{number}"})
        for number in range(10)
        for each in RECORDS
    ]
    many = make_index(sorted(copies, key=lambda each: each.id))
    for text in ("pulmonary nodule CT detection", "糖尿病视网膜病变分级", "MedMNIST"):
        found, one = ask(text, many), ask(text)
        assert found.total == 10 * one.total
        assert Counter(each.rpartition("-copy")[0] for each in ids(found)) == Counter(
            dict.fromkeys(ids(one), 10)
        )


# Misspellings, unknown words, nothing found


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("retinopaty", "retinopathy"),
        ("brian mri", "brain"),
        ("lver", "liver"),
        ("mammogrpahy", "mammography"),
        ("classifcation of pnemonia", "pneumonia"),
        ("thyriod 超声", "thyroid"),
        ("totalsegmentor", "totalsegmentator"),
    ],
)
def test_a_misspelt_word_is_searched_as_the_near_one(text: str, near: str) -> None:
    found = ask(text)
    assert near in found.suggestions.values()
    right = text
    for wrong, corrected in found.suggestions.items():
        right = right.replace(wrong, corrected)
        assert f"“{wrong}” is not known; searched for “{corrected}”." in found.remarks
    assert ids(found) == ids(ask(right)) != []


@pytest.mark.parametrize("text", ["dose", "parkinson", "autism", "depression", "癫痫"])
def test_a_word_that_nothing_has_is_named_and_not_replaced(text: str) -> None:
    found = ask(text)
    assert (found.total, found.unknown, found.suggestions) == (0, (text,), {})
    assert f"No dataset mentions: {text}" in found.remarks
    among_others = ask(f"{text} MRI")
    assert among_others.unknown == (text,)
    assert among_others.total == ask("MRI").total


def test_nothing_found_tells_what_to_loosen() -> None:
    found = ask("pulmonary nodule CT", task="detection", format="bmp", since=2010)
    assert found.total == 0
    assert found.blocking == ("format",)
    by_hand = ask("pulmonary nodule CT", task="detection", since=2010).total
    without_text = ask(task="detection", format="bmp", since=2010).total
    assert found.without == {"format": by_hand} | ({"text": without_text} if without_text else {})
    assert "“File formats: bmp” alone leaves nothing." in found.remarks
    assert f"Without “File formats: bmp”: {by_hand}" in found.remarks


def test_nothing_found_without_any_one_filter_tells_of_all() -> None:
    found = ask("luna16", task="captioning", modality="eeg", min_samples=10**9)
    assert found.without == {"filters": 1}
    assert set(found.blocking) == {"task", "modality", "min_samples"}
    unread = ask("lone", make_index([make_record("lone")]), readable=True)
    assert "“medshelf can open it: yes” alone leaves nothing." in unread.remarks
    chinese = ask("luna16", task="captioning", min_samples=10**9, shown_in="zh")
    assert "没有找到数据集。" in chinese.remarks
    assert "仅“任务：图像描述”一项就没有结果。" in chinese.remarks  # noqa: RUF001


def test_a_filter_may_be_given_as_an_iterator() -> None:
    assert ask(task=iter(["detection"]), modality=iter(["eeg"])).blocking == ()
    assert ids(ask(task=iter(["detection"]))) == ids(ask(task="detection"))


# Every text can be asked

ODD = [
    "",
    " ",
    '"',
    "'",
    "\\",
    "a OR (b",
    "NOT",
    'title:"chest" AND -ct* ~2',
    "'; DROP TABLE records; --",
    "{0} {name} %s",
    "[bold]x[/]",
    "🫁 🧠",
    "👨‍👩‍👧‍👦",
    "\x00\x01\x7f",
    "\u202e\u200b\ufeff",
    "\ud800",
    "\ufdfa" * 1000,
    "乳",
    "的的的的",
    "ＣＴ　肺",  # noqa: RUF001 - full width
    "2020" * 100,
    "-1 0 ∞ ½ ①",
    "x" * 10_000,
    "chest ct " * 2000,
    "肺结节" * 4000,
    "a " * 5000,
    " ".join(f"qz{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}word" for i in range(1000)),
]


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:20]))
def test_no_text_is_too_odd(text: str) -> None:
    found = ask(text)
    assert found.total == len(found.hits)
    assert found.remarks


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=200)
    | st.text("chestr -x'\"0129年肺结节的CT,()*&|:后前以", max_size=80)
    | st.lists(st.sampled_from([each["ask"] for each in QUESTIONS]), max_size=4).map(" ".join)
)
def test_no_text_raises(text: str) -> None:
    found = ask(text, limit=5)
    assert len(found.hits) <= 5
    assert found.total <= len(RECORDS)
    ranks = [hit.score for hit in found.hits]
    assert ranks == sorted(ranks, reverse=True)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20))
def test_the_common_form_of_a_word_is_a_word(word: str) -> None:
    assert stem(word)
    assert stem(word).isascii()


@pytest.mark.parametrize(
    ("text", "since", "until", "rest"),
    [
        ("mri after 2020", 2021, None, "mri"),
        ("since 2019 ct", 2019, None, "ct"),
        ("before 2015", None, 2014, ""),
        ("up to 2015", None, 2015, ""),
        ("in 2018", 2018, 2018, ""),
        ("2016-2019 ct", 2016, 2019, "ct"),
        ("from 2019 to 2016", 2016, 2019, "from"),
        ("2020年以后的ct", 2021, None, "的ct"),
        ("2020年至今", 2020, None, ""),
        ("2020年之前", None, 2019, ""),
        ("2021年 ct", 2021, 2021, "ct"),
        ("isic 2018", None, None, "isic 2018"),
        ("after 2000 images", None, None, "after 2000 images"),
        ("12020年", None, None, "12020年"),
    ],
)
def test_years(text: str, since: int | None, until: int | None, rest: str) -> None:
    years = read_years(text)
    assert (years.since, years.until) == (since, until)
    assert years.rest.strip() == rest


# Records and vocabulary as they are


def test_an_empty_catalog_and_one_record() -> None:
    for text in ("", "ct", "肺", "癫痫"):
        assert ask(text, make_index([])).hits == ()
    alone = make_index([make_record("lone-set")])
    assert ids(ask("lone set", alone)) == ids(ask("", alone)) == ["lone-set"]


def test_classes_aliases_institutions_and_titles_are_searched() -> None:
    record = make_record(
        "deep-one",
        aliases=["Cthulhu Scans"],
        institutions=["Miskatonic University"],
        label_stats=[{"name": "Tentacle", "name_zh": "触须"}],
        bibtex="@article{x,\n title = {A shoggoth atlas},\n year = {2020}\n}",
    )
    index = make_index([record, make_record("other")])
    for text in ("cthulhu", "MISKATONIC", "tentacles", "触须", "shoggoth", "deep one"):
        assert ids(ask(text, index)) == ["deep-one"], text


def test_a_record_of_the_users_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    path = folder / "my-own.yaml"
    text = "id: my-own\nname: Zyxomma Atlas\ngroup: chest\ndimensions: [3D]\nmodalities: [ct]\n"
    path.write_text(text + "tasks: [segmentation]\naccess: open\n")
    assert ids(search("Zyxomma")) == []
    monkeypatch.setenv("MEDSHELF_RECORDS", str(folder))
    assert ids(medshelf.search("Zyxomma")) == ["my-own"]
    path.write_text(text + "tasks: [detection]\naccess: open\n")
    assert medshelf.search("Zyxomma").hits[0].tasks == ("detection",)
    path.write_text(text + "tasks: []\naccess: open\n")
    with pytest.raises(FormatError, match="tasks"):
        search("Zyxomma")
    monkeypatch.setenv("MEDSHELF_RECORDS", str(tmp_path / "nowhere"))
    with pytest.raises(LayoutError, match="nowhere"):
        search("ct")


@pytest.mark.parametrize("facet", ["modality", "task", "anatomy", "condition", "group"])
def test_every_name_of_the_vocabulary_finds_what_its_term_has(facet: str) -> None:
    """Of the names that mean this one term alone; sets that are called so are hits as well."""
    compared = 0
    for term in vocabulary.terms(SECTIONS[facet]).values():
        held = set(ids(ask(**{facet: term.id}))) if term.id in INDEX.tables.facets[facet] else set()
        for name in (term.en, term.zh, *term.synonyms_en, *term.synonyms_zh):
            found = ask(name)
            if held and found.understood == {facet: (term.id,)}:
                called = {RECORDS[row].id for row in INDEX.tables.exact.get(compact(name), ())}
                assert set(ids(found)) == held | called, name
                compared += 1
    assert compared > 10
