"""A price limit that the price is past: a mistyped setting if this start brings it, and what it was set for if not.

The run halts and closes what is held if the price has passed a stop-loss of the run before while nothing ran. One that the run
before didn't have would close a position that nobody wanted closed: such a start is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from core.domain.instrument import Instrument
from core.engine.stop_loss import StopLoss
from core.exchange.reads import Reads
from core.exchange.venue_clock import VenueClock
from core.journal.journal import Batch, Journal
from core.journal.reader import Restored
from core.runtime.margin_setup import PAUSE_S, patiently
from core.runtime.opening import restore_journal
from core.runtime.plan import RunPlan
from core.runtime.restore import coin_config
from core.runtime.settings import Loaded
from core.runtime.statedir import UsageError


async def restore_within_limits(
    plan: RunPlan, journal: Journal, reads: Reads, instruments: dict[str, Instrument], clock: VenueClock
) -> Restored:
    """What the journal holds of these coins, which from now on knows the limits that are in force.

    Raises:
        UsageError: see ``changed_limits``.
        RestError: nobody answers.
    """
    restored = await restore_journal(plan, journal, reads, instruments, clock)
    if changed := await changed_limits(plan.settings, instruments, restored.meta, reads):
        await journal.commit(Batch(clock.now().wall_ms, meta=changed))
    return restored


async def changed_limits(
    settings: Loaded, instruments: Mapping[str, Instrument], meta: Mapping[str, str], reads: Reads
) -> dict[str, str]:
    """The limits of each coin that has others than the run before, as the journal's ``meta`` keeps them.

    Raises:
        UsageError: the price is past one that the run before, by ``meta``, didn't have. It is read twice: one answer may be
            damaged.
        RestError: nobody answers.
    """
    changed = {}
    for coin, instrument in instruments.items():
        limits = StopLoss.of(coin_config(settings.by_coin[coin], instrument))
        key = f"price_limits:{coin}"
        before = StopLoss(*map(int, meta.get(key, "").split()))
        fresh = limits.beside(before)
        if fresh != StopLoss() and await _passed(fresh, coin, reads):
            await asyncio.sleep(PAUSE_S)
            if mid := await _passed(fresh, coin, reads):
                limit = fresh.limit(2 * mid)
                assert limit is not None
                raise UsageError(
                    f"{limit.text(instrument, mid)}, and the run before had no such limit; write {limit.setting} on the other "
                    "side of the price, or leave it out. Nothing was sent: what is held and its stop at the exchange stay"
                )
        if limits != before:
            changed[key] = f"{limits.low} {limits.high} {limits.take_low} {limits.take_high}"
    return changed


async def _passed(limits: StopLoss, coin: str, reads: Reads) -> int:
    """The mid in price units if it is past one of them; 0 if not, or if the market has one side only."""
    quote = (await patiently(partial(reads.book, coin))).quote
    mid = (quote.bid + quote.ask) // 2 if quote.bid and quote.ask else 0
    return mid if mid and limits.is_outside(2 * mid) else 0
