"""What validation says of bad records and vocabularies, and that it leaves good ones alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.catalog import marked_yaml, shelf
from medshelf.catalog.authoring.validation import MOST, Problem, validate
from medshelf.catalog.authoring.vocabulary_rules import vocabulary_findings
from medshelf.catalog.marked_yaml import MAX_BYTES, Document, parse_marked, read_marked
from medshelf.core.errors import LayoutError

BASE = """\
id: {id}
name: A set
group: chest
dimensions: [2D]
modalities: [x-ray]
tasks: [classification]
n_samples: 10
homepage: https://example.org/set
access: registration
"""
HASH = "md5:" + "0" * 32


def _more(text: str) -> Callable[[str], str]:
    return lambda base: base + text


def _instead(old: str, new: str) -> Callable[[str], str]:
    return lambda base: base.replace(old, new)


def _file(fields: str) -> Callable[[str], str]:
    return _more(f"files:\n  - {{name: a.zip, url: 'https://example.org/a.zip', {fields}}}\n")


def _stats(fields: str, doubt: str = "") -> Callable[[str], str]:
    doubts = f"doubts: [{doubt}]\n" if doubt else ""
    return _more(f"label_stats:\n  - {{name: a, {fields}}}\n{doubts}")


def _bibtex(key: str, title: str) -> Callable[[str], str]:
    return _more(f"bibtex: |\n  @misc{{{key},\n    title = {{{title}}}\n  }}\n")


def _parent(other: str) -> Callable[[str], str]:
    return _more(f"lineage:\n  - {{relation: derived_from, id: {other}, evidence: paper}}\n")


CASES: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "good": (lambda base: base, []),
    "not-yaml": (
        _instead("dimensions: [2D]", "dimensions: [2D"),
        [":5: not YAML: did not find expected ',' or ']' (correct the YAML)"],
    ),
    "control": (
        _instead("A set", "A \x07 set"),
        [":2: not YAML: control characters are not allowed (correct the YAML)"],
    ),
    "empty": (lambda _: "", [":1: the file is empty (write a record)"]),
    "two-documents": (
        _more("---\nid: b\n"),
        [":10: a second YAML document (write one per file)"],
    ),
    "a-list": (lambda _: "- a\n- b\n", [":1: should be a mapping of keys to values"]),
    "twice": (
        _more("name: Another\n"),
        [":10 name: written twice, first in line 2 (keep one)"],
    ),
    "unknown-key": (
        _more("modality: [ct]\n"),
        [":10 modality: unknown key (nearest: modalities)"],
    ),
    "unknown-inner-key": (
        _file("sise_bytes: 1"),
        [":11 files.0.sise_bytes: unknown key (nearest: size_bytes)"],
    ),
    "wrong-type": (
        _instead("n_samples: 10", "n_samples: many"),
        [":7 n_samples: 'many': should be a valid integer, unable to parse string as an integer"],
    ),
    "negative": (
        _instead("n_samples: 10", "n_samples: -1"),
        [":7 n_samples: '-1': should be greater than or equal to 0"],
    ),
    "empty-list": (_instead("[2D]", "[]"), [":4 dimensions: has too few items"]),
    "no-list": (
        _instead("[2D]", "2D"),
        [":4 dimensions: should be a list"],
    ),
    "missing": (
        _instead("access: registration\n", ""),
        [":1 access: missing (one of: open, registration, credentialed, application, unknown)"],
    ),
    "one-language": (
        _more("access_steps: {en: Ask.}\n"),
        [":10 access_steps.zh: missing (text)"],
    ),
    "bad-id": (
        _instead("id: bad-id", "id: Bad_Id"),
        [
            ":1 id: 'Bad_Id' is not as it must be "
            "(lower-case letters and digits, words joined by hyphens)",
            ":1 id: 'Bad_Id' is not the name of the file "
            "(write bad-id, or name the file Bad_Id.yaml)",
        ],
    ),
    "no-such-day": (
        _more("released: 2023-02-29\n"),
        [":10 released: '2023-02-29': day is out of range for month"],
    ),
    "no-such-month": (
        _more("added: 2023-13\n"),
        [":10 added: '2023-13' is not as it must be (a date: YYYY, YYYY-MM or YYYY-MM-DD)"],
    ),
    "from-the-future": (
        _more("released: 2024-06\nadded: 2024-05-01\n"),
        [":10 released: '2024-06' is after the record was added, 2024-05-01"],
    ),
    "same-year": (_more("released: 2024\nadded: 2024-05-01\n"), []),
    "too-old": (
        _more("released: 1826\n"),
        [":10 released: '1826' is before the first X-ray image"],
    ),
    "no-host": (_more("papers: ['https://']\n"), [":10 papers.0: 'https://': empty host"]),
    "odd-scheme": (
        _instead("https://example.org/set", "ftp://example.org"),
        [":8 homepage: 'ftp://example.org': URL scheme should be 'http' or 'https'"],
    ),
    "space-in-url": (
        _more("download_urls: ['https://example.org/a b']\n"),
        [":10 download_urls.0: 'https://example.org/a b' holds a space (write %20)"],
    ),
    "bare-doi": (
        _more("doi: https://doi.org/10.1234/a\n"),
        [
            ":10 doi: 'https://doi.org/10.1234/a' is not as it must be (a bare DOI, 10.1234/abc)",
        ],
    ),
    "hash-alone": (
        _file(f"hash: '{'0' * 32}'"),
        [
            f":11 files.0.hash: '{'0' * 32}' is not as it must be "
            "(md5: or sha256: and the hash in lower-case hex digits)"
        ],
    ),
    "good-file": (_file(f"hash: '{HASH}', size_bytes: 1"), []),
    "path-as-name": (
        _more("files:\n  - {name: ../a.zip, url: 'phantom:a'}\n"),
        [
            ":11 files.0.name: '../a.zip' is not as it must be "
            "(a file name without folders or spaces)"
        ],
    ),
    "no-scheme": (
        _more("files:\n  - {name: a.zip, url: example.org}\n"),
        [":11 files.0.url: 'example.org' is no URL (begin it with https:)"],
    ),
    "files-twice": (
        _more("files:\n" + "  - {name: a.zip, url: 'phantom:a'}\n" * 2),
        [":12 files.1.name: 'a.zip' stands here twice (keep one)"],
    ),
    "term-twice": (
        _instead("[2D]", "[2D, 2D]"),
        [":4 dimensions.1: '2D' stands here twice (keep one)"],
    ),
    "misspelt-term": (
        _instead("[x-ray]", "[ct, x-rays]"),
        [":5 modalities.1: unknown term 'x-rays' (nearest: x-ray)"],
    ),
    "term-by-name": (
        _instead("[x-ray]", "[X光]"),
        [":5 modalities.0: unknown term 'X光' (nearest: x-ray)"],
    ),
    "far-term": (
        _instead("access: registration", "access: 17"),
        [
            ":9 access: unknown term '17' "
            "(one of: open, registration, credentialed, application, unknown)"
        ],
    ),
    "all-sections": (
        lambda base: (
            base.replace("group: chest", "group: chests").replace("[2D]", "[2d]")
            + "domain: medicine\nanatomy: [lungs]\nconditions: [pneumonias]\nsample_unit: images\n"
            "languages: [xx]\nplatform: zenod\ndownload_platforms: [kagle]\n"
            "licence: {id: CC-BY-4}\nlabel_origin: [{by: pathologist}]\n"
        ),
        [
            ":3 group: unknown term 'chests' (nearest: chest)",
            ":4 dimensions.0: unknown term '2d' (nearest: 2D)",
            ":10 domain: unknown term 'medicine' (nearest: medical)",
            ":11 anatomy.0: unknown term 'lungs' (nearest: lung)",
            ":12 conditions.0: unknown term 'pneumonias' (nearest: pneumonia)",
            ":13 sample_unit: unknown term 'images' (nearest: image)",
            ":14 languages.0: unknown term 'xx' (one of: en, zh, zh-Hans, zh-Hant, ja, fr, ru, es)",
            ":15 platform: unknown term 'zenod' (nearest: zenodo)",
            ":16 download_platforms.0: unknown term 'kagle' (nearest: kaggle)",
            ":17 licence.id: unknown term 'CC-BY-4' (nearest: CC-BY-4.0)",
            ":18 label_origin.0.by: unknown term 'pathologist' (nearest: pathology)",
        ],
    ),
    "dangling": (
        _more("related: [goodd]\n"),
        [":10 related.0: no record 'goodd' (nearest: good)"],
    ),
    "dangling-parent": (_parent("godo"), [":11 lineage.0.id: no record 'godo' (nearest: good)"]),
    "own-parent": (
        _parent("own-parent"),
        [":11 lineage.0.id: names the record itself (name another one)"],
    ),
    "cycle-a": (
        _parent("cycle-b"),
        [
            ":11 lineage.0.id: made from itself: cycle-a -> cycle-b -> cycle-c -> cycle-a "
            "(remove one of these relations)"
        ],
    ),
    "cycle-b": (
        _parent("cycle-c"),
        [
            ":11 lineage.0.id: made from itself: cycle-b -> cycle-c -> cycle-a -> cycle-b "
            "(remove one of these relations)"
        ],
    ),
    "cycle-c": (
        _parent("cycle-a"),
        [
            ":11 lineage.0.id: made from itself: cycle-c -> cycle-a -> cycle-b -> cycle-c "
            "(remove one of these relations)"
        ],
    ),
    "pair-a": (
        _parent("pair-b"),
        [
            ":11 lineage.0.id: made from itself: pair-a -> pair-b -> pair-a "
            "(remove one of these relations)"
        ],
    ),
    "pair-b": (
        _parent("pair-a"),
        [
            ":11 lineage.0.id: made from itself: pair-b -> pair-a -> pair-b "
            "(remove one of these relations)"
        ],
    ),
    "below-the-cycle": (_parent("cycle-a"), []),
    "side-a": (
        _more("lineage: [{relation: shares_images_with, id: side-b, evidence: paper}]\n"),
        [],
    ),
    "side-b": (
        _more("lineage: [{relation: shares_images_with, id: side-a, evidence: paper}]\n"),
        [],
    ),
    "no-field": (
        _more(
            "conflicts: [{field: split, other: '1', source: paper}]\n"
            "sources: [{name: paper, fields: [splits.test, resolution.size, n_sampels]}]\n"
        ),
        [
            ":10 conflicts.0.field: no field 'split' (nearest: splits)",
            ":11 sources.0.fields.1: no field 'resolution.size' (nearest: resolution)",
            ":11 sources.0.fields.2: no field 'n_sampels' (nearest: n_samples)",
        ],
    ),
    "prose-as-bibtex": (
        _more("bibtex: Somebody et al., 2020\n"),
        [":10 bibtex: BibTeX: text that is no BibTeX entry (correct the entry)"],
    ),
    "same-entry": (_bibtex("one2020", "A   title"), []),
    "same-entry-too": (_bibtex("one2020", "A title"), []),
    "key-a": (
        _bibtex("two2020", "A title"),
        [
            ":10 bibtex: the key 'two2020' has another BibTeX entry in key-b "
            "(rename one, or make both the same)"
        ],
    ),
    "key-b": (
        _bibtex("Two2020", "Another title"),
        [
            ":10 bibtex: the key 'two2020' has another BibTeX entry in key-a "
            "(rename one, or make both the same)"
        ],
    ),
    "no-reader": (
        _more("reader: {name: medmnist-npzz}\n"),
        [":10 reader.name: no reader 'medmnist-npzz' (nearest: medmnist-npz)"],
    ),
    "good-reader": (_more("reader: {name: medmnist-npz}\n"), []),
    "volume": (
        _stats("volume: {min: 2, median: 1, max: 3}"),
        [
            ":11 label_stats.0.volume: warning: not in ascending order: "
            "min 2, median 1, max 3 (correct it, or list a doubt that names the volume)"
        ],
    ),
    "doubted-volume": (
        _stats("volume: {min: 2, median: 1}", "Volumes are as printed"),
        [],
    ),
    "doubt-of-another": (
        _stats("volume: {min: 2, max: 1}", "The licence is unverified"),
        [
            ":11 label_stats.0.volume: warning: not in ascending order: min 2, max 1 "
            "(correct it, or list a doubt that names the volume)"
        ],
    ),
    "mean": (
        _stats("volume: {min: 1, max: 3, mean: 4}"),
        [
            ":11 label_stats.0.volume: warning: mean outside of the range: "
            "min 1, max 3, mean 4 (correct it, or list a doubt that names the volume)"
        ],
    ),
    "sizes": (
        _more(
            "resolution:\n"
            "  - {size_px: {min: [9, 9], median: [8, 8], max: [9, 9]}}\n"
            "  - {size_px: {min: [9, 1], median: [8, 8]}}\n"
            "  - {size_px: {min: [9, 1], max: [9, 9, 9]}}\n"
            "  - {spacing: {min: [1, 1], max: [0.5, 5]}, spacing_unit: mm}\n"
        ),
        [
            ":11 resolution.0.size_px: warning: not in ascending order: min 9 x 9, "
            "median 8 x 8, max 9 x 9 (correct it, or list a doubt that names the size)",
            ":13 resolution.2.size_px: warning: differing numbers of axes: min 9 x 1, "
            "max 9 x 9 x 9 (correct it, or list a doubt that names the size)",
            ":14 resolution.3.spacing: warning: not in ascending order: min 1 x 1, "
            "max 0.5 x 5 (correct it, or list a doubt that names the spacing)",
        ],
    ),
    "cases": (
        _stats("cases: 11}\n  - {name: b, cases: 12}\n  - {name: c, cases: 10"),
        [
            ":12 label_stats.1.cases: warning: 12, and the record counts at most 10 "
            "(so too in 1 further classes) (correct it, or list a doubt that names the cases)"
        ],
    ),
    "cases-of-slices": (
        lambda base: _stats("cases: 11")(base) + "n_slices: 12\n",
        [],
    ),
    "doubted-cases": (_stats("cases: 11", "class counts are of objects"), []),
    "too-many-percent": (
        _stats("cases: 1, percent: 101"),
        [":11 label_stats.0.percent: '101': should be less than or equal to 100"],
    ),
    "percent": (
        _stats(
            "cases: 5, percent: 50}\n  - {name: b, cases: 4, percent: 80}\n"
            "  - {name: c, cases: 9, percent: 90}\n  - {name: d, cases: 3, percent: 100, table: 2"
        ),
        [
            ":12 label_stats.1.cases: warning: 4 is not 80 % of 10, the total of its table "
            "(correct it, or list a doubt that names the cases)"
        ],
    ),
    "rounded-percent": (
        _stats(
            "cases: 3, percent: 33}\n  - {name: b, cases: 6, percent: 67}\n"
            "  - {name: c, cases: 0, percent: 0"
        ),
        [],
    ),
    "slightly-off-percent": (
        lambda base: _stats(
            "cases: 870, percent: 72.32}\n  - {name: b, cases: 767, percent: 63.76}\n"
            "  - {name: c, cases: 759, percent: 60.43"
        )(base.replace("n_samples: 10", "n_samples: 1203")),
        [
            ":13 label_stats.2.cases: warning: 759 is not 60.43 % of 1203, the total of its table "
            "(correct it, or list a doubt that names the cases)"
        ],
    ),
    "percent-of-the-few": (
        lambda base: _stats("cases: 32542, percent: 98.2}\n  - {name: b, cases: 584, percent: 1.8")(
            base.replace("n_samples: 10", "n_samples: 33126")
        ),
        [],
    ),
    "class-splits": (
        _stats("cases: 5, splits: {train: 3, test: 1}"),
        [
            ":11 label_stats.0.splits: warning: sum to 4, and cases is 5 "
            "(correct it, or list a doubt that names the cases)"
        ],
    ),
    "splits": (
        _more("splits: {train: 5, test: 4}\n"),
        [
            ":10 splits: warning: sum to 9, and n_samples is 10 "
            "(correct it, or list a doubt that names the splits)"
        ],
    ),
    "doubted-splits": (_more("splits: {a: 1}\ndoubts: [One split is not published.]\n"), []),
    "good-splits": (_more("splits: {train: 5, test: 5}\n"), []),
    "gaps": (
        lambda base: base.replace("homepage: https://example.org/set\n", "").replace(
            "access: registration", "access: open"
        ),
        [
            ":1 homepage: warning: missing (say where the set lives)",
            ":1 licence: warning: missing, though anyone can download the set "
            "(look it up where the set lives)",
        ],
    ),
    "unverified": (
        _more("licence: {id: MIT, source: unverified}\n"),
        [
            ":10 licence.source: warning: unverified "
            "(read it where the set lives, and name that as its source)"
        ],
    ),
    "blank": (
        lambda base: base.replace("[classification]", "[___]").replace("A set", "___"),
        [
            ":2 name: not filled in yet (text)",
            ":6 tasks.0: not filled in yet (list, each one of: segmentation, classification, "
            "detection, registration, vqa, captioning, report-generation, question-answering, "
            "dialogue, reconstruction, depth-estimation, regression, ... (27 terms))",
        ],
    ),
    "many-faults": (
        _more("aliases: [1, 1]\nmodality: [ct]\nrelated: [goodd]\n"),
        [
            ":10 aliases.1: '1' stands here twice (keep one)",
            ":11 modality: unknown key (nearest: modalities)",
            ":12 related.0: no record 'goodd' (nearest: good)",
        ],
    ),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return what validation says of every case, all of them checked at once."""
    folder = tmp_path_factory.mktemp("records")
    for name, (change, _) in CASES.items():
        (folder / f"{name}.yaml").write_text(change(BASE.format(id=name)), "utf-8")
    said: dict[str, list[str]] = {name: [] for name in CASES}
    for problem in validate(folder):
        said[problem.path.stem].append(str(problem).removeprefix(str(problem.path)))
    return said


