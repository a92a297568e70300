"""``gridbot doctor``, the exchange's part: requests left and for how long, the switch's threshold, an exchange that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.domain.market_history import Candle
from core.domain.request_limits import RequestBudget
from core.engine.side_caps import PortfolioLimits
from core.paper.venue.accounts import Account
from core.runtime import doctor_online
from core.runtime.doctor import Finding
from core.runtime.doctor_online import REQUESTS, SWITCH, WEIGHT, examine_exchange
from core.runtime.exit_code import ExitCode
from core.runtime.preview.report import CoinFacts, Facts
from core.runtime.restore import coin_config
from core.runtime.settings import Loaded
from core.runtime.statedir import StateDir, StateLock
from tests.unit.exchange.samples import BTC
from tests.unit.runtime.kept_journal import Trades, write_journal
from tests.unit.runtime.stage import Venue, plan, running, settings, venue

NOW_MS = 1_769_814_589_170


async def examined(
    directory: Path, exchange: Venue, change: Callable[[Account], None], of: Loaded | None = None
) -> dict[str, Finding]:
    """After a short run, with the exchange's account as ``change`` made it."""
    one = plan(directory, exchange.url)
    async with running(one) as run:
        await run.resting(6)
        await run.stop()
    change(exchange.server.exchange.venue.see(exchange.user))
    found = await asyncio.to_thread(examine_exchange, one.state, of, NOW_MS)
    return {finding.name: finding for finding in found}


async def test_of_a_young_account_it_tells_what_is_left_and_that_the_switch_has_to_wait(
    tmp_path: Path,
) -> None:
    def traded(account: Account) -> None:
        account.requests, account.volume = 1_234, 2_500 * 10**6

    async with venue() as exchange:
        found = await examined(tmp_path, exchange, traded)
    assert all(finding.ok for finding in found.values())
    assert found[REQUESTS].says == "11,266 are left of 12,500 (1,234 used)"
    assert found[SWITCH].says.startswith(
        "2,500 of 1,000,000 USDC traded: the exchange takes no scheduled cancel"
    )
    assert "gridbot watchdog" in found[SWITCH].says
    assert found[WEIGHT].says.startswith("1,200 a minute")


async def test_an_account_without_requests_is_told_what_still_passes(tmp_path: Path) -> None:
    def spent(account: Account) -> None:
        account.requests = 10_000

    async with venue() as exchange:
        found = await examined(tmp_path, exchange, spent)
    assert not found[REQUESTS].ok
    assert found[REQUESTS].says == "0 are left of 10,000 (10,000 used)"
    assert "one order passes every ten seconds" in found[REQUESTS].fix
    assert found[REQUESTS].exit_code is ExitCode.CLEAN, "it stops no start"


async def test_from_a_million_on_the_switch_can_be_armed(tmp_path: Path) -> None:
    def rich(account: Account) -> None:
        account.volume = 10**12

    async with venue() as exchange:
        found = await examined(tmp_path, exchange, rich)
    assert (
        found[SWITCH].says == "1,000,000 of 1,000,000 USDC traded: the exchange would take a scheduled cancel"
    )


def _facts(of: Loaded, step: int) -> Facts:
    """Two hours in which the price goes ``step`` up each minute for twenty, and down for twenty; ten requests are left."""
    price, candles = 1_100_000, list[Candle]()
    for minute in range(120):
        last, price = price, price + (step if minute % 40 < 20 else -step)
        candles.append(
            Candle(NOW_MS + 60_000 * minute, last, max(last, price), min(last, price), price, trades=5)
        )
    one = of.by_coin["BTC"]
    coin = CoinFacts(one, coin_config(one, BTC), price, tuple(candles))
    return Facts((coin,), PortfolioLimits(), NOW_MS, "mark", None, RequestBudget(10_000, 9_990))


async def test_how_long_they_last_is_the_previews_estimate_by_the_settings_of_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, asked = settings(num_grids=3), list[tuple[Any, ...]]()

    def facts(*args: Any) -> Facts:
        asked.append(args)
        return _facts(of, 1_800)

    monkeypatch.setattr(doctor_online, "facts_before_a_start", facts)
    async with venue() as exchange:
        found = await examined(tmp_path, exchange, lambda _: None, of)
        assert [args[:3] for args in asked] == [(of, exchange.url, exchange.user)]
    assert found[REQUESTS].ok
    assert found[REQUESTS].says.startswith("10 requests are left of 10,000; ")
    assert found[REQUESTS].says.endswith("that trading gives, so they last")


async def test_if_they_are_soon_gone_it_says_which_setting_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restless = settings(
        num_grids=30,
        investment_usd=Decimal(250),
        grid_spacing_pct=Decimal("0.0031"),
        trailing_pct=Decimal("0.001"),
    )
    monkeypatch.setattr(doctor_online, "facts_before_a_start", lambda *_: _facts(restless, 1_800))
    async with venue() as exchange:
        found = await examined(tmp_path, exchange, lambda _: None, restless)
    assert not found[REQUESTS].ok
    assert "so they are gone in 0 h" in found[REQUESTS].says
    assert found[REQUESTS].fix.startswith("Most of it is BTC's new grids: more levels (HL_NUM_GRIDS)")


async def test_beside_a_running_bot_its_own_preview_and_its_own_count_are_told(tmp_path: Path) -> None:
    async with venue() as exchange:
        one = plan(tmp_path, exchange.url)
        with StateLock(one.state):
            async with running(one) as run:
                await run.resting(6)
                found = await asyncio.to_thread(examine_exchange, one.state, None, NOW_MS)
                await run.stop()
    told = {finding.name: finding.says for finding in found}
    assert "each order and cancel takes one, also in a batch" in told[REQUESTS]
    assert told[REQUESTS].startswith("9,9")
    assert "none of it is used from here" not in told[WEIGHT]


async def test_an_exchange_that_is_not_reached_is_what_a_start_would_end_with(tmp_path: Path) -> None:
    async with venue() as exchange:
        one = plan(tmp_path, exchange.url)
        async with running(one) as run:
            await run.resting(6)
            await run.stop()
    (weight, requests) = await asyncio.to_thread(examine_exchange, one.state, None, NOW_MS)
    assert weight.ok
    assert "cannot be reached" in requests.says
    assert requests.exit_code is ExitCode.UNREACHABLE
    assert "a start tries for a minute" in requests.fix


def test_without_a_journal_there_is_nothing_to_ask_and_the_embedded_exchange_is_away(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.prepare()
    assert examine_exchange(state, None, NOW_MS) == []
    write_journal(state.journal, Trades().some(3))
    found = examine_exchange(state, None, NOW_MS)
    assert [(finding.name, finding.ok) for finding in found] == [
        (WEIGHT, True),
        (REQUESTS, True),
        (SWITCH, True),
    ]
    assert all("runs only while the bot does" in finding.says for finding in found)
