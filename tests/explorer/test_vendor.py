"""JavaScript of others: pinned, checked, in every build, and repaired."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medshelf.cli import app
from medshelf.core.errors import DownloadError, OfflineError
from medshelf.explorer import server, vendoring
from medshelf.explorer.vendoring import Package, VendoringError, packages, provide, wanting

ROOT = Path(__file__).parents[2]
NOTICES = (ROOT / "THIRD_PARTY_NOTICES").read_text("utf-8")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def registry_at(folder: Path) -> Iterator[str]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_port}"
    finally:
        served.shutdown()
        served.server_close()


def published(folder: Path, text: bytes = b"let a = 1;", *, linked: bool = False) -> Package:
    """Put a package into a registry's folder."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/dist/a.js")
        if linked:
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
        else:
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    digest = base64.b64encode(hashlib.sha512(data.getvalue()).digest()).decode()
    made = Package(
        "@scope/a",
        "1.2.3",
        "MIT",
        f"sha512-{digest}",
        {"dist/a.js": hashlib.sha256(text).hexdigest()},
    )
    place = folder / made.address
    place.parent.mkdir(parents=True)
    place.write_bytes(data.getvalue())
    return made


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a registry that npm's own variable names."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with registry_at(folder) as address:
        monkeypatch.setenv("npm_config_registry", address)
        yield folder


def pin(monkeypatch: pytest.MonkeyPatch, *pinned: Package) -> None:
    monkeypatch.setattr(vendoring, "packages", lambda: pinned)


def test_files_are_fetched_checked_and_repaired(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, folder = published(registry), tmp_path / "vendor"
    pin(monkeypatch, package)
    assert provide(folder) == (package,)
    assert [each.name for each in sorted(folder.iterdir())] == ["a.js"]
    assert (folder / "a.js").read_bytes() == b"let a = 1;"
    (registry / package.address).unlink()
    assert provide(folder) == ()
    (folder / "a.js").write_bytes(b"let a = 2;")
    assert wanting(folder) == (package,)
    with pytest.raises(VendoringError, match="404"):
        provide(folder)


def test_other_bytes_are_refused(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = published(registry)
    pin(monkeypatch, package)
    place = registry / package.address
    place.write_bytes(place.read_bytes() + b"\0")
    with pytest.raises(VendoringError, match=r"is not @scope/a 1\.2\.3: sha512-"):
        provide(tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_a_link_in_a_package_leads_nowhere(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(monkeypatch, published(registry, linked=True))
    with pytest.raises(VendoringError, match="not the pinned file"):
        provide(tmp_path / "vendor")


@pytest.mark.parametrize(
    ("given", "project", "user", "expected"),
    [
        (
            {"npm_config_registry": "https://a.test"},
            "registry=https://b.test",
            "",
            "https://a.test/",
        ),
        ({"NPM_CONFIG_REGISTRY": "https://a.test/npm/"}, "", "", "https://a.test/npm/"),
        ({}, "# x\n; y\nregistry = https://b.test\n", "registry=https://c.test", "https://b.test/"),
        ({}, "", 'registry="https://c.test/"\n', "https://c.test/"),
        ({}, "", "registry=https://c.test\n@niivue:registry=https://d.test", "https://d.test/"),
        ({"PLACE": "e.test"}, "", "registry=https://${PLACE}/x", "https://e.test/x/"),
    ],
)
def test_the_registry_is_the_one_of_npm(
    given: dict[str, str],
    project: str,
    user: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".npmrc").write_text(project)
    Path("user").write_text(user)
    environment = {"npm_config_userconfig": "user", "PATH": "", **given}
    assert vendoring.registry("@niivue/niivue", environment) == expected


def test_npm_itself_is_asked_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\ntest "$*" = "config get registry" && echo https://n.test\n')
    npm.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert vendoring.registry("htmx.org", environment) == "https://n.test/"


def test_no_registry_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VendoringError, match="No registry of npm is named"):
        vendoring.registry("htmx.org", {"PATH": str(tmp_path)})
    with pytest.raises(VendoringError, match="no web address"):
        vendoring.registry("htmx.org", {"npm_config_registry": "file:///etc"})


def test_the_command_repairs_and_says_what_it_cannot(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = published(registry)
    pin(monkeypatch, package)
    monkeypatch.setattr(provide, "__defaults__", (tmp_path / "vendor",))
    monkeypatch.setattr(wanting, "__defaults__", (tmp_path / "vendor",))
    assert server.missing_assets() == ("@scope/a",)
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    with pytest.raises(OfflineError, match="without live search"):
        server.fetch_assets()
    monkeypatch.delenv("MEDSHELF_OFFLINE")
    done = CliRunner().invoke(app, ["serve", "--fetch-assets", "--json"])
    assert (done.exit_code, done.stdout.split()) == (0, ["[", '"@scope/a', '1.2.3"', "]"])
    assert server.missing_assets() == ()
    (tmp_path / "vendor" / "a.js").unlink()
    (registry / package.address).unlink()
    with pytest.raises(DownloadError, match="npm_config_registry"):
        server.fetch_assets()


def test_every_package_has_its_notice_and_no_registry_is_written_down() -> None:
    assert [each.name for each in packages()] == ["htmx.org", "@niivue/niivue"]
    for package in packages():
        for path in package.files:
            assert f"{path.rpartition('/')[2]}: " in NOTICES
    for name in ("hatch_build.py", "pyproject.toml", "src/medshelf/explorer/vendoring.py"):
        assert "registry.npm" not in (ROOT / name).read_text("utf-8")
    assert "https://" not in (vendoring.FOLDER.parents[1] / "vendor.toml").read_text("utf-8")


def test_a_wheel_made_from_the_source_archive_carries_the_files(tmp_path: Path) -> None:
    """Files that git does not keep are easily lost between the two."""
    pytest.importorskip("hatchling")
    if wanting():
        pytest.skip("The pinned files are not here; `medshelf serve --fetch-assets` gets them")
    build(ROOT, "sdist", tmp_path)
    (source,) = sorted(tmp_path.glob("*.tar.gz"))
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = sorted((tmp_path / "unpacked").iterdir())
    assert wanting(unpacked / "src" / "medshelf" / "explorer" / "static" / "vendor") == ()
    said = build(unpacked, "wheel", tmp_path)
    assert "fetch-assets" not in said
    (wheel,) = sorted(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    explorer = tmp_path / "installed" / "medshelf" / "explorer"
    assert wanting(explorer / "static" / "vendor") == ()
    for name in ("vendor.toml", "static/site.css", "templates/base.html", "strings/site.yaml"):
        assert (explorer / name).is_file()


def build(folder: Path, target: str, place: Path) -> str:
    """Build without a network; return what was said."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(place)],
        cwd=folder,
        env={**os.environ, "npm_config_registry": "http://127.0.0.1:9"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def test_a_build_without_a_registry_warns_and_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    source = tmp_path / "source"
    explorer = source / "src" / "medshelf" / "explorer"
    explorer.mkdir(parents=True)
    for name in ("hatch_build.py", "src/medshelf/explorer/vendoring.py"):
        (source / name).write_text((ROOT / name).read_text("utf-8"))
    (explorer / "vendor.toml").write_text((vendoring.FOLDER.parents[1] / "vendor.toml").read_text())
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "part"\nversion = "1"\n[tool.hatch.build.hooks.custom]\n'
    )
    said = build(source, "sdist", tmp_path)
    assert "medshelf serve --fetch-assets" in said
    assert sorted(tmp_path.glob("*.tar.gz"))
