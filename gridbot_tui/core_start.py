"""From flags to a core that runs. It loads nearly everything: import it when a screen has its first picture."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from core.domain.commands import Operator
from core.redaction import remember_environment
from core.runtime.beside import look_on
from core.runtime.core_thread import CoreThread
from core.runtime.event_bus import LOG, EventBus, Observer
from core.runtime.plan import RunPlan
from core.runtime.statedir import StateLock, unwritable
from core.telemetry.event_log import EventLogFile
from core.telemetry.log_writer import LogWriter
from gridbot_tui.plans import load, make_plan
from gridbot_tui.run_flags import RunFlags


@dataclass(frozen=True, slots=True)
class Started:
    """``close`` it when the core has ended: the log is whole then, and the state dir free."""

    core: CoreThread
    logs: Path
    close: Callable[[], None]


def judged(flags: RunFlags) -> tuple[RunPlan, ExitStack]:
    """Everything that may keep a core from starting; the state dir is locked by then, until the stack is closed.

    Raises:
        UsageError, StorageError: what is wrong, in a sentence.
    """
    remember_environment(os.environ)
    settings, state = load(flags)
    with ExitStack() as held:
        held.enter_context(StateLock(state))
        return make_plan(flags, settings, state), held.pop_all()


def start(plan: RunPlan, held: ExitStack, screen: Operator | None, *observers: Observer) -> Started:
    """Start it on its thread. ``screen``: who sits before the one that this process draws. Raises ``StorageError``."""
    with held:
        try:
            log = LogWriter(EventLogFile(plan.state.logs))
        except OSError as error:
            raise unwritable(plan.state.logs / "gridbot.log", error) from error
        held.callback(log.close)
        bus = EventBus()
        bus.add(Observer(LOG, lambda record, lost: log.write(record.as_dict(), lost)))
        for observer in observers:
            bus.add(observer)
        watches = look_on(plan, bus, held)
        held.callback(bus.close)
        core = CoreThread(plan, bus, screen)
        core.start()
        for watch in watches:
            watch(core)
        return Started(core, plan.state.logs, held.pop_all().close)
