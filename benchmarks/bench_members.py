"""Read members of archives in random order, against loose files and against the standard library.

Warm page cache, one core. Members are as long as a 1024 px radiograph in PNG.
"""

from __future__ import annotations

import importlib.util
import random
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from pairs import compare

from medshelf.formats.archive import list_members, read_member

N_MEMBERS, N_READ, SIZE_BYTES = 1000, 300, 400_000
N_MANY = 10_000
RNG = random.Random(0)


def make(folder: Path) -> list[str]:
    """Write the same members as loose files, as zips and as tars."""
    loose = folder / "loose"
    loose.mkdir()
    names = [f"{number:08}_000.png" for number in range(N_MEMBERS)]
    with (
        zipfile.ZipFile(folder / "stored.zip", "w", zipfile.ZIP_STORED) as stored,
        zipfile.ZipFile(folder / "deflated.zip", "w", zipfile.ZIP_DEFLATED) as deflated,
        tarfile.open(folder / "plain.tar", "w") as tar,
    ):
        for name in names:
            data = RNG.randbytes(SIZE_BYTES // 2) + RNG.randbytes(500) * (SIZE_BYTES // 1000)
            (loose / name).write_bytes(data)
            for archive in (stored, deflated):
                archive.write(loose / name, name)
            tar.add(loose / name, name)
    with tarfile.open(folder / "packed.tar.gz", "w:gz", compresslevel=1) as tar:
        for name in names:
            tar.add(loose / name, name)
    with zipfile.ZipFile(folder / "many.zip", "w") as many:
        for number in range(N_MANY):
            many.writestr(f"{number}.txt", str(number))
    return RNG.sample(names, N_READ)


def all_of(names: list[str], read: Callable[[str], bytes]) -> Callable[[], None]:
    """Return a function that reads them one after the other and keeps none."""

    def work() -> None:
        for name in names:
            read(name)

    return work


def against_loose(folder: Path, archive: str, names: list[str]) -> None:
    """Print what a member costs over a loose file."""
    path, loose = folder / archive, folder / "loose"
    median = compare(
        f"{N_READ} members of {archive}, against loose files",
        all_of(names, lambda name: read_member(path, name)),
        all_of(names, lambda name: (loose / name).read_bytes()),
    )
    print(f"  that is {100 / median - 100:+.0f} % of a loose file's time")


def members(folder: Path) -> None:
    """Print all ratios."""
    names = make(folder)
    against_loose(folder, "stored.zip", names)
    against_loose(folder, "plain.tar", names)
    with zipfile.ZipFile(folder / "deflated.zip") as opened:
        compare(
            f"{N_READ} members of deflated.zip, against an open zipfile",
            all_of(names, lambda name: read_member(folder / "deflated.zip", name)),
            all_of(names, opened.read),
        )
    many = [f"{RNG.randrange(N_MANY)}.txt" for _ in range(20)]
    compare(
        f"20 members of a zip of {N_MANY:,}, against a zipfile opened for each",
        all_of(many, lambda name: read_member(folder / "many.zip", name)),
        all_of(many, lambda name: zipfile.ZipFile(folder / "many.zip").read(name)),
    )
    list_members(folder / "packed.tar.gz")
    with tarfile.open(folder / "packed.tar.gz") as tar:
        tar.getmembers()
        compare(
            "3 members of packed.tar.gz in random order, against an open tarfile",
            all_of(names[:3], lambda name: read_member(folder / "packed.tar.gz", name)),
            all_of(names[:3], lambda name: tar.extractfile(name).read()),  # type: ignore[union-attr]
        )


if __name__ == "__main__":
    for package in ("isal", "indexed_gzip"):
        print(f"{package} is {'' if importlib.util.find_spec(package) else 'not '}installed")
    with tempfile.TemporaryDirectory() as name:
        members(Path(name))
