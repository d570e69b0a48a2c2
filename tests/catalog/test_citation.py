"""What to cite, as BibTeX and as lines of text."""

from __future__ import annotations

import pytest

from medshelf.catalog.citation import (
    MOST_BIBTEX,
    bibtex,
    cited_works,
    parse_bibtex,
    reference,
)
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import FormatError

ENTRY = r"""@article{mueller2020,
  AUTHOR = {M{\"u}ller, Anna Maria and Jan van der Berg and {The Group}},
  title = {A {Large} Set},
  journal = {Journal of Sets},
  year = {2020},
  doi = {10.1000/xyz}
}"""


def test_an_entry_is_read() -> None:
    (work,) = parse_bibtex(ENTRY)
    assert work.key == "mueller2020"
    assert work.authors == ("Müller, Anna Maria", "van der Berg, Jan", "The Group")
    assert (work.title, work.venue, work.year, work.doi) == (
        "A Large Set",
        "Journal of Sets",
        "2020",
        "10.1000/xyz",
    )
    assert work.bibtex == ENTRY


def test_references() -> None:
    (work,) = parse_bibtex(ENTRY)
    assert reference(work, "apa") == (
        "Müller, A. M., van der Berg, J., & The Group (2020). A Large Set. Journal of Sets. "
        "https://doi.org/10.1000/xyz"
    )
    assert reference(work, "text") == (
        "Anna Maria Müller, Jan van der Berg, The Group. A Large Set. Journal of Sets. 2020. "
        "https://doi.org/10.1000/xyz"
    )


def test_many_authors_and_no_year() -> None:
    names = " and ".join(f"Given{i} Name{i}" for i in range(25))
    (work,) = parse_bibtex(f"@misc{{many, author = {{{names}}}, title = {{T}}}}")
    shown = reference(work, "apa")
    assert "Name18, G., ... Name24, G. (n.d.). T." in shown
    assert "Name19" not in shown
    assert reference(work, "text").startswith("Given0 Name0, Given1 Name1, Given2 Name2 et al.")


@pytest.mark.parametrize("text", ["no entry", "@article{x", "@misc{a, title = {x}}, and more"])
def test_what_is_no_bibtex_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"line|BibTeX"):
        parse_bibtex(text)


def test_what_is_nested_too_deep_is_refused() -> None:
    nested = "@misc{a, title = {" + "{" * 3000 + "}" * 3000 + "}}"
    with pytest.raises(ValueError, match="braces nested too deep"):
        parse_bibtex(nested)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 100,000 characters"):
        parse_bibtex("@misc{a, title = {" + "x" * MOST_BIBTEX + "}}")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("A plain title", "A plain title"),
        (r"\'Etude", "Étude"),
        ("{BRATS} set", "BRATS set"),
        ("the $x$ axis", "the x axis"),
        ("Fig.~1", "Fig. 1"),
        ("a % remark", "a"),
        ("two\n  lines", "two lines"),
    ],
)
def test_latex_is_decoded(written: str, read: str) -> None:
    (work,) = parse_bibtex(f"@misc{{a,\n  title = {{{written}\n}},\n  year = 2020\n}}")
    assert (work.title, work.year) == (read, "2020")


def test_a_record_without_usable_bibtex_says_so() -> None:
    record = find_record("acdc").model_copy(update={"id": "mine", "bibtex": "Somebody, 2020"})
    with pytest.raises(FormatError, match=r"mine\.yaml: bibtex: text that is no BibTeX entry"):
        cited_works([record])


def test_sources_are_cited_once() -> None:
    sets = [find_record(each) for each in ("chestmnist", "nih-chest-xray", "dermamnist")]
    titles = [each.title for each in cited_works(sets)]
    assert len(titles) == len(set(titles))
    assert sum("ChestX-ray8" in each for each in titles) == 1
    assert any("HAM10000" in each for each in titles)
    assert bibtex(sets[0]).count("@") == len(cited_works(sets[:1]))
