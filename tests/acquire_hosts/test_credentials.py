"""Where credentials are found, and that nothing that is shown or written has them."""

from __future__ import annotations

import base64
import copy
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medshelf.acquire.gates.credentials import PLATFORMS, Credential, find_credential
from medshelf.acquire.gates.login import login_status
from medshelf.core.errors import SettingError
from tests.acquire_hosts.conftest import SECRET

_KAGGLE_JSON = f'{{"username": "ada", "key": "{SECRET}"}}'
_NETRC = f"machine physionet.org login ada password {SECRET}\n"
_SYNAPSE = f"[authentication]\nusername = ada\nauthtoken = {SECRET}\n"


def _basic(user: str, password: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _found(platform: str, host: str = "") -> Credential:
    credential = find_credential(platform, host)
    assert credential is not None
    return credential


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


def test_nothing_is_found_where_nothing_lies() -> None:
    assert [find_credential(each) for each in PLATFORMS] == [None] * len(PLATFORMS)
    for line in login_status():
        assert line.source is None
        assert line.problem is None
        assert line.page.startswith("https://")


@pytest.mark.parametrize(
    ("platform", "variables", "headers"),
    [
        ("hf", {"HF_TOKEN": SECRET}, {"Authorization": f"Bearer {SECRET}"}),
        ("hf", {"HUGGING_FACE_HUB_TOKEN": f" {SECRET}\n"}, {"Authorization": f"Bearer {SECRET}"}),
        ("kaggle", {"KAGGLE_API_TOKEN": SECRET}, {"Authorization": f"Bearer {SECRET}"}),
        (
            "kaggle",
            {"KAGGLE_USERNAME": "ada", "KAGGLE_KEY": SECRET},
            {"Authorization": _basic("ada")},
        ),
        ("synapse", {"SYNAPSE_AUTH_TOKEN": SECRET}, {"Authorization": f"Bearer {SECRET}"}),
        ("zenodo", {"ZENODO_ACCESS_TOKEN": SECRET}, {"Authorization": f"Bearer {SECRET}"}),
        ("figshare", {"FIGSHARE_TOKEN": SECRET}, {"Authorization": f"token {SECRET}"}),
        ("dataverse", {"DATAVERSE_API_TOKEN": SECRET}, {"X-Dataverse-key": SECRET}),
        ("github", {"GITHUB_TOKEN": SECRET}, {"Authorization": f"Bearer {SECRET}"}),
        (
            "grand-challenge",
            {"GRAND_CHALLENGE_AUTHORIZATION": SECRET},
            {"Authorization": f"Bearer {SECRET}"},
        ),
        (
            "openxlab",
            {"OPENXLAB_AK": "ada", "OPENXLAB_SK": SECRET},
            {"Authorization": _basic("ada")},
        ),
    ],
)
def test_variables(
    platform: str,
    variables: dict[str, str],
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    credential = _found(platform)
    assert credential.headers() == headers
    assert all(name in credential.source for name in variables)


@pytest.mark.parametrize(
    ("platform", "path", "text", "header"),
    [
        ("hf", ".cache/huggingface/token", f"{SECRET}\n", f"Bearer {SECRET}"),
        ("kaggle", ".kaggle/access_token", SECRET, f"Bearer {SECRET}"),
        ("kaggle", ".kaggle/kaggle.json", _KAGGLE_JSON, _basic("ada")),
        ("kaggle", ".config/kaggle/kaggle.json", f"\ufeff{_KAGGLE_JSON}", _basic("ada")),
        ("physionet", ".netrc", _NETRC, _basic("ada")),
        ("synapse", ".synapseConfig", _SYNAPSE, f"Bearer {SECRET}"),
        ("openxlab", ".openxlab/config.json", f'{{"ak": "ada", "sk": "{SECRET}"}}', _basic("ada")),
    ],
)
def test_files(
    platform: str,
    path: str,
    text: str,
    header: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    file = _write(home / path, text)
    credential = _found(platform)
    assert credential.headers() == {"Authorization": header}
    assert credential.source == str(file)


@pytest.mark.parametrize(
    ("platform", "variable", "path", "text"),
    [
        ("hf", "HF_TOKEN_PATH", "hf/mine", SECRET),
        ("hf", "HF_HOME", "hf/token", SECRET),
        ("hf", "XDG_CACHE_HOME", "hf/huggingface/token", SECRET),
        ("kaggle", "KAGGLE_CONFIG_DIR", "k/kaggle.json", _KAGGLE_JSON),
        ("kaggle", "KAGGLE_API_TOKEN", "k/token", SECRET),
        ("physionet", "NETRC", "n/netrc", _NETRC),
        ("synapse", "SYNAPSE_CONFIG_FILE", "s/config", _SYNAPSE),
    ],
)
def test_variables_that_name_a_place(
    platform: str,
    variable: str,
    path: str,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = _write(tmp_path / path, text)
    names_file = variable in {"HF_TOKEN_PATH", "KAGGLE_API_TOKEN", "NETRC", "SYNAPSE_CONFIG_FILE"}
    monkeypatch.setenv(variable, str(file if names_file else tmp_path / path.partition("/")[0]))
    value = _found(platform).headers()["Authorization"]
    assert value in {f"Bearer {SECRET}", _basic("ada")}


def test_a_variable_comes_before_a_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(home / ".kaggle/kaggle.json", _KAGGLE_JSON)
    monkeypatch.setenv("KAGGLE_API_TOKEN", "newer")
    assert _found("kaggle").headers() == {"Authorization": "Bearer newer"}


def test_a_netrc_entry_is_for_its_own_host_only(home: Path) -> None:
    _write(
        home / ".netrc",
        f"machine example.org login a password b\ndefault login c password {SECRET}\n",
    )
    assert find_credential("physionet", "physionet.org") is None
    assert _found("physionet", "example.org").headers() == {"Authorization": _basic("a", "b")}


@pytest.mark.parametrize(
    ("platform", "path", "text"),
    [
        ("kaggle", ".kaggle/kaggle.json", f'{{"username": "ada", "key": "{SECRET}"'),
        ("kaggle", ".kaggle/kaggle.json", f'["{SECRET}"]'),
        ("kaggle", ".kaggle/kaggle.json", f'{{"username": 7, "key": "{SECRET}"}}'),
        ("kaggle", ".kaggle/kaggle.json", f'{{"username": "{SECRET}"}}'),
        ("kaggle", ".kaggle/kaggle.json", "[" * 100_000 + SECRET),
        ("kaggle", ".kaggle/access_token", f"{SECRET}\n{SECRET}"),
        ("physionet", ".netrc", f"machine physionet.org login ada pasword {SECRET}"),
        ("physionet", ".netrc", f"{SECRET} physionet.org"),
        ("synapse", ".synapseConfig", f"authtoken = {SECRET}"),
        ("synapse", ".synapseConfig", f"[authentication]\nauthtoken = {SECRET} é\n"),
        ("openxlab", ".openxlab/config.json", SECRET),
        ("hf", ".cache/huggingface/token", f"{SECRET}\r\nX-Other: 1"),
    ],
)
def test_a_damaged_file_is_named_and_not_shown(
    platform: str, path: str, text: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    file = _write(home / path, text)
    with pytest.raises(SettingError) as caught:
        find_credential(platform)
    assert str(file) in str(caught.value)
    _assert_hidden(caught.value)
    line = next(each for each in login_status() if each.platform == platform)
    assert line.source is None
    assert line.problem == caught.value.problem


def test_a_file_that_is_no_text(home: Path) -> None:
    file = _write(home / ".netrc", "")
    file.write_bytes(b"machine \xff" + SECRET.encode())
    with pytest.raises(SettingError, match="cannot be read as text") as caught:
        find_credential("physionet")
    _assert_hidden(caught.value)


def test_a_folder_in_its_place(home: Path) -> None:
    (home / ".netrc").mkdir()
    with pytest.raises(SettingError, match="cannot be read"):
        find_credential("physionet")


def _assert_hidden(error: BaseException) -> None:
    shown = "".join(traceback.format_exception(error, chain=True))
    assert SECRET not in shown
    assert SECRET not in repr(error)
    # What a debugger or an error reporter follows.
    assert error.__context__ is None
    assert error.__cause__ is None


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda each: f"{each!r:>80}"])
def test_a_credential_does_not_show_itself(
    show: Callable[[object], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    credential = _found("hf")
    for each in (credential, credential.value, [credential], login_status()):
        assert SECRET not in show(each)


def test_a_credential_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    for write in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="pickled") as caught:
            write(_found("hf").value)
        assert SECRET not in str(caught.value)


def test_status_names_sources_and_open_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    closed = _write(home / ".netrc", _NETRC)
    opened = _write(home / ".kaggle/kaggle.json", _KAGGLE_JSON)
    opened.chmod(0o644)
    lines = {each.platform: each for each in login_status()}
    assert (lines["hf"].source, lines["hf"].problem) == ("HF_TOKEN", None)
    assert (lines["physionet"].source, lines["physionet"].problem) == (str(closed), None)
    assert f"chmod 600 {opened}" in (lines["kaggle"].problem or "")
    assert lines["synapse"].source is None
    assert SECRET not in repr(lines)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(min_size=0, max_size=40), middle=st.booleans())
def test_any_file_gives_a_credential_or_an_error(text: str, middle: bool, home: Path) -> None:
    content = f"{text}\n{_NETRC}" if middle else text
    (home / ".netrc").write_text(content, "utf-8")
    try:
        credential = find_credential("physionet")
    except SettingError as error:
        _assert_hidden(error)
    else:
        assert credential is None or "\n" not in credential.headers()["Authorization"]
