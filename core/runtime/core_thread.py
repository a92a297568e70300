"""The core's thread: its own event loop, started before and joined after any screen.

Between the two threads there are a one-slot mailbox with the newest Snapshot, a bounded command inbox, and calls that the
core's loop gets to in its turn: it waits for no screen, so a terminal that has stalled can't stop trading.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from core.domain.commands import Action, Command, Operator, Origin
from core.domain.effects import Notify, Scalar, Severity, notify
from core.domain.events import CommandReceived
from core.journal.schema import ForeignJournalError, StorageError
from core.paper.config import PaperConfig, PaperError, StoreError
from core.preview_view import PreviewView
from core.redaction import redacted
from core.runtime.control.viewers import HOST, Viewers, refusal_for
from core.runtime.core_port import NOBODY
from core.runtime.crash_loop import StartCount, brake_reason
from core.runtime.event_bus import EventBus
from core.runtime.exit_code import ExitCode
from core.runtime.inbox import Inbox
from core.runtime.plan import RunPlan, RunReport
from core.runtime.preview.desk import PreviewDesk, running_preview
from core.runtime.statedir import UsageError
from core.telemetry.crash_report import sentence, write_crash
from core.view import RunState, Snapshot

if TYPE_CHECKING:
    from core.paper.embedded import EmbeddedExchange

COMMANDS_WAITING = 32
"""Commands that may be on their way to the core; one more is refused, which the screen shows."""


STRAY_MAX = 500
"""Characters of a fault that nobody waited for."""

NO_EXCHANGE = "the paper exchange has ended"


class _Session(Protocol):
    """What the other threads may touch of a session, in its own loop."""

    inbox: Inbox
    viewers: Viewers
    previews: PreviewDesk | None
    is_told_to_stop: bool

    def request_stop(self, reason: str) -> None: ...

    def stop_at_once(self, reason: str) -> None: ...


class CoreThread:
    """A ``CorePort``: start it, read it, command it, stop it, join it. Safe from any thread."""

    def __init__(self, plan: RunPlan, bus: EventBus, screen: Operator | None = None) -> None:
        """``screen``: who sits before the one that will be drawn in this process, until ``screen_left``."""
        self._plan, self._bus, self._screen = plan, bus, screen
        self._latest: Snapshot | None = None
        self._shown_s = time.monotonic()
        self._report = RunReport(ExitCode.INTERNAL, "the core never started")
        self._ended = threading.Event()
        self._live: tuple[asyncio.AbstractEventLoop, _Session] | None = None
        """Set and cleared by the core's thread in one assignment, so that others need no lock to read it."""
        self._stop_reason = ""
        self._untold: list[Notify] = []
        self._waiting = threading.Semaphore(COMMANDS_WAITING)
        self._thread = threading.Thread(target=self._run, name="core", daemon=False)

    def start(self) -> None:
        now = time.time_ns() // 1_000_000
        self._publish(Snapshot(0, now, self._plan.network, self._plan.identity.account, RunState.STARTING))
        self._thread.start()

    # -- CorePort -----------------------------------------------------------------------------------------------

    def latest(self) -> Snapshot | None:
        return self._latest

    def silent_s(self) -> float:
        """Since it last showed how it stands, in monotonic seconds."""
        return time.monotonic() - self._shown_s

    def submit(self, action: Action, coin: str = "", value: str = "", by: Operator = NOBODY) -> str | None:
        command = Command(secrets.token_hex(8), action, coin, Origin.TUI, redacted(value), by)
        live = self._live
        if live is None or self._ended.is_set() or not self._waiting.acquire(blocking=False):
            return None
        loop, session = live

        def deliver() -> None:
            self._waiting.release()
            session.inbox.force(CommandReceived(session.viewers.admit(HOST, command)))

        try:
            loop.call_soon_threadsafe(deliver)
        except RuntimeError:
            return None  # the loop closed in this moment
        return command.id

    def preview(self, coin: str) -> PreviewView:
        live = self._live
        desk = live[1].previews if live is not None else None
        if live is None or desk is None:
            now = time.time_ns() // 1_000_000
            return PreviewView(coin, now, refusal="the engine has not read the account yet, or it has ended")
        return running_preview(live[0], desk, coin)

    def acting_refusal(self) -> str:
        snapshot = self._latest
        return refusal_for(HOST, snapshot.control) if snapshot is not None else ""

    def link_trouble(self) -> str:
        return ""

    def screen_left(self, why: str = "detached") -> None:
        """The hosting screen is gone: whoever looks on may act."""
        self._screen = None
        live = self._live
        if live is not None:
            loop, session = live
            try:
                loop.call_soon_threadsafe(session.viewers.leave, HOST, why)
            except RuntimeError:
                pass  # it has ended

    def wait_ended(self, timeout_s: float) -> bool:
        return self._ended.wait(timeout_s)

    def request_stop(self, reason: str = "quit") -> None:
        """Takes no lock: a signal handler may have interrupted the thread that holds one."""
        self._stop_reason = self._stop_reason or reason
        live = self._live
        if live is not None:
            loop, session = live
            try:
                loop.call_soon_threadsafe(session.request_stop, reason)
            except RuntimeError:
                pass  # it has ended by itself

    def stop_at_once(self, reason: str) -> None:
        """A stop was asked for before and is under way: don't wait for the exchange. Takes no lock either."""
        live = self._live
        if live is not None:
            loop, session = live
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(session.stop_at_once, reason)

    def tell(self, name: str, severity: Severity, **fields: Scalar) -> None:
        """An event of the terminal's side, for the log and the screens. Takes no lock either."""
        notice, live = notify(name, severity, "", **fields), self._live
        if live is None:
            self._untold.append(notice)
            return
        try:
            live[0].call_soon_threadsafe(self._bus.publish, notice, time.time_ns() // 1_000_000)
        except RuntimeError:
            pass  # it has ended, and so has its log

    @property
    def was_asked_to_stop(self) -> bool:
        return bool(self._stop_reason)

    def join(self) -> RunReport:
        """Wait for the end; how the run ended."""
        self._thread.join()
        return self._report

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        starts = self._count_start()
        try:
            self._report = asyncio.run(self._main())
        except StoreError as error:
            self._report = RunReport(ExitCode.STORAGE, str(error))
        except (UsageError, ForeignJournalError, PaperError) as error:
            self._report = RunReport(ExitCode.USAGE, str(error))
        except StorageError as error:
            self._report = RunReport(ExitCode.STORAGE, str(error))
        except Exception as error:
            path = write_crash(self._plan.state.logs, "the core", error)
            self._report = RunReport(ExitCode.INTERNAL, sentence(error, path))
        finally:
            if self._latest is not None and self._report.exit_code is not ExitCode.CLEAN:
                self._latest = replace(self._latest, state=RunState.DEAD, halt_reason=self._report.message)
            with suppress(OSError):  # it counts on as one that has not ended in order
                starts.end(self._report.exit_code)
            self._ended.set()

    def _count_start(self) -> StartCount:
        """One more start, and whether it is one too many."""
        starts, most = StartCount(self._plan.state.starts), self._plan.settings.common.crash_loop_starts
        try:
            unclean = starts.begin(time.time_ns() // 1_000_000)
        except OSError as error:
            self.tell("starts_not_counted", "warn", reason=f"{self._plan.state.starts}: {error.strerror}")
        else:
            self._plan = replace(self._plan, brake=brake_reason(unclean, most))
        return starts

    async def _main(self) -> RunReport:
        from core.paper.embedded import EmbeddedExchange
        from core.runtime.session import Session

        asyncio.get_running_loop().set_exception_handler(self.stray)
        exchange: EmbeddedExchange | None = None
        url = self._plan.exchange_url
        if self._plan.is_embedded:
            exchange = EmbeddedExchange(
                PaperConfig(
                    market=self._plan.market, speed=self._plan.speed, store_path=self._plan.state.paper
                )
            )
            url = await asyncio.to_thread(exchange.start)
        try:
            session = Session(self._plan, url, self._bus, self._publish)
            self._live = asyncio.get_running_loop(), session
            if exchange is not None:
                _end_together(exchange, session)
            screen = self._screen  # read once: ``screen_left`` may come from its own thread in this moment
            if screen is not None:
                session.viewers.arrive(HOST, screen)
            while self._untold:
                self._bus.publish(self._untold.pop(0), time.time_ns() // 1_000_000)
            if self._stop_reason:
                session.request_stop(self._stop_reason)
            try:
                report = await session.run()
            finally:
                if session.is_told_to_stop:
                    self._stop_reason = self._stop_reason or "a command"
        finally:
            self._live = None
            if exchange is not None:
                await asyncio.to_thread(exchange.stop)
        return report if exchange is None else _with_failure(report, exchange)

    def stray(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault that nobody waited for: told as an event, where asyncio would write it over the screen. From any thread."""
        error = context.get("exception")
        what = f": {type(error).__name__}: {error}" if error is not None else ""
        reason = redacted(f"{context.get('message', '')}{what}")[:STRAY_MAX]
        self.tell("stray_error", "warn", reason=reason)

    def _publish(self, snapshot: Snapshot) -> None:
        self._latest, self._shown_s = snapshot, time.monotonic()


def _end_together(exchange: EmbeddedExchange, session: _Session) -> None:
    """An exchange that dies takes the session with it, which has nothing to wait for any more."""

    def end(ended: asyncio.Future[PaperError | None]) -> None:
        if ended.result() is not None:
            session.request_stop(NO_EXCHANGE)
            session.stop_at_once(NO_EXCHANGE)

    asyncio.wrap_future(exchange.ended).add_done_callback(end)


def _with_failure(report: RunReport, exchange: EmbeddedExchange) -> RunReport:
    """What the exchange died of, if it did, is how the run ended: whatever else the report says came of it."""
    failure = exchange.ended.result() if exchange.ended.done() else None
    if failure is None:
        return report
    code = ExitCode.STORAGE if isinstance(failure, StoreError) else ExitCode.INTERNAL
    return replace(report, exit_code=code, message=str(failure))
