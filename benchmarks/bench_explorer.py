"""The explorer over HTTP, against NiceGUI's grid of the same pictures in one run.

Each figure is what a browser waits for, from one keep-alive connection, without what a browser
draws. NiceGUI is compared where it is installed: it gets the same table in memory as numpy columns,
filters it with the same masks, and shows the same 60 tiles; its figure is one request of a page
with that filter.

    python benchmarks/bench_explorer.py [rows, 1000000] [repeats, 100] [a python that has NiceGUI]
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import polars as pl
from PIL import Image

from medshelf.core.manifest import SCHEMA, SPLITS, Manifest, Meta
from medshelf.formats.nifti_writer import write
from medshelf.formats.raster import Raster

HERE = "/en/manifests/made/samples"
N_PICTURES = 512
EDGE = 1024
SITES = [f"site {number:02}" for number in range(40)]
NICEGUI = """
import sys, time
import numpy as np
from nicegui import ui
n, port = int(sys.argv[1]), int(sys.argv[2])
rows = np.arange(n)
sex, age, site = rows % 3, rows % 97, rows % 40
@ui.page("/")
def page(sex_is: int = -1, age_from: int = 0, start: int = 0):
    inside = age >= age_from
    if sex_is >= 0:
        inside &= sex == sex_is
    found = np.flatnonzero(inside)
    counts = np.bincount(site[found], minlength=40), np.bincount(sex[found], minlength=3)
    ui.label(f"{len(found)} of {n}")
    with ui.row():
        with ui.column():
            for each in counts:
                for number, count in enumerate(each):
                    ui.link(f"{number}: {count}", f"/?sex_is={number}")
        with ui.grid(columns=8):
            for row in found[start : start + 60]:
                with ui.card():
                    ui.image(f"/thumb/{row}.jpg")
                    ui.label(f"s{row:07}")
