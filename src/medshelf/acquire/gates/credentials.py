"""The platforms' own credentials: where they lie, and whether they are there; never what they are.

They come from the environment or from the platform's own file, as its official client reads them,
and leave this module only as request headers. No text that is shown, logged or written has them.
"""

from __future__ import annotations

import base64
import configparser
import json
import netrc
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from medshelf.core.errors import SettingError

_MAX_FILE_BYTES = 1 << 20


class Secret:
    """A text that shows itself only to who asks for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text. For request headers only."""
        return self._text

    def __repr__(self) -> str:
        """Hide the text."""
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, which would write the text."""
        problem = "A credential cannot be pickled"
        raise TypeError(problem)


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves to a platform who asks.

    Attributes:
        platform: Key of `PLATFORMS`.
        source: Where it was found: a variable's name or a file.
        header: Name of the request header that carries it.
        value: Value of that header.
    """

    platform: str
    source: str
    header: str
    value: Secret

    def headers(self) -> dict[str, str]:
        """Return the header to send, to the platform's own hosts and to no other."""
        return {self.header: self.value.reveal()}


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that knows its users.

    Attributes:
        name: Its name.
        setup: How to give it a credential, as one sentence without a full stop.
        page: Where it gives credentials out.
        find: Looks for one; gets the host that will be asked.
    """

    name: str
    setup: str
    page: str
    find: Callable[[str], Credential | None]


def find_credential(platform: str, host: str = "") -> Credential | None:
    """Look for a platform's credential; null where there is none.

    Args:
        platform: Key of `PLATFORMS`.
        host: Name of the host that will be asked, where a file holds one credential per host.

    Raises:
        SettingError: There is one that cannot be used.
    """
    return PLATFORMS[platform].find(host)


def _credential(platform: str, source: str, header: str, prefix: str, text: str) -> Credential:
    if not (text.isascii() and text.isprintable() and text and " " not in text):
        problem = f"The credential in {source} has characters that none has (or is empty)"
        raise SettingError(problem, f"Copy it again from {PLATFORMS[platform].page}")
    return Credential(platform, source, header, Secret(f"{prefix}{text}"))


def _bearer(platform: str, source: str, text: str) -> Credential:
    return _credential(platform, source, "Authorization", "Bearer ", text)


def _basic(platform: str, source: str, user: str, password: str) -> Credential:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return _credential(platform, source, "Authorization", "Basic ", pair)


def _from_environment(
    platform: str, *variables: str, header: str = "Authorization", prefix: str = "Bearer "
) -> Callable[[str], Credential | None]:
    def find(_host: str) -> Credential | None:
        for variable in variables:
            if text := os.environ.get(variable, "").strip():
                return _credential(platform, variable, header, prefix, text)
        return None

    return find


def _read(path: Path) -> str | None:
    """Read a credential file; null where there is none."""
    unreadable = False
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError):
        unreadable = True
    # Outside the handler: the error's context would hold the bytes of the file.
    if unreadable:
        problem = f"The credential file {path} cannot be read as text"
        raise SettingError(problem, "Check its permissions and content, or delete it")
    return text


def _damaged(path: Path, wanted: str) -> SettingError:
    return SettingError(f"The credential file {path} is not {wanted}", "Write it again")


def _find_hugging_face(host: str) -> Credential | None:
    if found := _from_environment("hf", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")(host):
        return found
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{cache}/huggingface"
    path = Path(os.environ.get("HF_TOKEN_PATH") or f"{home}/token").expanduser()
    text = (_read(path) or "").strip()
    return _bearer("hf", str(path), text) if text else None


def _find_kaggle(_host: str) -> Credential | None:
    if value := os.environ.get("KAGGLE_API_TOKEN", "").strip():
        # The official client takes a path here too.
        path = Path(value)
        text = (_read(path) or "").strip() if path.is_absolute() else value
        return _bearer("kaggle", "KAGGLE_API_TOKEN", text)
    folders = _kaggle_folders()
    for path in (
        folder / name for folder in folders for name in ("access_token", "access_token.txt")
    ):
        if text := (_read(path) or "").strip():
            return _bearer("kaggle", str(path), text)
    user, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if user and key:
        return _basic("kaggle", "KAGGLE_USERNAME and KAGGLE_KEY", user, key)
    for path in (folder / "kaggle.json" for folder in folders):
        if (content := _read(path)) is not None:
            return _basic("kaggle", str(path), *_json_texts(path, content, "username", "key"))
    return None


def _kaggle_folders() -> tuple[Path, ...]:
    if named := os.environ.get("KAGGLE_CONFIG_DIR"):
        return (Path(named).expanduser(),)
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return (Path.home() / ".kaggle", settings / "kaggle")


def _json_texts(path: Path, text: str, *keys: str) -> list[str]:
    values: list[object] = []
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        fields = json.loads(text)
        values = [fields[key] for key in keys]
    # Judged here, outside the handler: the parser's error holds the text.
    texts = [each for each in values if isinstance(each, str) and each]
    if len(texts) != len(keys):
        raise _damaged(path, f"a JSON object with the texts {' and '.join(keys)}")
    return texts


def _find_physionet(host: str) -> Credential | None:
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    if _read(path) is None:
        return None
    entries: Mapping[str, tuple[str, str, str]] | None = None
    with suppress(netrc.NetrcParseError, OSError, UnicodeDecodeError):
        entries = netrc.netrc(str(path)).hosts
    # Judged here, outside the handler: the parser's message quotes the file.
    if entries is None:
        raise _damaged(path, "a netrc file: machine HOST login USER password PASSWORD")
    # Only the host's own entry: "default" holds a password for somebody else.
    entry = entries.get(host or "physionet.org")
    return _basic("physionet", str(path), entry[0], entry[2]) if entry else None


def _find_synapse(_host: str) -> Credential | None:
    if text := os.environ.get("SYNAPSE_AUTH_TOKEN", "").strip():
        return _bearer("synapse", "SYNAPSE_AUTH_TOKEN", text)
    path = Path(os.environ.get("SYNAPSE_CONFIG_FILE") or "~/.synapseConfig").expanduser()
    if (content := _read(path)) is None:
        return None
    parser = configparser.ConfigParser(interpolation=None)
    whole = False
    with suppress(configparser.Error):
        parser.read_string(content)
        whole = True
    if not whole:
        raise _damaged(path, "a configuration file with sections")
    text = parser.get("authentication", "authtoken", fallback="").strip()
    return _bearer("synapse", str(path), text) if text else None


def _find_openxlab(_host: str) -> Credential | None:
    access, secret = os.environ.get("OPENXLAB_AK"), os.environ.get("OPENXLAB_SK")
    if access and secret:
        return _basic("openxlab", "OPENXLAB_AK and OPENXLAB_SK", access, secret)
    path = Path("~/.openxlab/config.json").expanduser()
    if (text := _read(path)) is None:
        return None
    return _basic("openxlab", str(path), *_json_texts(path, text, "ak", "sk"))


PLATFORMS: Mapping[str, Platform] = {
    "hf": Platform(
        "Hugging Face",
        "Set HF_TOKEN to a read token, or run: hf auth login",
        "https://huggingface.co/settings/tokens",
        _find_hugging_face,
    ),
    "kaggle": Platform(
        "Kaggle",
        "Set KAGGLE_API_TOKEN, or save the API key as ~/.kaggle/kaggle.json",
        "https://www.kaggle.com/settings",
        _find_kaggle,
    ),
    "physionet": Platform(
        "PhysioNet",
        "Add to ~/.netrc the line: machine physionet.org login USER password PASSWORD",
        "https://physionet.org/register/",
        _find_physionet,
    ),
    "synapse": Platform(
        "Synapse",
        "Set SYNAPSE_AUTH_TOKEN to a personal access token with the scopes view and download",
        "https://www.synapse.org/PersonalAccessTokens:",
        _find_synapse,
    ),
    "zenodo": Platform(
        "Zenodo (restricted records)",
        "Set ZENODO_ACCESS_TOKEN",
        "https://zenodo.org/account/settings/applications/",
        _from_environment("zenodo", "ZENODO_ACCESS_TOKEN", "ZENODO_TOKEN"),
    ),
    "figshare": Platform(
        "figshare (private articles)",
        "Set FIGSHARE_TOKEN",
        "https://figshare.com/account/applications",
        _from_environment("figshare", "FIGSHARE_TOKEN", prefix="token "),
    ),
    "dataverse": Platform(
        "Dataverse (restricted files)",
        "Set DATAVERSE_API_TOKEN",
        "https://dataverse.harvard.edu/dataverseuser.xhtml?selectTab=apiTokenTab",
        _from_environment("dataverse", "DATAVERSE_API_TOKEN", header="X-Dataverse-key", prefix=""),
    ),
    "github": Platform(
        "GitHub (only to be asked more often)",
        "Set GITHUB_TOKEN",
        "https://github.com/settings/tokens",
        _from_environment("github", "GH_TOKEN", "GITHUB_TOKEN"),
    ),
    "grand-challenge": Platform(
        "Grand Challenge",
        "Set GRAND_CHALLENGE_AUTHORIZATION",
        "https://grand-challenge.org/settings/api-tokens/",
        _from_environment("grand-challenge", "GRAND_CHALLENGE_AUTHORIZATION"),
    ),
    "openxlab": Platform(
        "OpenXLab (OpenDataLab)",
        "Set OPENXLAB_AK and OPENXLAB_SK, or run: openxlab login",
        "https://sso.openxlab.org.cn/usercenter",
        _find_openxlab,
    ),
}
