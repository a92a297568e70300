"""The preview of a bot that runs: facts are read in the core's loop, the arithmetic is done by the thread that asks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from dataclasses import replace

from core.domain.market_history import Candle
from core.domain.request_limits import RequestBudget
from core.engine.coin import Coin
from core.engine.engine import Engine
from core.engine.side_caps import Money
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError
from core.preview_view import PreviewView
from core.runtime.plan import RunPlan
from core.runtime.preview.gather import MOST_COUNTED, day_of_candles
from core.runtime.preview.report import CoinFacts, Facts, make_report
from core.runtime.preview.seen import fingerprint
from core.runtime.preview.words import views
from core.runtime.statedir import UsageError

ANSWER_WITHIN_S = 8.0
"""For each question to the exchange; without its answer the rest is shown."""

WAIT_S = 20.0
"""How long the thread that asks waits for the core at most."""


class PreviewDesk:
    """Lives in the core's loop; ``facts`` changes nothing."""

    def __init__(self, plan: RunPlan, engine: Engine, reads: Reads) -> None:
        self._plan, self._engine, self._reads = plan, engine, reads

    async def facts(self, chosen: str) -> Facts:
        """Of all coins; the candles of ``chosen`` and of the first others. Raises ``UsageError`` before the first price."""
        plan, engine = self._plan, self._engine
        for coin in engine.coins.values():
            if not coin.known_mid_twice:
                raise UsageError(f"{coin.name} has no price yet; look again in a moment")
        counted = list(dict.fromkeys([chosen, *engine.coins]))[:MOST_COUNTED]
        now_ms = time.time_ns() // 10**6
        budget, no_budget = await self._budget()
        asked = {name: await self._candles(name, now_ms) for name in counted if name in engine.coins}
        not_asked = (), f"only {MOST_COUNTED} coins are counted"
        return Facts(
            tuple(self._coin(coin, *asked.get(coin.name, not_asked)) for coin in engine.coins.values()),
            engine.portfolio_limits,
            now_ms,
            fingerprint(plan.settings),
            Money(engine.account_value, engine.margin_used) if engine.saw_account else None,
            budget,
            no_budget,
            plan.speed if plan.is_embedded else 1.0,
        )

    def _coin(self, coin: Coin, candles: tuple[Candle, ...], no_candles: str) -> CoinFacts:
        return CoinFacts(
            self._plan.settings.by_coin[coin.name],
            replace(coin.config, grid=coin.settings),
            coin.known_mid_twice // 2,
            candles,
            no_candles,
            coin.overrides.text(coin.config.grid),
            is_running=coin.grid is not None,
        )

    async def _candles(self, coin: str, now_ms: int) -> tuple[tuple[Candle, ...], str]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await day_of_candles(self._reads, coin, now_ms), ""
        except (RestError, WireError, TimeoutError) as error:
            return (), f"its candles could not be read ({_told(error)})"

    async def _budget(self) -> tuple[RequestBudget | None, str]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._reads.request_budget(), ""
        except (RestError, WireError, TimeoutError) as error:
            return None, f"how many requests are left could not be read ({_told(error)})"


def _told(error: Exception) -> str:
    return str(error) or f"no answer within {ANSWER_WITHIN_S:.0f} s"


def running_preview(loop: asyncio.AbstractEventLoop, desk: PreviewDesk, coin: str) -> PreviewView:
    """For a thread that may wait: the preview of ``coin``, or why there is none."""
    asking = asyncio.run_coroutine_threadsafe(desk.facts(coin), loop)
    try:
        return _told_of(asking.result(WAIT_S), coin)
    except UsageError as error:
        return _none(coin, str(error))
    except (TimeoutError, concurrent.futures.CancelledError):
        asking.cancel()
        return _none(coin, _LATE)


async def preview_of(desk: PreviewDesk, coin: str) -> PreviewView:
    """For the core's own loop: the same; the arithmetic is done beside it."""
    try:
        async with asyncio.timeout(WAIT_S):
            facts = await desk.facts(coin)
    except UsageError as error:
        return _none(coin, str(error))
    except TimeoutError:
        return _none(coin, _LATE)
    return await asyncio.to_thread(_told_of, facts, coin)


_LATE = "the core did not answer in time; look again in a moment"


def _told_of(facts: Facts, coin: str) -> PreviewView:
    report = make_report(facts)
    note = (
        f"of these settings ({report.facts.fingerprint}), for a grid that begins now and holds nothing. This look isn't noted: "
        "before a start on mainnet it is `gridbot preview` that counts, for it reads the settings anew"
    )
    none = _none(coin, f"{coin} is not traded here")
    return next((view for view in views(report, note) if view.coin == coin), none)


def _none(coin: str, refusal: str) -> PreviewView:
    return PreviewView(coin, time.time_ns() // 10**6, refusal=refusal)
