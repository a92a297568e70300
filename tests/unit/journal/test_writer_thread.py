from __future__ import annotations

import asyncio
import threading

import pytest

from core.journal.writer_thread import WriterThread

pytestmark = pytest.mark.real_time


async def test_work_is_done_in_order_on_one_thread_that_is_not_the_loops() -> None:
    thread, seen = WriterThread(), list[tuple[int, str]]()
    works = [thread.run(lambda n=n: seen.append((n, threading.current_thread().name))) for n in range(20)]  # type: ignore[misc]
    await asyncio.gather(*works)
    thread.close()
    assert seen == [(n, "journal") for n in range(20)]


async def test_an_error_reaches_who_waits_and_the_thread_goes_on() -> None:
    thread = WriterThread()
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    assert await thread.run(lambda: 7) == 7
    thread.close()


async def test_work_whose_waiter_was_cancelled_is_done_and_the_thread_goes_on() -> None:
    thread, began, goes_on = WriterThread(), threading.Event(), threading.Event()
    done, complaints = list[bool](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))

    def work() -> None:
        began.set()
        done.append(goes_on.wait(30))

    waiting = thread.run(work)
    assert await asyncio.to_thread(began.wait, 30)
    waiting.cancel()
    goes_on.set()
    assert await thread.run(lambda: 7) == 7
    assert (done, complaints) == ([True], [])
    thread.close()


def test_work_whose_loop_has_ended_is_done_and_the_thread_goes_on() -> None:
    goes_on, done = threading.Event(), list[bool]()

    async def leave_behind() -> WriterThread:
        thread = WriterThread()
        thread.run(lambda: done.append(goes_on.wait(30)))
        return thread

    thread = asyncio.run(leave_behind())
    goes_on.set()

    async def use_again() -> int:
        async with asyncio.timeout(30):
            return await thread.run(lambda: 7)

    assert asyncio.run(use_again()) == 7
    assert done == [True]
    thread.close()
