"""Tasks that worker processes can import."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from medshelf.core.errors import FormatError


@dataclass(frozen=True)
class Digests:
    """Write one line per item; slow enough to be interrupted."""

    salt: str = ""
    pause_s: float = 0.0

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        with path.open("w", encoding="ascii") as file:
            for item in items:
                time.sleep(self.pause_s)
                file.write(f"{item} {hashlib.sha256(f'{self.salt}{item}'.encode()).hexdigest()}\n")


@dataclass(frozen=True)
class Poisoned:
    """Digests, but some items end the process: killed, by exit code, or by a segfault."""

    killed: tuple[int, ...] = ()
    exited: tuple[int, ...] = ()
    pause_s: float = 0.0

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        for item in items:
            if item in self.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            if item in self.exited:
                os._exit(3)
        Digests(pause_s=self.pause_s)(items, path)


@dataclass(frozen=True)
class Crowded:
    """End the process where more than `limit` items come together."""

    limit: int

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        if len(items) > self.limit:
            os._exit(7)
        Digests()(items, path)


@dataclass(frozen=True)
class Raising:
    """Raise at one item; `kind` says what."""

    kind: str
    item: int

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        if self.item in items:
            self.fail(path)
        Digests()(items, path)

    def fail(self, path: Path) -> None:
        if self.kind == "format":
            raise FormatError(Path("scan.dcm"), "it has no pixels")
        if self.kind == "full":
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if self.kind == "missing":
            Path("/no/such/file").read_bytes()
        if self.kind == "decode":
            b"\xff".decode("utf-8")
        if self.kind == "local":

            class LocalError(Exception):
                pass

            raise LocalError("of a class that cannot be imported")


@dataclass(frozen=True)
class Silent:
    """Write nothing."""

    def __call__(self, _items: range | tuple[int, ...], _path: Path) -> None: ...


@dataclass(frozen=True)
class FileLimited:
    """Write more than the process may: the kernel refuses in the midst of a file."""

    def __call__(self, _items: range | tuple[int, ...], path: Path) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        path.write_bytes(bytes(1000))


@dataclass(frozen=True)
class Environment:
    """Write what the process was told about threads."""

    def __call__(self, _items: range | tuple[int, ...], path: Path) -> None:
        path.write_text(f"{os.environ['POLARS_MAX_THREADS']} {os.environ['OMP_NUM_THREADS']}")


@dataclass(frozen=True)
class Noted:
    """Digests, and a file named after each process that did it."""

    notes: Path
    pause_s: float

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        (self.notes / f"{os.getpid()}").touch()
        Digests(pause_s=self.pause_s)(items, path)


@dataclass(frozen=True)
class Deaf:
    """Hold the interpreter for ever, so that no other thread of the process runs."""

    notes: Path

    def __call__(self, _items: range | tuple[int, ...], _path: Path) -> None:
        (self.notes / f"{os.getpid()}").touch()
        re.match(r"(a+)+$", "a" * 60 + "b")


@dataclass(frozen=True)
class Haunted:
    """End the first two processes; the third, which tries items apart, waits for ever."""

    notes: Path

    def __call__(self, _items: range | tuple[int, ...], _path: Path) -> None:
        if len(sorted(self.notes.iterdir())) == 2:
            (self.notes / f"{os.getpid()}").touch()
            time.sleep(600)
        (self.notes / f"{os.getpid()}").touch()
        os._exit(1)


@dataclass(frozen=True)
class Placed:
    """Digests, and a file named after each machine of a Ray cluster that did it."""

    notes: Path
    pause_s: float

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        import ray

        (self.notes / ray.get_runtime_context().get_node_id()).touch()
        Digests(pause_s=self.pause_s)(items, path)
