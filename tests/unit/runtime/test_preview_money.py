"""The money behind a preview: as a bot that runs sees it, in either mode of the account, and of one that is empty."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from core.engine.risk_engine import Rule
from core.runtime.preview.gather import facts_before_a_start
from core.runtime.preview.report import Facts, Report, make_report
from core.runtime.preview.words import account_facts
from core.runtime.statedir import UsageError
from core.view import Severity
from tests.unit.exchange.samples import NOW_MS
from tests.unit.runtime.stage import Venue, plan, running, settings, venue


async def asked(exchange: Venue, **changes: Decimal) -> Facts:
    loaded = settings(**changes)
    return await asyncio.to_thread(facts_before_a_start, loaded, exchange.url, exchange.user, None, NOW_MS)


def said(report: Report) -> tuple[str, Severity]:
    fact = account_facts(report)[0]
    return fact.text, fact.severity


@pytest.mark.parametrize("mode", ["default", "unifiedAccount"])
async def test_it_is_that_of_a_bot_that_runs(tmp_path: Path, mode: str) -> None:
    async with venue() as exchange:
        account = exchange.server.exchange.venue.see(exchange.user)
        if mode == "unifiedAccount":
            account.spot, account.cash = account.money, dict.fromkeys(account.cash, 0)
            account.abstraction = mode
        before = await asked(exchange)
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(6)
            assert run.session.previews is not None
            live = await run.session.previews.facts("BTC")
            await run.stop()
    assert before.money is not None
    assert live.money is not None
    assert before.money.value == live.money.value == 10_000
    text, severity = said(make_report(before))
    assert "of the 10000.00 that it holds" in text
    assert severity is Severity.INFO


async def test_a_mode_that_no_start_takes_is_no_preview_either() -> None:
    async with venue() as exchange:
        exchange.server.exchange.venue.see(exchange.user).abstraction = "portfolioMargin"
        with pytest.raises(UsageError, match="in the mode portfolioMargin"):
            await asked(exchange)


async def test_an_empty_account_keeps_its_limits_and_is_asked_for_money() -> None:
    async with venue() as exchange:
        account = exchange.server.exchange.venue.see(exchange.user)
        account.cash = dict.fromkeys(account.cash, 0)
        facts = await asked(exchange, max_margin_pct=Decimal("0.5"), min_liq_distance_pct=Decimal("0.1"))
        report = make_report(facts)
    (coin,) = report.coins
    assert {blocked.why.rule for blocked in coin.preview.blocked} <= {Rule.MARGIN, Rule.LIQUIDATION}
    assert len(coin.preview.blocked) == len(coin.preview.levels)
    text, severity = said(report)
    assert "the account holds 0.00, so its limits on margin and liquidation let no order rest: pay in" in text
    assert severity is Severity.WARN
