"""What the user has to do by hand: page, steps, the official client's command."""

from __future__ import annotations

import pytest

from medshelf.core.errors import SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused


@pytest.mark.parametrize(
    ("url", "page", "words"),
    [
        (
            "manual:synapse/syn3193805",
            "https://www.synapse.org/Synapse:syn3193805",
            ["synapse get -r syn3193805", "SYNAPSE_AUTH_TOKEN"],
        ),
        ("manual:grand-challenge/drive", "https://drive.grand-challenge.org/", ["join"]),
        (
            "manual:opendatalab/GMAI/OmniMedVQA",
            "https://opendatalab.com/GMAI/OmniMedVQA",
            ["openxlab dataset get --dataset-repo GMAI/OmniMedVQA", "OPENXLAB_AK"],
        ),
        (
            "manual:aimi/8cbd9ed4-2eb9",
            "https://stanfordaimi.azurewebsites.net/datasets/8cbd9ed4-2eb9",
            ["agreement", "azcopy copy"],
        ),
        ("manual:osf/abc12", "https://osf.io/abc12", ["osf -p abc12 clone"]),
        (
            "manual:openneuro/ds000001/versions/1.0.0",
            "https://openneuro.org/datasets/ds000001/versions/1.0.0",
            ["s3://openneuro.org/ds000001 ds000001"],
        ),
        ("manual:baidu/1AbC", "https://pan.baidu.com/s/1AbC", ["Baidu"]),
        ("manual:ida/ADNI", "https://ida.loni.usc.edu/", ["Apply for ADNI", "approval"]),
        (
            "manual:codalab/17094",
            "https://competitions.codalab.org/competitions/17094",
            ["participate"],
        ),
        (
            "manual:torrent/7a638ed187",
            "https://academictorrents.com/details/7a638ed187",
            ["aria2c https://academictorrents.com/download/7a638ed187.torrent"],
        ),
        (
            "manual:https://example.org/form?a=1",
            "https://example.org/form?a=1",
            ["Download toy.zip"],
        ),
    ],
)
def test_ways(url: str, page: str, words: list[str]) -> None:
    error = gated(url, "manual", f"toy.zip must be fetched by hand from {page}.", *words)
    assert "{" not in str(error)


def test_a_client_that_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", SECRET)
    assert "SYNAPSE_AUTH_TOKEN" not in str(gated("manual:synapse/syn1", "manual"))


def test_many_files() -> None:
    gated(
        "manual:synapse/syn1",
        "manual",
        "The whole set must be fetched",
        "download the whole set",
        name="*",
    )


@pytest.mark.parametrize("url", ["manual:", "manual:synapse", "manual:dropbox/x", "manual:ftp://a"])
def test_an_address_of_another_form(url: str) -> None:
    refused(url, SettingError, url, "Correct the address")
