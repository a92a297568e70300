"""The guard around what one coin does: a bug there halts that coin, takes its grid back and touches no other coin.

What takes the grid back runs when anything else of the coin may be broken. So it decides by the order book's rows alone, asks
nothing about feeds, limits, breakers or the halt that is latched, and is tried again at every failure until no row is live.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Cancel, Effect, ReportBug, notify
from core.domain.orders import OrderState, Purpose
from core.engine.halts import INTERNAL

if TYPE_CHECKING:
    from core.engine.coin import Coin
    from core.engine.engine import Engine

AGAIN_FIRST_MS, AGAIN_MAX_MS = 2_000, 30_000
"""Cancels that nothing has confirmed are sent again this much later, doubling: a bug that strikes in every step is no storm."""


@dataclass(slots=True)
class Bugs:
    """What is known of one coin's bugs. Times are of the monotonic clock."""

    told: set[tuple[str, str, int]] = field(default_factory=set)
    """Those that were told of and reported: the kind of the error, and the file and line that raised it."""
    again_ms: int = 0
    """When cancels that may be on their way already are sent again."""
    wait_ms: int = 0


def guarded(
    engine: Engine, coin: Coin, now: Instant, act: Callable[[Coin], Sequence[Effect]]
) -> list[Effect]:
    """What ``act`` wants; if it raises, what gets the coin out instead."""
    try:
        return list(act(coin))
    except Exception as error:
        taken_back = take_back(coin, now)
        return [*taken_back, *_tell(coin, error), *_halt(engine, coin, error)]


def take_back(coin: Coin, now: Instant) -> list[Effect]:
    """Cancel every grid order whose row is live; stops stay, they protect what is held, and a flatten's orders are its own."""
    bugs = coin.bugs
    is_due = now.mono_ms >= bugs.again_ms
    rows = [o for o in coin.orders.by_cloid.values() if o.state.is_live and o.purpose is Purpose.GRID]
    if not rows:
        bugs.again_ms = bugs.wait_ms = 0
        return []
    doomed = tuple(o for o in rows if is_due or o.state is not OrderState.CANCELLING)
    told: list[Effect] = []
    try:
        for order in doomed:
            coin.orders.start_cancel(order.cloid, now)
    except Exception as error:
        # The cancels need no row: they go all the same, as often as those that are on their way.
        doomed, told = doomed if is_due else (), _tell(coin, error)
    if not doomed:
        return told
    if is_due:
        bugs.wait_ms = min(2 * bugs.wait_ms or AGAIN_FIRST_MS, AGAIN_MAX_MS)
        bugs.again_ms = now.mono_ms + bugs.wait_ms
    return [Cancel(doomed), *told]


def _halt(engine: Engine, coin: Coin, error: Exception) -> list[Effect]:
    """The first bug is the reason that stays: what it left behind may raise others."""
    return [] if coin.halted.startswith(INTERNAL) else engine.latch(coin, _reason(error))


def _tell(coin: Coin, error: Exception) -> list[Effect]:
    """Once for each place that raises."""
    place = _place(error)
    if place in coin.bugs.told:
        return []
    coin.bugs.told.add(place)
    coin_name = coin.config.instrument.coin
    return [notify("coin_failed", "crit", coin_name, reason=_reason(error)), ReportBug(coin_name, error)]


def _reason(error: Exception) -> str:
    return f"{INTERNAL}: {type(error).__name__}: {error}"


def _place(error: Exception) -> tuple[str, str, int]:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = type(error).__name__
    return (name, trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else (name, "", 0)
