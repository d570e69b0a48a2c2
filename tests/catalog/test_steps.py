"""How one gets a dataset that has no steps of its own."""

from __future__ import annotations

import pytest

from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records
from medshelf.catalog.steps import access_steps

_RECORD = {
    "id": "toy",
    "name": "Toy",
    "group": "chest",
    "dimensions": ["2D"],
    "modalities": ["x-ray"],
    "tasks": ["classification"],
    "access": "open",
    "homepage": "https://example.org/toy",
}


def steps(language: str = "en", **fields: object) -> str:
    return access_steps(Record.model_validate({**_RECORD, **fields}), language)


def test_every_record_has_steps_with_an_address_in_both_languages() -> None:
    for record in all_records():
        for language in ("en", "zh"):
            said = access_steps(record, language)
            assert said.endswith((".", "。")), record.id
            assert "{" not in said, record.id
            own = record.access_steps is not None
            assert own or "http" in said or f"medshelf fetch {record.id}" in said, record.id


def test_the_records_own_steps_count() -> None:
    own = {"en": "Write to us.", "zh": "请写信。"}
    assert steps(access_steps=own) == "Write to us."
    assert steps("zh", access_steps=own) == "请写信。"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://www.kaggle.com/datasets/ada/scans", "kaggle datasets download ada/scans"),
        ("https://www.kaggle.com/c/rsna-x", "kaggle competitions download -c rsna-x"),
        ("https://www.synapse.org/#!Synapse:syn123/wiki/", "synapse get -r syn123"),
        ("https://zenodo.org/records/42", "zenodo_get 42"),
        ("https://osf.io/crwz7/", "osf -p crwz7 clone"),
        ("https://huggingface.co/datasets/o/n/tree/main", "hf download --repo-type dataset o/n"),
        ("https://example.org/a.zip", "Download from https://example.org/a.zip."),
    ],
)
def test_the_address_of_a_download_tells_the_way(url: str, words: str) -> None:
    assert words in steps(download_urls=[url])
    assert url in steps("zh", download_urls=[url])


def test_without_a_download_the_homepage_leads_on() -> None:
    assert steps() == "Follow https://example.org/toy to the data."
    assert steps(homepage=None) == ""


@pytest.mark.parametrize("access", ["registration", "credentialed", "application", "unknown"])
def test_what_the_access_class_asks_for_comes_first(access: str) -> None:
    url = "https://example.org/a.zip"
    said = steps(access=access, download_urls=[url])
    assert 0 < said.index("https://example.org/toy") < said.index(url)


def test_a_login_is_not_asked_for_twice_but_an_application_is() -> None:
    url = "https://www.kaggle.com/datasets/ada/scans"
    assert steps(access="registration", download_urls=[url]).startswith("Log in to Kaggle")
    assert steps(access="application", download_urls=[url]).startswith("Ask for access")


def test_files_that_come_by_themselves() -> None:
    files = [{"name": "a.zip", "url": "https://example.org/a.zip"}]
    assert steps(files=files) == "`medshelf fetch toy` brings the files."
    by_hand = [{"name": "*", "url": "manual:https://example.org/a"}]
    assert "Follow" in steps(files=by_hand)
