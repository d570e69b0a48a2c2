"""Many files, faults, and kills: it ends complete, and finished files come once."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medshelf.acquire.fetch import fetch
from medshelf.acquire.standing.checking import State, check_folder
from medshelf.catalog.record import Record
from medshelf.core.settings import Settings
from tests.acquire import fetch_program
from tests.acquire.scripted_server import Act, Handler, scripted, well

N_FILES = 120
KILLS = 3


def contents(chance: random.Random) -> dict[str, bytes]:
    sizes = [chance.choice([0, 1, 900, 50_000, 300_000]) or 7 for _ in range(N_FILES)]
    return {f"/{n:03}.bin": chance.randbytes(size) for n, size in enumerate(sizes)}


def fault(chance: random.Random) -> Act:
    def act(handler: Handler) -> None:
        kind = chance.choice(["busy", "down", "cut", "close"])
        content = handler.content() or b""
        if kind == "cut":
            handler.send(content, cut=len(content) // 2)
        elif kind == "close":
            handler.close_connection = True
        else:
            handler.refuse({"busy": 429, "down": 503}[kind], Retry_After="0")

    return act


def slowly(handler: Handler) -> None:
    time.sleep(0.02)
    well(handler)


def test_a_soak(make_record: Callable[..., Record], settings: Settings, tmp_path: Path) -> None:
    chance = random.Random(11)
    files = contents(chance)
    steps: list[Act] = [fault(chance) if n % 10 == 0 else slowly for n in range(2 * N_FILES)]
    with scripted(files, steps) as server:
        listed: list[dict[str, Any]] = [
            {
                "name": path[1:],
                "url": server.url(path),
                "size_bytes": len(content),
                "hash": f"md5:{hashlib.md5(content).hexdigest()}",
            }
            for path, content in files.items()
        ]
        whole = make_record("http://127.0.0.1/").model_dump() | {"files": listed}
        record = Record.model_validate(whole)
        (tmp_path / "record.json").write_text(record.model_dump_json(), "utf-8")
        command = [sys.executable, fetch_program.__file__, str(tmp_path / "record.json")]
        folder = settings.raw_folder("toy")
        finished: dict[str, int] = {}
        for kill in range(KILLS):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            while process.poll() is None and len(sorted(folder.glob("*.bin"))) < 20 * (kill + 1):
                time.sleep(0.01)
            process.kill()
            process.communicate()
            for path in sorted(folder.glob("*.bin")):
                finished.setdefault(
                    path.name, Counter(each for each, _ in server.asked)[f"/{path.name}"]
                )
        fetch(record, options={}, settings=settings)
        asked = Counter(path for path, _ in server.asked)
        # What was finished when a process was killed was not asked for again.
        assert {name: asked[f"/{name}"] for name in finished} == finished
    assert len(finished) >= 20
    for path, content in files.items():
        assert (folder / path[1:]).read_bytes() == content
    assert {each.state for each in check_folder(record, folder, settings)} == {State.VERIFIED}
    assert not sorted(folder.glob("*.part*"))
