"""The journal's one thread: its work is done in order, and the event loop that waits for the outcome is woken once.

An executor does the same by way of a second future and its locks, which is half of what a change of threads costs; an order
waits for two of them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

Given = tuple[asyncio.Future[Any] | None, Callable[[], Any] | None]
"""Work, and who waits for it; without work it is the end."""


class WriterThread:
    """Runs from its making until ``close``."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Given] = SimpleQueue()
        # A daemon: a program that never closes its journal can end. Nobody was told that what is cut off then was done.
        self._thread = threading.Thread(target=_work, args=(self._given.get,), name="journal", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """What ``work`` returns or raises. It is done even if nobody waits for it any longer."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._given.put_nowait((done, work))
        return done

    def close(self) -> None:
        """Wait until all that was given is done; nothing can be given any more."""
        self._given.put_nowait((None, None))
        self._thread.join()


def _work(take: Callable[[], Given]) -> None:
    while True:
        done, work = take()
        if done is None or work is None:
            return
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        try:
            done.get_loop().call_soon_threadsafe(_settle, done, result, error)
        except RuntimeError:
            pass  # its loop is closed, and with it whoever waited
        del done, work, result, error  # a batch isn't kept until the next one comes


def _settle(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
