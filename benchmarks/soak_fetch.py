"""Fetch thousands of files through faults and kills, and prove that nothing came twice.

Run: python benchmarks/soak_fetch.py [--files 2000] [--kill-every 3] [--faults 0.1]

A local server refuses, cuts off or closes a share of the answers; the fetching process is killed
(SIGKILL) every few seconds and started again until it ends by itself. Then every byte is compared,
and no file that was finished at a kill may have been asked for again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SIZES = (1, 500, 5_000, 50_000, 500_000, 5_000_000)
WEIGHTS = (5, 20, 30, 30, 13, 2)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, contents: dict[str, bytes], faults: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents, self.faults = contents, faults
        self.chance = random.Random(3)
        self.asked: Counter[str] = Counter()
        self.n_bytes = 0
        self.guard = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing where the client was killed."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        content = self.server.contents[self.path]
        with self.server.guard:
            self.server.asked[self.path] += 1
            faulty = self.server.chance.random() < self.server.faults
            kind = self.server.chance.choice(["busy", "cut", "close"])
        if faulty and kind == "close":
            self.close_connection = True
            return
        if faulty and kind == "busy":
            self.send_response(503)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send(content, cut=faulty)

    def send(self, content: bytes, *, cut: bool) -> None:
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        asked = self.headers.get("Range", "")
        start = int(asked[6:].split("-")[0]) if asked.startswith("bytes=") else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(content) - start))
        if asked:
            last = len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        self.end_headers()
        body = content[start:]
        body = body[: len(body) // 2] if cut else body
        with self.server.guard:
            self.server.n_bytes += len(body)
        self.wfile.write(body)
        self.close_connection = cut

    def log_message(self, *args: object) -> None:
        """Keep the terminal clean."""


def fetch_record(path: Path) -> None:
    from medshelf.acquire.fetch import fetch
    from medshelf.catalog.record import Record

    fetch(Record.model_validate_json(path.read_text("utf-8")), options={})


def write_record(path: Path, contents: dict[str, bytes], port: int) -> None:
    from medshelf.catalog.record import FileRecord
    from medshelf.catalog.shelf import find_record

    files = tuple(
        FileRecord(
            name=name[1:],
            url=f"http://127.0.0.1:{port}{name}",
            size_bytes=len(content),
            hash=f"md5:{hashlib.md5(content).hexdigest()}",
        )
        for name, content in contents.items()
    )
    record = find_record("breastmnist").model_copy(update={"id": "soak", "files": files})
    path.write_text(record.model_dump_json(), "utf-8")


def soak(server: Server, folder: Path, kill_every_s: float) -> tuple[int, dict[str, int]]:
    """Return the number of kills, and how often each finished file had been asked for."""
    path = folder / "record.json"
    write_record(path, server.contents, server.server_port)
    raw = folder / "home" / "raw" / "soak"
    environment = {**os.environ, "MEDSHELF_HOME": str(folder / "home")}
    finished: dict[str, int] = {}
    kills = 0
    while True:
        process = subprocess.Popen(
            [sys.executable, __file__, "--record", str(path)], env=environment
        )
        try:
            if process.wait(kill_every_s) != 0:
                sys.exit("the fetch failed")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            time.sleep(0.2)
            kills += 1
            for each in sorted(raw.glob("*.bin")):
                finished.setdefault(f"/{each.name}", server.asked[f"/{each.name}"])
        else:
            return kills, finished


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--kill-every", type=float, default=3.0)
    parser.add_argument("--faults", type=float, default=0.1)
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.record:
        fetch_record(given.record)
        return
    chance = random.Random(1)
    sizes = chance.choices(SIZES, WEIGHTS, k=given.files)
    contents = {f"/{n:05}.bin": chance.randbytes(size) for n, size in enumerate(sizes)}
    with tempfile.TemporaryDirectory() as name, Server(contents, given.faults) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        begin = time.monotonic()
        kills, finished = soak(server, Path(name), given.kill_every)
        seconds = time.monotonic() - begin
        raw = Path(name) / "home" / "raw" / "soak"
        wrong = [
            each for each, content in contents.items() if (raw / each[1:]).read_bytes() != content
        ]
        again = [each for each, count in finished.items() if server.asked[each] != count]
        total = sum(map(len, contents.values()))
        print(f"{given.files:,} files, {total / 1e6:,.0f} MB, {kills} kills, {seconds:.0f} s")
        print(f"sent by the server: {server.n_bytes / total:.3f} x the bytes of the files")
        print(f"wrong bytes: {len(wrong)}; finished files asked for again: {len(again)}")
        server.shutdown()
        sys.exit(bool(wrong or again))


if __name__ == "__main__":
    main()
