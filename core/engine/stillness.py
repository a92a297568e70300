"""How long a coin needn't be looked at while only other coins are quoted: nothing that it would decide by can change.

Whatever isn't plainly at rest is looked at after every event, as is every coin after every event but a quote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect

if TYPE_CHECKING:
    from core.engine.coin import Coin
    from core.engine.engine import Engine

FOREVER_MS = 2**62


def note_stillness(engine: Engine, now: Instant, coin: Coin) -> list[Effect]:
    """After a look that wanted nothing done."""
    coin.still_until_mono_ms = still_until(engine, coin, now)
    return []


def still_until(engine: Engine, coin: Coin, now: Instant) -> int:
    """Before which monotonic ms a look at the coin finds what the last one found, which wanted nothing done; 0: it might find
    something at any time. What of it other coins change, their share of a limit, matters only to an order that is missing.
    """
    if (
        engine.halted
        or coin.halted
        or engine.desk.running
        or engine.desk.stopping
        or not engine.breakers.all_closed
    ):
        return 0
    grid = coin.grid
    if grid is None or not (_quotes(coin) and _is_whole(coin) and _is_covered(coin)):
        return 0
    if not coin.velocity.has_room(grid.below + grid.above, now):
        return 0
    until = coin.protection.next_try_ms if coin.protection.next_try_ms > now.mono_ms else FOREVER_MS
    if coin.grid_since_mono_ms:
        may_change = coin.grid_since_mono_ms + coin.config.recenter_interval_ms
        until = min(until, may_change) if may_change > now.mono_ms else until
    return until


def _quotes(coin: Coin) -> bool:
    """Nothing keeps it from quoting, and no calendar will."""
    return (
        coin.idle is None
        and coin.barred is None
        and not coin.alarm
        and not coin.wants_new_grid
        and not coin.config.sessions.closes
        and not coin.parked.slots
    )


def _is_whole(coin: Coin) -> bool:
    """All that its grid wants rests or is on its way, nothing else does, and nothing of the position is to be closed."""
    plan = coin.plan
    return (
        plan is not None
        and not plan.missing
        and not plan.unwanted
        and not coin.orders.doubles
        and not coin.closing_lots
        and not coin.leaving.side
        and not coin.leaving.has_reduced
    )


def _is_covered(coin: Coin) -> bool:
    """No stop is waited for, none is to shrink."""
    return not coin.protection.uncovered_since_ms and not coin.protection.larger_since_ms
