"""A whole program in virtual time: an event loop whose clock moves on when there is nothing left to do, and never else.

Whatever the machine is doing meanwhile, and however slow it is, the same things happen at the same moments. Connections are
made of socket pairs, which deliver at once and in order; what the program gives to threads is waited for where it is given.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import selectors
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count, cycle
from typing import Any, TypeVar

import aiohappyeyeballs
import aiosqlite
import pytest

from core.journal import writer_thread
from core.paper.clock import SteadyClock
from core.runtime.heartbeat import Beat, Heartbeat
from core.runtime.pulse import Pulse

T = TypeVar("T")

WIRE_NS = 1_000_000
"""What it takes for bytes to arrive."""

_NS = 1_000_000_000


WRITTEN_WITHIN_S = 10.0
"""Of the machine's own time: a disk of a test that hangs on purpose is not waited for any longer."""

STUCK = 1_000
"""Turns of the loop in a row that have taken no time: somebody waits for less than a float can add to the time."""


class _Moments(selectors.PollSelector):
    """What can be read or written now; if nothing, the time moves on to the next moment that somebody waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        self._turns += 1
        if ready:
            self._pass(WIRE_NS)
        elif timeout is None:
            raise AssertionError("nothing is waited for, so nothing will ever happen")
        elif timeout > 0:
            self._pass(max(1_000, round(timeout * _NS)))
        elif self._turns > STUCK:
            self._pass(1)
        return ready

    def _pass(self, ns: int) -> None:
        self.now_ns += ns
        self._turns = 0


class _Listener:
    """As much of ``asyncio.Server`` as its users ask for."""

    def __init__(self, port: int, accept: Callable[[], Any], leave: Callable[[int], None]) -> None:
        self._port, self._leave, self.accept = port, leave, accept
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def close(self) -> None:
        self._leave(self._port)

    async def wait_closed(self) -> None:
        pass


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, wall_ms: int, ports: Iterator[int] | None = None) -> None:
        """``ports`` are for those who listen."""
        self._ports = ports or count(40_001)
        self._moments = _Moments()
        self._began_ns = wall_ms * 1_000_000
        self._listeners: dict[int, _Listener] = {}
        super().__init__(self._moments)

    def time(self) -> float:
        return self._moments.now_ns / _NS

    def monotonic_ns(self) -> int:
        return self._moments.now_ns

    def wall_ns(self) -> int:
        return self._began_ns + self._moments.now_ns

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Done when it returns: how long a thread takes must not matter."""
        done = self.create_future()
        try:
            done.set_result((executor or self._threads).submit(func, *args).result())
        except Exception as error:
            done.set_exception(error)
        return done

    _threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="virtual")

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        taken = int(port or next(self._ports))
        listener = _Listener(taken, protocol_factory, self._leave)
        self._listeners[taken] = listener
        return listener

    def _leave(self, port: int) -> None:
        del self._listeners[port]

    def close(self) -> None:
        super().close()
        self.at_close()

    def at_close(self) -> None:
        """Nothing yet."""

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, sock: Any = None, **_: Any
    ) -> Any:
        ours = sock or await self.connect(port)
        return await super().create_connection(protocol_factory, sock=ours)

    async def connect(self, port: int) -> socket.socket:
        """Our end; the listener of the port has got the other one."""
        if (listener := self._listeners.get(port)) is None:
            raise ConnectionRefusedError(f"nobody listens on {port}")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        await super().create_connection(listener.accept, sock=theirs)
        return ours


def _in_turn(nbytes: int | None = None) -> str:
    return random.randbytes(nbytes or 32).hex()


class _AtOnce:
    """The queue of work for a database's thread: done as it is put, so that the thread has nothing to do but to end."""

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, work = item
        try:
            result = work()
        except Exception as error:
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)

    def get(self) -> tuple[None, Any]:
        return None, lambda: aiosqlite.core._STOP_RUNNING_SENTINEL


class _WrittenAtOnce(_AtOnce):
    """The same for the journal's own thread, which ends when there is no work."""

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any] | None]) -> None:
        future, work = item
        if work is not None:
            super().put_nowait((future, work))

    def get(self) -> tuple[None, Any]:
        return None, None


def _given_and_written(give: Callable[[Heartbeat, Beat], None]) -> Callable[[Heartbeat, Beat], None]:
    """How long the heartbeat's thread takes is no time either: a late one would be told as a disk that hangs."""

    def give_and_wait(heart: Heartbeat, beat: Beat) -> None:
        give(heart, beat)
        heart.is_written(WRITTEN_WITHIN_S)

    return give_and_wait


@contextmanager
def _in_force(loop: VirtualLoop) -> Iterator[None]:
    """The clocks of the process, its chances and its connections are the loop's."""

    async def start_connection(addr_infos: Any, **_: Any) -> socket.socket:
        return await loop.connect(addr_infos[0][4][1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", loop.wall_ns)
        patch.setattr(time, "time", lambda: loop.wall_ns() / _NS)
        patch.setattr(time, "monotonic_ns", loop.monotonic_ns)
        patch.setattr(time, "monotonic", loop.time)
        patch.setattr(time, "clock_gettime_ns", lambda _: loop.monotonic_ns())
        patch.setattr(SteadyClock.__init__, "__defaults__", (loop.wall_ns, loop.monotonic_ns))
        patch.setattr(Pulse.__init__, "__defaults__", (loop.time,))
        patch.setattr(secrets, "token_hex", _in_turn)
        patch.setattr(aiosqlite.core, "SimpleQueue", _AtOnce)
        patch.setattr(writer_thread, "SimpleQueue", _WrittenAtOnce)
        patch.setattr(Heartbeat, "_give", _given_and_written(Heartbeat._give))
        patch.setattr(aiohappyeyeballs, "start_connection", start_connection)
        state = random.getstate()
        random.seed(1)
        try:
            yield
        finally:
            random.setstate(state)


def run_virtually(main: Callable[[], Coroutine[Any, Any, T]], wall_ms: int) -> T:
    """What ``main`` returned, begun at that moment."""
    loop = VirtualLoop(wall_ms)
    with _in_force(loop), asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main())


NOON_MS = 1_767_270_960_000
"""2026-01-01 12:36:00 UTC: no hour, and so no funding, is near."""


_ports = cycle(range(61_000, 65_536))
"""None that the machine gives away, and another for each: what was counted of an exchange's address is of another time."""


def virtual_loop() -> VirtualLoop:
    """One for a test's own runner: its time is everybody's from now on until it is closed."""
    loop = VirtualLoop(NOON_MS, _ports)
    force = ExitStack()
    force.enter_context(_in_force(loop))
    loop.at_close = force.close  # type: ignore[method-assign]
    return loop


LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


def loop_of(item: pytest.Item) -> LoopFactories:
    """The loop that a test runs in, for pytest-asyncio's hook: a virtual one, unless it is marked as one of ``real_time``."""
    if item.get_closest_marker("real_time"):
        return {"real": asyncio.new_event_loop}
    return {"virtual": virtual_loop}
