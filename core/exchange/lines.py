"""The connections of one lane: some are kept open ahead, so that no order pays for a handshake, and none waits for another's
answer: if all are busy one more is opened.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from core.exchange.line import Answer, Line, NoAnswer, NotSent, Target, TooLate
from core.exchange.venue_clock import mono_ms

LINES_MAX = 8
"""Of one lane, those being opened included. Who finds all of them busy waits for the first that is free."""

RENEW_AFTER_S = 45.0
"""A line that was idle for so long is replaced before the server, or something on the way, drops it: most do after a minute."""

FORGOTTEN_AFTER_S = 2 * RENEW_AFTER_S
"""Nothing is sent on a line that was idle for so long: it wasn't replaced in time because the machine was suspended, and a
server that has dropped it meanwhile can't have told.
"""

TEND_EVERY_S = 1.0
"""No sooner is a line looked for again that ought to be replaced."""

AGAIN_FIRST_S = 0.25
AGAIN_MAX_S = 15.0
"""Waits before a line is opened ahead again where it could not be, or didn't last. A request that has none doesn't wait."""

STABLE_S = 1.0
"""A line that lasted this long, or brought an answer, starts those waits anew."""

TRIES = 3
"""Connections that may end between being opened and being used before a request is given up."""


class Lines:
    """Belongs to one event loop."""

    def __init__(self, target: Target, warm: int = 1) -> None:
        """``warm``: so many are kept open while nothing is sent."""
        self._target, self._warm = target, warm
        self._free: deque[Line] = deque()
        """In the order in which they became free."""
        self._lines: set[Line] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[asyncio.Future[Line]] = deque()
        self._again: asyncio.TimerHandle | None = None
        self._tending: asyncio.TimerHandle | None = None
        self._delay_s = AGAIN_FIRST_S
        self._is_closed = False

    def open_ahead(self) -> None:
        """Begin to open what is to be warm. Whatever comes of it, requests are taken."""
        self._fill()

    @property
    def free(self) -> int:
        """Lines on which a request would leave at once."""
        return len(self._free)

    async def post(self, body: bytes, timeout_s: float, sent: Callable[[], None] | None = None) -> Answer:
        """Send once. ``sent`` is called when the bytes have been given to a connection: before anything is awaited, if one is
        free. Raises ``NotSent`` and ``NoAnswer``, which is ``TooLate`` if it isn't there in time.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        line = self._usable() or await self._next(deadline_s, timeout_s)
        answer = line.send(self._target.request(body))
        if sent is not None:
            sent()
        late = loop.call_at(deadline_s, line.give_up, TooLate(f"no answer within {timeout_s:.0f} s"))
        try:
            return await answer
        except asyncio.CancelledError:
            line.give_up(NoAnswer("it is not waited for any longer"))
            raise
        finally:
            late.cancel()

    async def close(self) -> None:
        """Ends what is open, is being opened or waits."""
        self._is_closed = True
        for timer in (self._again, self._tending):
            if timer is not None:
                timer.cancel()
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        while self._waiting:
            _refuse(self._waiting.popleft(), "the program ends")
        for line in list(self._lines):
            line.give_up(NoAnswer("the program ends"))
        await asyncio.sleep(0)

    # -- which line ------------------------------------------------------------------------------------------------

    def _usable(self) -> Line | None:
        while self._free:
            line = self._free.pop()
            if line.is_usable and _idle_s(line) < FORGOTTEN_AFTER_S:
                return line
            line.give_up(NoAnswer("it was closed by the server, or forgotten by it"))
        return None

    async def _next(self, deadline_s: float, timeout_s: float) -> Line:
        for _ in range(TRIES):
            line = await self._in_turn(deadline_s, timeout_s)
            if line.is_usable:
                return line
        raise NotSent("the connection ended before anything was sent")

    async def _in_turn(self, deadline_s: float, timeout_s: float) -> Line:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Line] = loop.create_future()
        self._waiting.append(turn)
        self._fill()
        late = loop.call_at(deadline_s, _refuse, turn, f"no connection within {timeout_s:.0f} s")
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._freed(turn.result())  # it came in the moment in which it was no longer wanted
            raise
        finally:
            late.cancel()
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _fill(self) -> None:
        """Open what is waited for, and, where it isn't too soon, what is to be warm."""
        if self._is_closed:
            return
        old = sum(_is_old(line) for line in self._free)
        ahead = self._warm - (len(self._lines) - old) if self._again is None else 0
        under_way = len(self._opening)
        room = LINES_MAX - len(self._lines) - under_way
        for _ in range(min(max(len(self._waiting), ahead) - under_way, room)):
            task = asyncio.create_task(self._open(), name="open a line")
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if (
            error is not None
        ):  # none that a connection is known to fail with: without a wait it would be tried without a pause
            self._unopened(f"{type(error).__name__}: {error}")
        self._fill()

    async def _open(self) -> None:
        try:
            line = await self._target.connect(self._freed, self._lost)
        except (OSError, UnicodeError) as error:
            reason = str(error) or type(error).__name__
        else:
            if not line.is_lost:
                self._lines.add(line)
                self._freed(line)
                return
            reason = "the connection ended at once"
        self._unopened(reason)

    def _unopened(self, reason: str) -> None:
        self._try_later()
        if self._waiting:
            _refuse(self._waiting.popleft(), reason)

    # -- what becomes of it ----------------------------------------------------------------------------------------

    def _freed(self, line: Line) -> None:
        if line.has_answered:
            self._delay_s = AGAIN_FIRST_S
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(line)
                return
        self._free.append(line)
        self._let_go()
        if self._tending is None and not self._is_closed:
            self._tending = asyncio.get_running_loop().call_later(RENEW_AFTER_S, self._tend)

    def _let_go(self) -> None:
        """What has been idle for too long, and is more than is to be warm."""
        while len(self._free) > self._warm and _is_old(self._free[0]):
            self._free.popleft().give_up(NoAnswer("it isn't needed any longer"))

    def _tend(self) -> None:
        self._tending = None
        self._let_go()
        self._fill()
        if self._free:
            in_s = max(RENEW_AFTER_S - _idle_s(self._free[0]), TEND_EVERY_S)
            self._tending = asyncio.get_running_loop().call_later(in_s, self._tend)

    def _lost(self, line: Line) -> None:
        self._lines.discard(line)
        if line in self._free:
            self._free.remove(line)
        if line.has_answered or mono_ms() / 1000 - line.born_s >= STABLE_S:
            self._delay_s = AGAIN_FIRST_S
        else:
            self._try_later()
        self._fill()

    def _try_later(self) -> None:
        if self._again is None and not self._is_closed:
            self._again = asyncio.get_running_loop().call_later(self._delay_s, self._try_again)
            self._delay_s = min(2 * self._delay_s, AGAIN_MAX_S)

    def _try_again(self) -> None:
        self._again = None
        self._fill()


def _idle_s(line: Line) -> float:
    return mono_ms() / 1000 - line.free_since_s


def _is_old(line: Line) -> bool:
    return _idle_s(line) >= RENEW_AFTER_S


def _refuse(turn: asyncio.Future[Line], reason: str) -> None:
    if not turn.done():
        turn.set_exception(NotSent(reason))
