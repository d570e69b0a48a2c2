"""PhysioNet: hashes of a version, logins from ~/.netrc, agreements that are not signed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import HTML, Answer, Ask, PlatformServer, send

FILES = {"LICENSE.txt": b"terms\n", "files/p10/a b.dcm": b"DICM", "cxr.csv.gz": b"\x1f\x8b"}
ROOT = "/files/vindr-cxr/1.0.0/"


@dataclass
class PhysioNet:
    """One version of a project.

    Attributes:
        credentialed: A login is asked for.
        signed: Ada has signed this version's agreement.
        sums: Replaces SHA256SUMS.txt.
    """

    credentialed: bool = False
    signed: bool = False
    sums: bytes | None = None

    def answer(self, ask: Ask) -> Answer:
        if self.credentialed and (closed := self.closed(ask)):
            return closed
        if ask.path == f"{ROOT}SHA256SUMS.txt":
            return send(ask, sums() if self.sums is None else self.sums)
        name = ask.path.removeprefix(ROOT)
        if not ask.path.startswith(ROOT) or name not in FILES:
            return Answer(404, b"<html>not found", HTML)
        return send(ask, FILES[name])

    def closed(self, ask: Ask) -> Answer | None:
        # Only a client that calls itself wget is asked for a password.
        if not ask.headers["user-agent"].startswith("Wget/"):
            return Answer(403, b"<html>forbidden", HTML)
        pair = base64.b64encode(f"ada:{SECRET}".encode()).decode()
        if ask.authorization != f"Basic {pair}":
            return Answer(401, b"", {"WWW-Authenticate": 'Basic realm="PhysioNet"'})
        return None if self.signed else Answer(403, b"<html>forbidden", HTML)


def sums() -> bytes:
    lines = [f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in FILES.items()]
    return "".join(lines).encode()


@pytest.fixture
def physionet() -> PhysioNet:
    return PhysioNet()


@pytest.fixture
def server(
    physionet: PhysioNet,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(physionet.answer)
    monkeypatch.setenv("MEDSHELF_PHYSIONET_ENDPOINT", server.url)
    return server


def _log_in(home: Path, password: str = SECRET) -> None:
    (home / ".netrc").write_text(f"machine 127.0.0.1 login ada password {password}\n", "utf-8")


@pytest.mark.usefixtures("server")
def test_all_files_with_their_hashes() -> None:
    assert taken("physionet:vindr-cxr/1.0.0", "*") == {**FILES, "SHA256SUMS.txt": sums()}
    hashes = {each.name: each.hash for each in resolve("physionet:vindr-cxr/1.0.0", "*")}
    assert hashes.pop("SHA256SUMS.txt") is None
    assert all((each or "").startswith("sha256:") for each in hashes.values())


def test_one_file(server: PlatformServer) -> None:
    url = "physionet:vindr-cxr/1.0.0/files/p10/a b.dcm"
    assert taken(url, "a.dcm") == {"a.dcm": FILES["files/p10/a b.dcm"]}
    (remote,) = resolve("physionet:vindr-cxr/1.0.0/cxr.csv.gz")
    assert remote.source == f"{server.url}{ROOT}cxr.csv.gz"


def test_what_the_record_knows_is_not_asked_for(server: PlatformServer) -> None:
    known = f"sha256:{hashlib.sha256(FILES['cxr.csv.gz']).hexdigest()}"
    assert resolve("physionet:vindr-cxr/1.0.0/cxr.csv.gz", hash=known)[0].hash == known
    assert server.asked == []


@pytest.mark.usefixtures("server")
def test_other_forms_of_sums(physionet: PhysioNet) -> None:
    digest = "0" * 64
    physionet.sums = f"{digest}  ./a.csv\r\n\n{digest} *b.csv\n".encode()
    names = [each.name for each in resolve("physionet:vindr-cxr/1.0.0", "*")]
    assert names == ["SHA256SUMS.txt", "a.csv", "b.csv"]
    physionet.sums = b"<html>log in</html>"
    refused("physionet:vindr-cxr/1.0.0", DownloadError, "no hash and file name", name="*")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("name", ["toy.zip", "*"])
def test_the_steps_of_a_credentialed_project(name: str, physionet: PhysioNet, home: Path) -> None:
    physionet.credentialed = True
    url = "physionet:vindr-cxr/1.0.0" + ("" if name == "*" else "/cxr.csv.gz")
    error = gated(url, "login", "training", "~/.netrc", "machine physionet.org", name=name)
    assert (error.page or "").endswith("/content/vindr-cxr/1.0.0/")
    _log_in(home, "wrong")
    gated(url, "credential", str(home / ".netrc"), name=name)
    _log_in(home)
    gated(url, "licence", "CITI", "agreement", "/content/vindr-cxr/1.0.0/", name=name)
    physionet.signed = True
    assert FILES["cxr.csv.gz"] in taken(url, name).values()


@pytest.mark.usefixtures("server")
def test_another_hosts_login_is_not_used(physionet: PhysioNet, home: Path) -> None:
    physionet.credentialed = physionet.signed = True
    text = f"machine physionet.org login ada password {SECRET}\ndefault login ada password {SECRET}"
    (home / ".netrc").write_text(text, "utf-8")
    gated("physionet:vindr-cxr/1.0.0/cxr.csv.gz", "login")


@pytest.mark.usefixtures("server")
def test_what_is_not_there() -> None:
    refused("physionet:vindr-cxr/9.0/a.csv", DownloadError, "9.0", "does not exist")
    refused("physionet:vindr-cxr/1.0.0/no.csv", DownloadError, "does not have no.csv")


@pytest.mark.parametrize("url", ["physionet:vindr-cxr", "physionet:a/b/c", "physionet:A/1.0/x"])
def test_an_address_of_another_form(url: str) -> None:
    refused(url, SettingError, url, "physionet:PROJECT/VERSION/FILE")
