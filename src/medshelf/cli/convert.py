"""`medshelf convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from medshelf.cli.output import (
    Json,
    Options,
    Quiet,
    Records,
    Root,
    note,
    options,
    print_json,
    start,
    use_records,
)
from medshelf.cli.passing import Address, EngineOption, Workers

if TYPE_CHECKING:
    from medshelf.conversion.preparation import Preparation

_Resize = Literal["area", "bilinear", "nearest", "pad"]


def run(
    dataset: Annotated[str, typer.Argument(metavar="ID|MANIFEST", help="Id or Parquet manifest.")],
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER|URL", help="Where the product goes; also s3://...")
    ],
    to: Annotated[str, typer.Option(help="Format, e.g. coco; see docs/converting.md.")],
    root: Root = None,
    option: Options = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", help="Option of the format, NAME=VALUE; may be repeated."),
    ] = None,
    size: Annotated[str, typer.Option(help="Pixels: 224, or X,Y or X,Y,Z.")] = "",
    resize: Annotated[_Resize, typer.Option(help="How images change size.")] = "area",
    window: Annotated[str, typer.Option(help="lung, bone ... or centre,width.")] = "",
    spacing: Annotated[str, typer.Option(help="Millimetres: 1, or X,Y or X,Y,Z.")] = "",
    crop: Annotated[
        str, typer.Option(help="Edges in pixels: x0,x1,y0,y1[,z0,z1], or centre:N.")
    ] = "",
    dtype: Annotated[str, typer.Option(help="Type of the values, e.g. uint8.")] = "",
    channels: Annotated[
        Literal["grey", "rgb"] | None, typer.Option(help="Colours of pictures.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="official, none, or e.g. patient:0.7,0.1,0.2.")
    ] = "official",
    seed: Annotated[int, typer.Option(help="Of a derived split.")] = 0,
    filter_: Annotated[
        str, typer.Option("--filter", help="Condition, e.g. \"age_years > 18 and view == 'PA'\".")
    ] = "",
    labels: Annotated[str, typer.Option(help="Classes to keep, joined by commas.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many samples.")] = None,
    drop: Annotated[str, typer.Option(help="What may be lost, joined by commas.")] = "",
    on_error: Annotated[
        Literal["stop", "skip"], typer.Option(help="At a sample that cannot be read.")
    ] = "stop",
    shard_size: Annotated[
        int | None, typer.Option(min=1, help="Samples per shard or piece of work.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write some on trial; say what all would take.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Do nothing where the whole product is there.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a product that is there.")
    ] = False,
    acknowledge_terms: Annotated[
        bool, typer.Option("--acknowledge-terms", help="The product will not be passed on.")
    ] = False,
    workers: Workers = None,
    engine: EngineOption = "local",
    address: Address = None,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a dataset in the format that a trainer reads."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.api import converting
    from medshelf.conversion.choosing import Choosing
    from medshelf.conversion.request import Labour, Request

    if resume and overwrite:
        message = "choose one of --resume and --overwrite"
        raise typer.BadParameter(message, param_hint="--resume")
    request = Request(
        target=to,
        preparation=_preparation(size, resize, window, spacing, crop, dtype, channels),
        options=options(with_),
        drop=frozenset(_listed(drop)),
        on_error=on_error,
        existing="overwrite" if overwrite else "resume" if resume else "refuse",
        shard_size=shard_size,
    )
    choosing = Choosing(filter_, tuple(_listed(labels)), split, seed, limit)
    given: dict[str, Any] = {"root": root, "options": options(option), "choosing": choosing}
    if dry_run:
        found = converting.estimate(dataset, request, **given, workers=workers)
        _show_estimate(found, as_json=json)
        return
    labour = Labour(workers, engine, address)
    done = converting.convert(
        dataset, folder, request, **given, labour=labour, acknowledge=acknowledge_terms
    )
    if json:
        from dataclasses import asdict

        print_json(asdict(done))
    else:
        print(done.folder)
        for name, reason in done.skipped.items():
            note(f"left out: {name}: {reason}")
        lost = f", without {', '.join(done.dropped)}" if done.dropped else ""
        note(f"{done.n_written:,} samples written{lost}, {len(done.skipped):,} left out")


def _preparation(*given: Any) -> Preparation:
    from medshelf.conversion.preparation import Preparation
    from medshelf.imaging.window import parse_window

    size, resize, window, spacing, crop, dtype, channels = given
    return Preparation(
        size=tuple(int(each) for each in _numbers("--size", size)),
        resize=resize,
        window=parse_window(window) if window else None,
        spacing_mm=tuple(_numbers("--spacing", spacing)),
        crop=crop,
        dtype=dtype,
        channels=channels,
    )


def _numbers(option: str, text: str) -> list[float]:
    try:
        found = [float(each) for each in _listed(text)]
    except ValueError as error:
        message = f"{text!r} holds no numbers"
        raise typer.BadParameter(message, param_hint=option) from error
    if any(each <= 0 for each in found):
        message = f"{text!r}: numbers above 0"
        raise typer.BadParameter(message, param_hint=option)
    return found


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _show_estimate(found: Any, *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json(asdict(found))
        return
    many = "1 process" if found.n_workers == 1 else f"{found.n_workers} processes"
    print(
        f"{found.n_samples:,} samples, about {found.size_bytes / 1e6:,.1f} MB and "
        f"{found.duration_s:,.0f} s with {many} (from {found.n_tried:,} on trial)"
    )
    if found.dropped:
        print(f"without: {', '.join(found.dropped)}")
