"""The core as its screen's process knows it from the first moment on, when nothing of it is loaded yet.

A screen that is asked for is drawn first: it says STARTING while the settings are judged and the engine is loaded, on the
thread that starts the core. What keeps it from starting ends the screen, and is then told as it would have been without one.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.runtime.core_port import NOBODY

if TYPE_CHECKING:
    from core.domain.commands import Action, Operator
    from core.domain.effects import Severity
    from core.preview_view import PreviewView
    from core.runtime.core_thread import CoreThread
    from core.runtime.plan import RunReport
    from core.view import Snapshot
    from gridbot_tui.core_start import Started

PICTURE_WITHIN_S = 3.0
"""A terminal that shows nothing by then does not keep the core from starting."""
_STARTING = "it is starting: a moment"


class CoreHost:
    """A ``CorePort``. ``make`` loads, judges and starts the core; it is called once, when the first picture is drawn."""

    def __init__(self, network: str, make: Callable[[], Started]) -> None:
        self.network = network
        self._make = make
        self._latest: Snapshot | None = None
        self._started: Started | None = None
        self._failed: RunReport | None = None
        self._is_drawn = threading.Event()
        self._settled = threading.Event()
        self._stop_reason = ""
        self._left = ""
        self._untold: list[tuple[str, Severity, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self._start, name="core start", daemon=False)

    def start(self) -> None:
        self._thread.start()

    def drawn(self) -> None:
        """The first picture is on its way to the terminal: the machine is free for the core."""
        self._is_drawn.set()

    @property
    def logs(self) -> Path | None:
        """Nothing before the core is there."""
        return self._started.logs if self._started is not None else None

    # -- CorePort -----------------------------------------------------------------------------------------------

    def latest(self) -> Snapshot | None:
        core = self._core
        return core.latest() if core is not None else self._latest

    def submit(self, action: Action, coin: str = "", value: str = "", by: Operator = NOBODY) -> str | None:
        core = self._core
        return core.submit(action, coin, value, by) if core is not None else None

    def preview(self, coin: str) -> PreviewView:
        from core.preview_view import PreviewView

        core = self._core
        return core.preview(coin) if core is not None else PreviewView(coin, _now_ms(), refusal=_STARTING)

    def acting_refusal(self) -> str:
        core = self._core
        return core.acting_refusal() if core is not None else ""

    def link_trouble(self) -> str:
        return ""

    def wait_ended(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        if not self._settled.wait(timeout_s):
            return False
        core = self._core
        return core is None or core.wait_ended(max(deadline - time.monotonic(), 0))

    def request_stop(self, reason: str = "quit") -> None:
        """Takes no lock: a signal handler may have interrupted the thread that holds one."""
        self._stop_reason = self._stop_reason or reason
        core = self._core
        if core is not None:
            core.request_stop(reason)

    def stop_at_once(self, reason: str) -> None:
        """Likewise; nothing is under way yet in a core that isn't there."""
        core = self._core
        if core is not None:
            core.stop_at_once(reason)

    # -- what the screen's life tells it ------------------------------------------------------------------------

    def tell(self, name: str, severity: Severity, **fields: Any) -> None:
        """An event of the terminal's side."""
        core = self._core
        if core is not None:
            core.tell(name, severity, **fields)
        else:
            self._untold.append((name, severity, fields))
            self._pass_on()

    def screen_left(self, why: str = "detached") -> None:
        self._left = why
        self._pass_on()

    @property
    def was_asked_to_stop(self) -> bool:
        core = self._core
        return bool(self._stop_reason) or (core is not None and core.was_asked_to_stop)

    def join(self) -> RunReport:
        """Wait for the end, of whatever was started; how the run ended."""
        self._thread.join()
        if self._started is None:
            assert self._failed is not None
            return self._failed
        return self._started.core.join()

    def close(self) -> None:
        """After ``join``: the log is whole, and the state dir free for another."""
        if self._started is not None:
            self._started.close()

    # -- the thread that starts it ------------------------------------------------------------------------------

    @property
    def _core(self) -> CoreThread | None:
        started = self._started
        return started.core if started is not None else None

    def _start(self) -> None:
        self._is_drawn.wait(PICTURE_WITHIN_S)
        try:
            self._started = self._make()
            if self._stop_reason:  # asked for before there was a core that could be told
                self._started.core.request_stop(self._stop_reason)
            self._pass_on()
        except Exception as error:
            from core.view import RunState, Snapshot

            self._failed = _report(error)
            self._latest = Snapshot(1, _now_ms(), self.network, "", RunState.STOPPING)
        finally:
            _collect_garbage_again()
            self._settled.set()

    def _pass_on(self) -> None:
        """What was told to a core that wasn't there yet."""
        core = self._core
        if core is None:
            return
        while self._untold:
            try:
                name, severity, fields = self._untold.pop(0)
            except IndexError:
                return  # another thread has passed it on
            core.tell(name, severity, **fields)
        if self._left:
            core.screen_left(self._left)


def _collect_garbage_again() -> None:
    """All is loaded: from now on there may be garbage, but none among what is there for good."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _report(error: Exception) -> RunReport:
    """Of a core that never started."""
    from core.runtime.exit_code import ExitCode
    from core.runtime.plan import RunReport
    from gridbot_tui.failures import code_of, tell_crash

    code = code_of(error)
    if code is not None:
        return RunReport(code, str(error))
    return RunReport(ExitCode.INTERNAL, tell_crash("the start of the core", error))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