ui.run(port=port, reload=False, show=False, host="127.0.0.1")
"""


def make(folder: Path, n_rows: int) -> None:
    """Write a manifest of so many rows over 512 JPEGs of 1024 pixels, and a volume of 512."""
    draw = np.random.default_rng(0)
    grid = np.add.outer(np.arange(EDGE), np.arange(EDGE)) // 8
    for number in range(N_PICTURES):
        noise = draw.integers(0, 30, (EDGE, EDGE))
        picture = ((grid + noise + number) % 256).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{number}.jpg", quality=90)
    volume = draw.integers(-1000, 2000, (512, 512, 100)).astype(np.int16)
    affine = np.diag([-0.7, -0.7, 1.0, 1.0])
    write(folder / "volume.nii", Raster(volume, "XYZ", spacing_mm=(0.7, 0.7, 1.0), affine=affine))
    rows = pl.select(row=pl.int_range(n_rows)).lazy()
    row = pl.col("row")
    none = pl.lit(None, pl.String)
    is_volume = row == 0
    path = pl.when(is_volume).then(pl.lit("volume.nii"))
    ending = pl.when(is_volume).then(pl.lit("nii")).otherwise(pl.lit("jpg"))
    medium = pl.struct(
        name=pl.lit("image"),
        role=pl.lit("image"),
        path=path.otherwise(pl.format("{}.jpg", row % N_PICTURES)),
        member=none,
        index=pl.lit(None, pl.Int64),
        format=ending,
        label=none,
        annotator=none,
    )
    made = rows.select(
        sample_id=pl.format("s{}", row.cast(pl.String).str.zfill(8)),
        split=pl.lit(pl.Series(SPLITS)).gather(row % 3).cast(SCHEMA["split"]),
        patient_id=pl.format("p{}", row // 4),
        label=pl.when(row % 2 == 0).then(pl.lit("benign")).otherwise(pl.lit("malignant")),
        sex=pl.when(row % 3 == 0).then(pl.lit("F")).when(row % 3 == 1).then(pl.lit("M")),
        age_years=(row % 97).cast(pl.Float32),
        site=pl.lit(pl.Series(SITES)).gather(row % 40),
        text=pl.struct(
            report=pl.format("Report {} of site {}.", row % 1009, row % 40),
            **dict.fromkeys(
                ("findings", "impression", "caption", "context"), pl.lit(None, pl.String)
            ),
        ),
        media=pl.concat_list(medium).cast(SCHEMA["media"]),
    )
    meta = Meta(dataset="made", name="Made", version="1")
    Manifest.from_columns(made, meta, folder).write(folder / "made.parquet")


@contextmanager
def server(folder: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[str], float]]:
    """Yield a client that is let in, the process, and the seconds to the first page."""
    home = {"HOME": str(folder), "MEDSHELF_HOME": str(folder / "home")}
    environment = os.environ | home | {"XDG_CACHE_HOME": str(folder / "cache")}
    started = time.perf_counter()
    command = [sys.executable, "-m", "medshelf", "serve", str(folder / "made.parquet"), "--json"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        assert process.stdout
        lines = ""
        while "}" not in lines:
            lines += process.stdout.readline()
        with httpx.Client(trust_env=False, timeout=300, follow_redirects=True) as client:
            url = json.loads(lines)["url"]
            client.get(url.replace("/?", "/en/about?")).raise_for_status()
            first = time.perf_counter() - started
            client.base_url = httpx.URL(url.partition("?")[0])
            yield client, process, first
    finally:
        process.terminate()
        process.wait(30)


def timed(get: Callable[[int], httpx.Response], repeats: int) -> tuple[list[float], int]:
    """Return milliseconds of each request, and the bytes of the last answer."""
    times = []
    for number in range(repeats):
        started = time.perf_counter()
        answer = get(number)
        times.append(1000 * (time.perf_counter() - started))
        answer.raise_for_status()
    return times, int(answer.headers.get("content-length", len(answer.content)))


def tell(what: str, found: tuple[list[float], int]) -> None:
    times, size = found
    p95 = sorted(times)[min(len(times) - 1, int(0.95 * len(times)))]
    median = statistics.median(times)
    print(f"{what:46} p50 {median:8.1f} ms   p95 {p95:8.1f} ms   {size / 1000:7.1f} kB")


def resident_mb(process: subprocess.Popen[str]) -> float:
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def medshelf(folder: Path, n_rows: int, repeats: int) -> None:
    with server(folder) as (client, process, first):
        print(f"{'start to first page, cold process':46} {first:12.2f} s")
        started = time.perf_counter()
        told = client.get(f"/api{HERE}").json()
        opening = time.perf_counter() - started
        print(f"{f'first page of {n_rows:,} rows':46} {opening:12.2f} s")
        ages = lambda number: {"age_from": number % 90, "sex": ("F", "M")[number % 2]}  # noqa: E731
        tell("new filter with counts", timed(lambda n: client.get(HERE, params=ages(n)), repeats))
        wheres = lambda n: {"where": f"age_years > {n % 90} and site != 'site {n % 40:02}'"}  # noqa: E731
        tell("new condition", timed(lambda n: client.get(HERE, params=wheres(n)), repeats))
        pages = n_rows // 60
        turn = lambda n: {"page": 1 + n * 37 % pages}  # noqa: E731
        tell("next page", timed(lambda n: client.get(HERE, params=turn(n)), repeats))
        words = lambda n: {"q": f"report {n % 1009} of"}  # noqa: E731
        few = max(3, repeats // 5)
        tell("text search", timed(lambda n: client.get(HERE, params=words(n)), few))
        pixels(client, next(each["thumbnail"] for each in told["tiles"]).split("/")[2], repeats)
        timed(lambda n: client.get(HERE, params=ages(n) | turn(n % 5)), max(10, 10 * repeats))
        after = resident_mb(process)
        print(f"{f'resident after {max(10, 10 * repeats):,} more requests':46} {after:12.0f} MB")


def pixels(client: httpx.Client, key: str, repeats: int) -> None:
    def thumb(number: int) -> httpx.Response:
        return client.get(f"/media/{key}/{100 + number % 60}/0/thumb.jpg")

    started = time.perf_counter()
    with ThreadPoolExecutor(6) as pool:  # as many connections as a browser opens
        list(pool.map(thumb, range(60)))
    print(f"{'60 cold tiles of 1024 px JPEG':46} {time.perf_counter() - started:12.2f} s")
    tell("thumbnail, kept", timed(thumb, 4 * repeats))
    cut = lambda n: client.get(f"/media/{key}/0/0/slice/axial/{n % 100}.i16")  # noqa: E731
    timed(cut, 1)
    tell("new slice of 512 x 512", timed(cut, repeats))


def nicegui(folder: Path, n_rows: int, repeats: int, python: str) -> None:
    tried = subprocess.run([python, "-c", "import nicegui"], capture_output=True, check=False)
    if tried.returncode:
        print(f"NiceGUI is not installed in {python}; no comparison (pip install nicegui)")
        return
    port = 18_400 + os.getpid() % 1000
    (folder / "grid.py").write_text(NICEGUI)
    command = [python, str(folder / "grid.py"), str(n_rows), str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            while True:
                try:
                    client.get("/").raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.02)
            print(f"{'NiceGUI: start to first page':46} {time.perf_counter() - started:12.2f} s")
            ask = lambda n: {"sex_is": n % 2, "age_from": n % 90}  # noqa: E731
            tell("NiceGUI: new filter", timed(lambda n: client.get("/", params=ask(n)), repeats))
            turn = lambda n: {"start": n * 60}  # noqa: E731
            tell("NiceGUI: next page", timed(lambda n: client.get("/", params=turn(n)), repeats))
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    given = [*sys.argv[1:], *("1000000", "100", sys.executable)[len(sys.argv) - 1 :]]
    n_rows, repeats = int(given[0]), int(given[1])
    folder = Path(tempfile.mkdtemp())
    try:
        make(folder, n_rows)
        medshelf(folder, n_rows, repeats)
        nicegui(folder, n_rows, repeats, given[2])
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
