"""Fetch one large file and many small ones over loopback, verified, against other downloaders.

Run: python benchmarks/bench_fetch.py [--megabytes 2000] [--files 5000] [--kilobytes 50]

The server is nginx where it is installed (or NGINX names it), else Python's own, which is slower
than the clients and so hides differences: the output says which. Every client verifies the MD5 of
what came, medshelf computes SHA-256 as well. pooch and huggingface_hub's `http_get` run with eight
threads for many files, aria2c (where it is installed, or ARIA2C names it) with eight downloads and
four connections per file. Each runs in a process of its own, the best of `--repeats` runs counts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000;
client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""
_THREADS = 8


def run_medshelf(urls: list[str], hashes: list[str], sizes: list[int], out: Path) -> None:
    from medshelf.acquire.fetch import fetch
    from medshelf.catalog.record import FileRecord
    from medshelf.catalog.shelf import find_record

    files = tuple(
        FileRecord(name=url.rpartition("/")[2], url=url, hash=f"md5:{each}", size_bytes=size)
        for url, each, size in zip(urls, hashes, sizes, strict=True)
    )
    record = find_record("breastmnist").model_copy(update={"files": files})
    fetch(record, options={}, root=out)


def run_pooch(urls: list[str], hashes: list[str], _sizes: list[int], out: Path) -> None:
    import pooch

    pooch.get_logger().setLevel("WARNING")

    def one(url: str, known: str) -> None:
        pooch.retrieve(url, f"md5:{known}", fname=url.rpartition("/")[2], path=out)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(one, urls, hashes))


def run_huggingface_hub(urls: list[str], hashes: list[str], sizes: list[int], out: Path) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()

    def one(url: str, known: str, size: int) -> None:
        path = out / url.rpartition("/")[2]
        with path.open("wb") as file:
            http_get(url, file, expected_size=size)
        with path.open("rb") as file:
            assert hashlib.file_digest(file, "md5").hexdigest() == known

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(one, urls, hashes, sizes))


def run_aria2c(urls: list[str], hashes: list[str], _sizes: list[int], out: Path) -> None:
    lines = [f"{url}\n  checksum=md5={each}\n" for url, each in zip(urls, hashes, strict=True)]
    (out / "list").write_text("".join(lines))
    words = f"-q -i {out}/list -d {out} -j {_THREADS} -x 4 -s 4 --file-allocation=none"
    subprocess.run([aria2c(), *words.split()], check=True)


RUNS = {
    "medshelf": run_medshelf,
    "pooch": run_pooch,
    "huggingface_hub": run_huggingface_hub,
    "aria2c": run_aria2c,
}


def aria2c() -> str:
    return os.environ.get("ARIA2C") or shutil.which("aria2c") or ""


def make_files(folder: Path, count: int, size: int) -> tuple[list[str], list[str], list[int]]:
    chance = random.Random(count)
    names, hashes = [], []
    for number in range(count):
        name = f"{count}-{number:05}.bin"
        state = hashlib.md5()
        with (folder / name).open("wb") as file:
            left = size
            while left:
                chunk = chance.randbytes(min(left, 1 << 20))
                file.write(chunk)
                state.update(chunk)
                left -= len(chunk)
        names.append(name)
        hashes.append(state.hexdigest())
    return names, hashes, [size] * count


def start_server(root: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    nginx = os.environ.get("NGINX") or shutil.which("nginx")
    if nginx:
        config = folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, root=root, port=port))
        words = [nginx, "-p", str(folder), "-c", str(config)]
    else:
        words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(words, cwd=root, stdout=quiet, stderr=quiet)
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, port, "nginx" if nginx else "python -m http.server"
        time.sleep(0.05)


def measure(name: str, jobs: Path, folder: Path) -> tuple[float, float]:
    """Return seconds and peak resident MB of one run in a process of its own."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    words = [sys.executable, __file__, "--run", name, "--jobs", str(jobs), "--out", str(out)]
    begin = time.monotonic()
    process = subprocess.Popen(words)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    if status:
        sys.exit(f"{name} failed")
    return seconds, usage.ru_maxrss / 1024


def compare(
    title: str, files: tuple[list[str], list[str], list[int]], port: int, repeats: int, folder: Path
) -> None:
    jobs = folder / "jobs"
    rows = zip(*files, strict=True)
    jobs.write_text("".join(f"http://127.0.0.1:{port}/{a} {b} {c}\n" for a, b, c in rows))
    names = [each for each in RUNS if each != "aria2c" or aria2c()]
    best = {each: (float("inf"), 0.0) for each in names}
    for _ in range(repeats):
        for name in names:
            best[name] = min(best[name], measure(name, jobs, folder))
    print(title)
    fastest = min(seconds for name, (seconds, _) in best.items() if name != "medshelf")
    for name, (seconds, megabytes) in best.items():
        ratio = f"{fastest / seconds:5.2f} x fastest peer"
        print(f"  {name:16} {seconds:8.2f} s  {ratio}  {megabytes:6.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--kilobytes", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        rows = [line.split() for line in given.jobs.read_text().splitlines()]
        urls, hashes, sizes = (list(each) for each in zip(*rows, strict=True))
        RUNS[given.run](urls, hashes, [int(each) for each in sizes], given.out)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's worker is another user
        root = folder / "root"
        root.mkdir()
        large = make_files(root, 1, given.megabytes * 1_000_000)
        small = make_files(root, given.files, given.kilobytes * 1000)
        server, port, kind = start_server(root, folder)
        print(f"server: {kind}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        try:
            compare(f"one file of {given.megabytes:,} MB", large, port, given.repeats, folder)
            title = f"{given.files:,} files of {given.kilobytes} kB"
            compare(title, small, port, given.repeats, folder)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