@pytest.mark.parametrize("case", CASES)
def test_says_all_that_is_wrong_with_a_record_and_nothing_else(
    case: str, said: dict[str, list[str]]
) -> None:
    assert said[case] == CASES[case][1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    return folder


def _said(path: Path) -> list[str]:
    return [str(each).removeprefix(str(each.path)) for each in validate(path)]


def test_checks_one_file_and_knows_the_records_of_the_shelf(folder: Path) -> None:
    (folder / "bad.yaml").write_text("", "utf-8")
    path = folder / "mine.yaml"
    path.write_text(BASE.format(id="mine") + "related: [acdc, bad]\n", "utf-8")
    (said,) = _said(path)
    assert said.startswith(":10 related.1: no record 'bad'")


def test_an_id_that_the_shelf_has_is_taken(folder: Path) -> None:
    path = folder / "acdc.yaml"
    path.write_text(BASE.format(id="acdc"), "utf-8")
    (said,) = _said(path)
    assert said.startswith(":1 id: ")
    assert said.endswith("records/acdc.yaml has the same id (choose another)")


def test_records_of_a_further_folder_are_checked_with_the_shelf(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelved, further = folder / "shelved", folder / "further"
    for each in (shelved, further):
        each.mkdir()
        (each / "same.yaml").write_text(BASE.format(id="same"), "utf-8")
    monkeypatch.setattr(shelf, "RECORDS", shelved)
    monkeypatch.setenv("MEDSHELF_RECORDS", str(further))
    problems = [each for each in validate() if each.path.is_relative_to(folder)]
    paths = [further / "same.yaml", shelved / "same.yaml"]
    assert problems == [
        Problem(path, 1, "id", "error", f"{other} has the same id", "choose another")
        for path, other in zip(paths, reversed(paths), strict=True)
    ]


def test_a_file_that_the_shelf_would_pass_over_is_reported(folder: Path) -> None:
    (folder / "mine.yml").write_text(BASE.format(id="mine"), "utf-8")
    assert _said(folder) == [
        ":1: the name does not end in .yaml, so that it is not found (rename it)"
    ]


def test_shows_paths_below_the_working_folder_as_one_would_type_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    path = folder / "mine.yaml"
    path.write_text(BASE.format(id="mine").replace("x-ray", "x-rays"), "utf-8")
    (problem,) = validate(path)
    expected = "records/mine.yaml:5 modalities.0: unknown term 'x-rays' (nearest: x-ray)"
    assert str(problem) == expected


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_a_path_without_records_is_an_error_that_says_so(name: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(LayoutError, match=f"There is no .*{name}|{name} holds no record"):
        validate(folder / name)


def test_other_bytes_than_utf8_are_found_with_their_line(folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_bytes(BASE.format(id="mine").replace("A set", "Müller").encode("latin-1"))
    assert _said(path) == [":2: not UTF-8: invalid start byte (save the file as UTF-8)"]


def test_a_file_full_of_faults_is_cut_short(folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_text(BASE.format(id="mine") + "".join(f"k{n}: 1\n" for n in range(40_000)), "utf-8")
    problems = validate(path)
    assert len(problems) == MOST + 1
    assert [each.message for each in problems].count("more problems than are listed") == 1


def test_control_characters_of_a_file_never_reach_the_terminal(folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_text(
        BASE.format(id="mine") + '"\\e[2Jx": "\\e[31m"\n"' + "y" * 900 + '": 1\n', "utf-8"
    )
    said = _said(path)
    assert len(said) == 2
    assert all(each.isprintable() and len(each) < 200 for each in said)


HOSTILE = {
    "alias bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    "alias to itself": "a: &a [*a]\n",
    "merge key": "a: &a {b: 1}\nc:\n  <<: *a\n",
    "deep list": "a: " + "[" * 1_000_000,
    "deep mapping": "a: " + "{x: " * 200_000,
    "deep blocks": "\n".join(" " * n + "a:" for n in range(1_000)),
    "many values": "a: [" + "1," * 1_000_000 + "]",
    "key that is a list": "? [a, b]\n: c\n",
    "too large": "a: '" + "x" * MAX_BYTES + "'\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(name: str, folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_text(HOSTILE[name], "utf-8")
    document = read_marked(path)
    assert document.values is None
    assert len(document.faults) == 1


def test_a_tag_makes_nothing_but_text() -> None:
    document = parse_marked("a: !!python/object/apply:os.system [exit 1]\nb: !!int 012\n")
    assert document.values == {"a": ["exit 1"], "b": "012"}


def test_what_is_no_file_is_not_opened(folder: Path) -> None:
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    assert [each[:17] for each in _said(folder)] == [":1: not a file (k"] * 2


def test_bibtex_that_cannot_be_cited_as_a_whole_is_refused(folder: Path) -> None:
    path = folder / "mine.yaml"
    nested = "@misc{a, title = {" + "{" * 3000 + "}" * 3000 + "}}"
    path.write_text(BASE.format(id="mine") + f"bibtex: '{nested}'\n", "utf-8")
    (said,) = _said(path)
    assert said.startswith(":10 bibtex: BibTeX: ")
    path.write_text(BASE.format(id="mine") + f"bibtex: '{'@a{' * 50_000}'\n", "utf-8")
    (said,) = _said(path)
    assert said == ":10 bibtex: BibTeX: longer than 100,000 characters (correct the entry)"


_VALUES = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=10,
)


@given(st.text())
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    if any("\ud800" <= each <= "\udfff" for each in text):
        return
    document = parse_marked(text)
    assert document.faults or document.values is not None


@given(st.dictionaries(st.sampled_from(["id", "lineage", "label_stats", "splits"]), _VALUES))
@settings(deadline=None)
def test_values_come_back_as_they_were_written(values: dict[str, object]) -> None:
    import yaml

    document = parse_marked(yaml.safe_dump(values, allow_unicode=True))
    assert document.values == values
    assert document.faults == []


VOCABULARY = {
    "a: {en: A, zh: 甲}\nb: {en: B, zh: 乙, synonyms_en: [bee], broader: a}\n": [],
    "a: {en: A}\n": [("a.zh", "error", "Field required")],
    "a: {en: A, zh: ' '}\n": [("a.zh", "error", "is empty")],
    "a: {en: A, zh: 甲, broad: b}\n": [("a.broad", "error", "Extra inputs are not permitted")],
    "a: letter\n": [("a", "error", "should be a mapping with at least en and zh")],
    "- a\n": [("", "error", "should be a mapping of terms to their names")],
    "aa: {en: A, zh: 甲, broader: bb}\nb: {en: B, zh: 乙}\n": [
        ("aa.broader", "error", "no term 'bb'")
    ],
    "a: {en: A, zh: 甲, broader: b}\nb: {en: B, zh: 乙, broader: a}\n"
    "c: {en: C, zh: 丙, broader: a}\n": [
        ("a.broader", "error", "a term broader than itself: a -> b -> a"),
        ("b.broader", "error", "a term broader than itself: b -> a -> b"),
    ],
    "a: {en: A, zh: 甲, broader: a}\n": [
        ("a.broader", "error", "a term broader than itself: a -> a")
    ],
    "a: {en: A, zh: 甲}\nb: {en: B, zh: 乙, synonyms_zh: [甲]}\n": [
        ("b.synonyms_zh.0", "warning", "'甲' also means a")
    ],
}


@pytest.mark.parametrize("text", VOCABULARY)
def test_the_vocabulary_is_held_to_its_own_rules(text: str) -> None:
    document: Document = parse_marked(text)
    found = vocabulary_findings(Path("letters.yaml"), document)
    said = [(".".join(map(str, each.place)), each.severity, each.message) for each in found]
    assert said == VOCABULARY[text]


def test_two_phrases_may_read_alike() -> None:
    text = "a: {en: A, zh: 甲}\nb: {en: A, zh: ' '}\n"
    found = list(vocabulary_findings(Path("phrases.yaml"), parse_marked(text)))
    assert [each.message for each in found] == ["is empty"]


def test_licences_are_held_to_the_model_of_a_licence() -> None:
    text = "MIT: {en: MIT License, zh: MIT 许可证, commercial: perhaps, url: 'htp:x'}\n"
    found = vocabulary_findings(Path("licences.yaml"), parse_marked(text))
    assert [each.place for each in found] == [("MIT", "url"), ("MIT", "commercial")]


def test_limits_leave_room_for_every_record_of_the_shelf() -> None:
    largest = max(shelf.RECORDS.glob("*.yaml"), key=lambda each: each.stat().st_size)
    assert largest.stat().st_size < MAX_BYTES / 100
    assert len(read_marked(largest).lines) < marked_yaml.MAX_VALUES / 10
