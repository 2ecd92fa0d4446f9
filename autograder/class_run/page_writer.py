"""Feedback pages, written while the class is still being graded."""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path

from autograder.gradebook.book import FeedbackPages

FEW_PAGES = 8  # so few pages need no other process


class PageWriter:
    """Writes feedback pages in another process; none where they are not `wanted`.

    One is enough: recording a grade takes twice as long as writing its page, and grades are recorded one by
    one. A few pages are written right here, as starting a process takes as long as a hundred of them. Where
    the other process dies, what was not finished is written again page by page: one page alone is lost.
    """

    def __init__(self, root: Path, wanted: bool) -> None:
        self.root = root
        self.wanted = wanted
        self.written = 0
        self._held: list[tuple[str, str]] = []
        self._pool: ProcessPoolExecutor | None = None
        self._running: list[tuple[tuple[str, str], Future[bool]]] = []

    def __enter__(self) -> PageWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def write(self, learner: str, assignment: str) -> None:
        """Have the page of one recorded submission written, now or soon."""
        if not self.wanted:
            return
        self._held.append((learner, assignment))
        if self._pool is None and len(self._held) > FEW_PAGES:
            self._pool = self._start()
        if self._pool is not None:
            self._running += [(one, _submit(self._pool, one)) for one in self._held]
            self._held.clear()

    def _start(self) -> ProcessPoolExecutor:
        # Not forked: this process has threads, and the engine's pipes.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, context, _start_writer, (self.root,))

    def finish(self) -> Iterator[tuple[str, str]]:
        """Wait for all pages; yields the name of each, and what went wrong or an empty string."""
        if self._held:
            _start_writer(self.root)
        for one in self._held:
            yield "/".join(one), self._outcome(partial(_write_page, *one))
        for one, future in self._running:
            if _writer_died(future):
                assert self._pool is not None
                if _writer_died(future := _submit(self._pool, one)):
                    self._pool = self._start()
                    future = _submit(self._pool, one)
            yield "/".join(one), self._outcome(future.result)

    def _outcome(self, write: Callable[[], bool]) -> str:
        try:
            self.written += write()
        except (Exception, SystemExit):
            return traceback.format_exc()
        return ""


def _submit(pool: ProcessPoolExecutor, page: tuple[str, str]) -> Future[bool]:
    try:
        return pool.submit(_write_page, *page)
    except BrokenExecutor as error:
        failed: Future[bool] = Future()
        failed.set_exception(error)
        return failed


def _writer_died(future: Future[bool]) -> bool:
    return isinstance(future.exception(), BrokenExecutor)


_writer: FeedbackPages | None = None


def _start_writer(root: Path) -> None:
    global _writer
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    _writer = FeedbackPages(root)


def _write_page(learner: str, assignment: str) -> bool:
    assert _writer is not None
    return _writer.write(learner, assignment)
