"""How long an address's requests last, in sentences: what each grid takes, what trading gives back, which setting helps."""

from __future__ import annotations

from datetime import UTC, datetime

from core.engine.churn import Churn
from core.preview_view import PreviewFact
from core.runtime.preview.report import CoinReport, Report
from core.view import Severity

SOON_H = 48
"""A budget that is empty sooner than this is warned of."""


def churn_fact(each: CoinReport, report: Report) -> PreviewFact:
    """What a grid would have sent in a day like the last."""
    churn = each.churn
    if churn is None:
        text = f"how many orders it takes in a day can't be estimated: {each.no_churn}"
        return PreviewFact("orders a day", text)
    day = churn.per_day
    text = (
        f"about {day(churn.actions):,.0f} orders and cancels a day: {day(churn.refills):,.0f} as each level trades, "
        f"{day(churn.places):,.0f} and {day(churn.cancels):,.0f} cancels for {day(churn.rebuilds):,.0f} new grids"
    )
    if each.preview.grid.is_endless:
        text = text.replace(f"{day(churn.rebuilds):,.0f} new grids", "levels that follow the price")
    return PreviewFact("orders a day", f"{text} ({_source(each, report)})")


def _source(each: CoinReport, report: Report) -> str:
    churn, candles = each.churn, each.facts.candles
    assert churn is not None
    until = datetime.fromtimestamp(candles[-1].start_ms / 1000, UTC)
    text = f"from the exchange's {len(candles)} candles of a minute up to {until:%Y-%m-%d %H:%M} UTC"
    if churn.ended:
        text += f"; {churn.ended} would have ended it after {churn.span_ms / 3_600_000:.1f} h"
    if report.facts.speed > 1:
        text += f"; the market runs at {report.facts.speed:g} times its pace, so that candles hide most of its turns"
    config = each.facts.config
    if config.grid.widens or config.skew.soft_ppb:
        text += "; spacing and sizes that follow volatility and inventory come on top"
    return text + "; turns within a minute and orders that trade in parts come on top"


def budget_facts(report: Report) -> tuple[PreviewFact, ...]:
    """Of the address, which all coins share."""
    budget = report.facts.budget
    known = (
        f"{budget.left:,} requests are left of {budget.cap:,}"
        if budget is not None
        else report.facts.no_budget
    )
    rule = "each order and cancel takes one, also in a batch, and each USDC traded gives one"
    counted = [each for each in report.coins if each.churn]
    if not counted:
        return (PreviewFact("budget", f"{known}; {rule}; how long they last can't be estimated"),)
    flow = (
        f"about {report.actions_per_day:,.0f} a day against {report.earned_per_day:,.0f} that trading gives"
    )
    if len(counted) < len(report.coins):
        flow += f" ({len(counted)} of {len(report.coins)} coins counted)"
    hours = report.hours_to_empty
    if hours is None:
        return (PreviewFact("budget", f"{known}; {rule}: {flow}, so they last"),)
    worst = max(counted, key=lambda each: each.churn.actions if each.churn else 0)
    text = f"{known}; {rule}: {flow}, so they are gone in {hours:,.0f} h; after that an order passes every ten seconds"
    return (PreviewFact("budget", text, Severity.WARN if hours < SOON_H else Severity.INFO, advice(worst)),)


def advice(each: CoinReport) -> str:
    """Which setting brings most."""
    churn, coin = each.churn, each.facts.instrument.coin
    assert churn is not None
    if churn.places + churn.cancels > churn.refills:
        if each.preview.grid.is_endless:
            return f"most of it is {coin}'s levels that follow the price: a wider HL_GRID_SPACING_PCT"
        return (
            f"most of it is {coin}'s new grids: more levels (HL_NUM_GRIDS) or a wider HL_GRID_SPACING_PCT, a longer "
            "HL_RECENTER_INTERVAL_SEC, or HL_ON_RANGE_EXIT hold"
        )
    return (
        f"most of it is {coin}'s levels as they trade: with levels of {_level_usd(churn):,.2f} USD (HL_INVESTMENT_USD, "
        "or fewer HL_NUM_GRIDS) trading gives back what it takes; a wider HL_GRID_SPACING_PCT trades less often"
    )


def _level_usd(churn: Churn) -> float:
    return churn.actions / churn.fills if churn.fills else 0.0
