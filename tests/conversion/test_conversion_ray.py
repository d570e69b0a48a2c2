"""A conversion on a Ray cluster of two nodes, one of which is killed, gives the local bytes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medshelf.conversion.choosing import Choosing, choose
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.manifest import read_manifest
from tests.parallel.test_parallel_ray import Nodes, names, needs_ray, of_session, until
from tests.quality.miniatures import N_PICTURES, pictures, texture

_PROGRAM = """
import sys
from pathlib import Path
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.manifest import read_manifest
root, out, address = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
request = Request(
    "image-folder", Preparation(size=(64,)), drop=frozenset({"masks", "boxes"}), shard_size=1
)
convert(read_manifest(root.parent / "m.parquet", root), out, request, Labour(None, "ray", address))
"""


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    # a short path, as sockets lie in it; the last agents of a killed Ray may still write there
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as name:
        monkeypatch.setenv("RAY_TMPDIR", name)
        cluster = Nodes(tmp_path)
        yield cluster
        for node in reversed(cluster.started.copy()):
            cluster.kill(node)


@needs_ray
def test_a_node_killed_in_the_midst_changes_no_byte_of_the_product(
    tmp_path: Path, nodes: Nodes
) -> None:
    manifest = pictures(tmp_path / "raw")
    for number in range(N_PICTURES):
        large = np.kron(texture(number, (96, 96)), np.ones((40, 40), np.uint8))
        Image.fromarray(large).save(tmp_path / f"raw/images/{number:03}.png", compress_level=1)
    choose(manifest, Choosing(split="none")).write(tmp_path / "m.parquet")
    second = nodes.start(f"--address={nodes.address}")
    words = [sys.executable, "-c", _PROGRAM, tmp_path / "raw", tmp_path / "out", nodes.address]
    with subprocess.Popen(
        [str(each) for each in words], env=nodes.environment, stderr=subprocess.PIPE
    ) as job:
        stage = tmp_path / ".out.part/.work/shards/all"
        until(
            lambda: (
                job.poll() is not None
                or (
                    len(sorted(stage.glob("shard-*"))) > 1
                    and "ray::_answer" in names(of_session(second.pid))
                )
            )
        )
        at_kill = len(sorted(stage.glob("shard-*")))
        nodes.kill(second)
        _, said = job.communicate()
    assert job.returncode == 0, said.decode()
    assert 1 < at_kill < N_PICTURES
    request = Request(
        "image-folder", Preparation(size=(64,)), drop=frozenset({"masks", "boxes"}), shard_size=1
    )
    again = read_manifest(tmp_path / "m.parquet", tmp_path / "raw")
    convert(again, tmp_path / "local", request, Labour(workers=0))
    assert _bytes(tmp_path / "out") == _bytes(tmp_path / "local")


def _bytes(folder: Path) -> dict[str, bytes]:
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}
