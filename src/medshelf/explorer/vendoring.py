"""JavaScript of others: named files of pinned npm packages, fetched when medshelf is built.

Standard library only: the build loads this file by its path, before medshelf is installed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FOLDER = Path(__file__).parent / "static" / "vendor"
_PINS = Path(__file__).with_name("vendor.toml")
_TIMEOUT_S = 20
_N_BYTES = 64 * 2**20


class VendoringError(Exception):
    """The files cannot be had here: no registry, no network, not the pinned bytes."""


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned package.

    Attributes:
        name: At the registry.
        version: The only one that will do.
        licence: SPDX identifier.
        integrity: Digest of the whole package, `sha512-` and base64.
        files: Path in the package to SHA-256, in hexadecimal digits.
    """

    name: str
    version: str
    licence: str
    integrity: str
    files: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where the package lies below a registry."""
        return f"{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"


def packages() -> tuple[Package, ...]:
    """Return what `vendor.toml` pins."""
    return tuple(Package(**each) for each in tomllib.loads(_PINS.read_text("utf-8"))["package"])


def wanting(folder: Path = FOLDER) -> tuple[Package, ...]:
    """Return the packages of which a file is absent or is not the pinned one."""
    return tuple(
        each for each in packages() if not all(_is_there(folder, *one) for one in _of(each))
    )


def provide(folder: Path = FOLDER) -> tuple[Package, ...]:
    """Fetch what is wanting.

    Returns:
        What was fetched.

    Raises:
        VendoringError: A registry is not known, does not answer, or has other bytes.
        OSError: The folder cannot be written.
    """
    fetched = wanting(folder)
    for each in fetched:
        data = _download(each)
        for path, sha256 in _of(each):
            _write(folder / PurePosixPath(path).name, _member(data, each, path, sha256))
    return fetched


def registry(package: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the address of the registry that npm would take a package from.

    Args:
        package: A name, with a scope or without.
        environment: By default that of this process.

    Raises:
        VendoringError: npm is not configured here, and not installed.
    """
    given = os.environ if environment is None else environment
    scope = package.partition("/")[0] + ":registry" if package.startswith("@") else "registry"
    for settings in (_variables(given), *_files(given)):
        for key in (scope, "registry"):
            if address := settings.get(key):
                return _checked(address)
    return _checked(_asked(given))


def _of(package: Package) -> Iterator[tuple[str, str]]:
    yield from package.files.items()


def _is_there(folder: Path, path: str, sha256: str) -> bool:
    place = folder / PurePosixPath(path).name
    return place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == sha256


def _download(package: Package) -> bytes:
    import urllib.request  # costs start-up time, and is seldom needed

    url = registry(package.name) + package.address
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http(s) only
            data: bytes = answer.read(_N_BYTES + 1)
    except (OSError, ValueError) as error:
        message = f"{package.name} cannot be fetched from {url}: {error}"
        raise VendoringError(message) from error
    digest = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if digest != package.integrity:
        message = (
            f"{url} is not {package.name} {package.version}: {digest}, not {package.integrity}"
        )
        raise VendoringError(message)
    return data


def _member(data: bytes, package: Package, path: str, sha256: str) -> bytes:
    import tarfile

    found = b""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            if member.name == f"package/{path}" and member.isfile():
                file = archive.extractfile(member)
                found = file.read(_N_BYTES) if file else b""
    if hashlib.sha256(found).hexdigest() != sha256:
        message = f"{path} of {package.name} {package.version} is not the pinned file"
        raise VendoringError(message)
    return found


def _write(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(data)
    part = Path(file.name)
    part.chmod(0o644)
    part.replace(place)


def _variables(given: Mapping[str, str]) -> dict[str, str]:
    prefix = "npm_config_"
    return {
        name[len(prefix) :].lower(): value
        for name, value in given.items()
        if name.lower().startswith(prefix)
    }


def _files(given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the settings of npm's own files: of the working folder, then of the user."""
    user = _variables(given).get("userconfig") or str(Path.home() / ".npmrc")
    for path in (Path(".npmrc"), Path(user)):
        try:
            lines = path.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if not line.lstrip().startswith((";", "#")))
        yield {name.strip(): _filled(value, given) for name, sign, value in pairs if sign}


def _filled(value: str, given: Mapping[str, str]) -> str:
    bare = value.strip().strip("\"'")
    return re.sub(r"\$\{(\w+)\}", lambda found: given.get(found[1], ""), bare)


def _asked(given: Mapping[str, str]) -> str:
    npm = shutil.which("npm", path=given.get("PATH"))
    if npm is None:
        message = "No registry of npm is named (npm_config_registry, .npmrc), and there is no npm"
        raise VendoringError(message)
    done = subprocess.run(  # noqa: S603 - npm of this machine, with fixed words
        [npm, "config", "get", "registry"],
        env=dict(given),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return done.stdout.strip()


def _checked(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        message = f"npm's configuration names a registry that is no web address: {address!r}"
        raise VendoringError(message)
    return address.rstrip("/") + "/"
