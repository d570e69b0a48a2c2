"""Many files at once; one that fails does not keep the others from coming."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from medshelf.acquire.transfers.jobs import Job
from medshelf.acquire.transfers.session import Session, Stopped
from medshelf.core.errors import (
    DownloadError,
    GateError,
    MedshelfError,
    OfflineError,
    SettingError,
    StorageError,
)
from medshelf.core.progress import progress_bar

_WORKERS = 4
_GRACE_S = 3.0
_FOR_ALL = (GateError, OfflineError, SettingError, StorageError)
"""What one file meets, all others would meet too."""


def run_jobs(
    jobs: Sequence[Job], bring: Callable[[Job], None], session: Session, title: str
) -> None:
    """Call `bring` for every job, several at once.

    Raises:
        MedshelfError: The first failure; it names how many more there are.
        KeyboardInterrupt: The user interrupts; the transfers end, and what came stays.
    """
    with _total(jobs, session, title):
        if len(jobs) == 1:
            try:
                bring(jobs[0])
            except KeyboardInterrupt:
                session.stopped.set()
                raise
        elif jobs:
            _Batch(jobs, bring, session).run()


class _Batch:
    def __init__(self, jobs: Sequence[Job], bring: Callable[[Job], None], session: Session) -> None:
        self.jobs = iter(jobs)
        self.n_jobs = len(jobs)
        self.bring = bring
        self.session = session
        self.guard = threading.Lock()
        self.failures: list[MedshelfError] = []
        self.crash: BaseException | None = None

    def run(self) -> None:
        n_threads = min(_WORKERS, self.n_jobs)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(n_threads)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            self.session.stopped.set()
            for thread in threads:
                thread.join(_GRACE_S / n_threads)
            raise
        if self.crash is not None:
            raise self.crash
        if self.failures:
            raise self._failure()

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                try:
                    self.bring(job)
                except MedshelfError as error:
                    self.failures.append(error)
                    if isinstance(error, _FOR_ALL):
                        return
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self.crash = error

    def _next(self) -> Job | None:
        with self.guard:
            ended = self.crash or any(isinstance(each, _FOR_ALL) for each in self.failures)
            return None if ended else next(self.jobs, None)

    def _failure(self) -> MedshelfError:
        first = next((each for each in self.failures if isinstance(each, _FOR_ALL)), None)
        if first is not None or len(self.failures) == 1:
            return first or self.failures[0]
        n_failed = len(self.failures)
        problem = f"{n_failed:,} of {self.n_jobs:,} files did not come; the first: "
        problem += self.failures[0].problem
        return DownloadError(problem, self.failures[0].remedy)


@contextmanager
def _total(jobs: Sequence[Job], session: Session, title: str) -> Iterator[None]:
    """Show one bar for all files, where there are several and nobody else counts."""
    sizes = [job.file.size_bytes for job in jobs]
    if len(jobs) < 2:  # noqa: PLR2004 - the file has a bar of its own
        yield
        return
    total = 0 if None in sizes else sum(each or 0 for each in sizes)
    guard = threading.Lock()
    with progress_bar(f"{title} ({len(jobs):,} files)", total, unit="B") as bar:

        def count(n_bytes: int) -> None:
            with guard:
                bar.update(n_bytes)

        session.progress = count
        try:
            yield
        finally:
            session.progress = lambda _: None
