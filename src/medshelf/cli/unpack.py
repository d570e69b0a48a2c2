"""`medshelf unpack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Quiet, Records, Root, note, print_json, start, use_records

if TYPE_CHECKING:
    pass


def run(
    what: Annotated[
        str, typer.Argument(metavar="ID|PATH", help="A dataset, a folder, or an archive.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder to unpack into.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of names that do not state theirs, e.g. gbk.")
    ] = None,
    nested: Annotated[
        int, typer.Option(help="Levels of archives in archives that are unpacked too.")
    ] = 0,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Leave out what is not safe to unpack.")
    ] = False,
    max_bytes: Annotated[
        int | None, typer.Option(help="Refuse what unpacks to more than so many bytes.", min=0)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what was unpacked before.")
    ] = False,
    root: Root = None,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Unpack archives safely; readers do not need it, they read members in place."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.acquire.unpacking.unpack import Options, unpack

    options = Options(encoding, nested, skip_refused, max_bytes, force)
    rows = []
    for archive, folder in _pairs(what, out, root):
        done = unpack(archive, folder, options)
        rows.append(done.as_dict())
        for issue in done.issues:
            note(f"{issue.severity}: {issue.where}: {issue.message}. {issue.remedy}.")
        if not json:
            print(done.folder)
    if json:
        print_json(rows)


def _pairs(what: str, out: Path | None, root: Path | None) -> list[tuple[Path, Path | None]]:
    """Return each archive with the folder that it goes to; null stands for the usual one."""
    from medshelf.acquire.unpacking.unpack import default_folder, find_archives

    path = Path(what).expanduser()
    if path.is_file():
        return [(path, out)]
    folder = path if path.is_dir() else _tree(what, out, root)
    found = find_archives(folder)
    if out is None:
        return [(each, None) for each in found]
    return [(each, out / default_folder(each).relative_to(folder)) for each in found]


def _tree(dataset: str, out: Path | None, root: Path | None) -> Path:
    from medshelf.catalog.shelf import find_record
    from medshelf.core.errors import NotFetchedError, StorageError
    from medshelf.core.settings import Settings

    name, settings = find_record(dataset).id, Settings.from_environment()
    own = root or settings.raw_folder(name)
    places = [own] if root else [own, *(each / name for each in settings.search_path)]
    folder = next((each for each in places if each.is_dir()), None)
    if folder is None:
        remedy = f"Fetch it with: medshelf fetch {name}"
        raise NotFetchedError(name, "an archive", places, remedy)
    if out is None and folder != own:
        problem = f"{folder} is only read: MEDSHELF_DATA names it"
        raise StorageError(problem, "Pass --out FOLDER, or --root to unpack there all the same")
    return folder
