"""An environment without credentials, and servers that stand for platforms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from medshelf.acquire.transfers.session import shared
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, serving

SECRET = "s3cr3t-0123456789abcdef"

_VARIABLES = """
    HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HOME HF_ENDPOINT
    KAGGLE_API_TOKEN KAGGLE_USERNAME KAGGLE_KEY KAGGLE_CONFIG_DIR KAGGLE_API_ENDPOINT
    NETRC SYNAPSE_AUTH_TOKEN SYNAPSE_CONFIG_FILE ZENODO_ACCESS_TOKEN ZENODO_TOKEN FIGSHARE_TOKEN
    DATAVERSE_API_TOKEN GH_TOKEN GITHUB_TOKEN GRAND_CHALLENGE_AUTHORIZATION OPENXLAB_AK OPENXLAB_SK
    XDG_CONFIG_HOME
"""


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in _VARIABLES.split():
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "user").mkdir()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the user's home folder."""
    return tmp_path / "user"


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Ask], Answer]], PlatformServer]]:
    """Return a function that runs a server until the test ends; one session asks them all."""
    with shared(), ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))
