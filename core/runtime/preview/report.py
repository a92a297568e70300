"""One preview, whoever asks for it: from the facts of the market, the account and the settings. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.clock import DAY_MS
from core.domain.instrument import Instrument
from core.domain.market_history import Candle
from core.domain.request_limits import NEW_ADDRESS, RequestBudget
from core.engine.churn import Churn, count_churn
from core.engine.coin_config import CoinConfig
from core.engine.grid_sizing import GridImpossibleError
from core.engine.preview import Preview, first_grid, preview
from core.engine.preview_caps import planned_caps
from core.engine.preview_notes import notes
from core.engine.request_pace import MICRO, empty_in_ms
from core.engine.side_caps import Money, PortfolioLimits
from core.engine.stop_loss import StopLoss
from core.engine.withdrawable import EdgeCase, Need, coin_need, portfolio_need
from core.runtime.margin_setup import wanted_leverage
from core.runtime.settings import Settings
from core.runtime.statedir import UsageError

LEAST_CANDLES = 30
"""Fewer minutes than this tell nothing of a day."""


@dataclass(frozen=True, slots=True)
class CoinFacts:
    """``config`` is of ``settings``, with what an operator has set in their place; ``mid`` in price units."""

    settings: Settings
    config: CoinConfig
    mid: int
    candles: tuple[Candle, ...] = ()
    no_candles: str = ""
    """Why there are none, if none were asked for."""
    override: str = ""
    """What an operator has set in place of the settings."""
    is_running: bool = False
    """Whether a grid of it was built already."""

    @property
    def instrument(self) -> Instrument:
        return self.config.instrument


@dataclass(frozen=True, slots=True)
class Facts:
    """``money`` and ``budget`` are ``None`` if no account is named; ``speed``: market seconds per second."""

    coins: tuple[CoinFacts, ...]
    limits: PortfolioLimits
    now_ms: int
    fingerprint: str
    money: Money | None = None
    budget: RequestBudget | None = None
    no_budget: str = "a new address has 10,000 requests (no account is named)"
    """What is said of the budget while it isn't known."""
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class CoinReport:
    facts: CoinFacts
    preview: Preview
    notes: tuple[str, ...]
    need: Need
    churn: Churn | None
    no_churn: str
    """Why nothing can be said of how many orders it will take; empty if something can."""


@dataclass(frozen=True, slots=True)
class Report:
    facts: Facts
    coins: tuple[CoinReport, ...]
    need: Need
    """Of all coins, each at its worst at once."""

    @property
    def actions_per_day(self) -> float:
        return sum(each.churn.per_day(each.churn.actions) for each in self.coins if each.churn)

    @property
    def earned_per_day(self) -> float:
        """What trading adds to the address's budget: one request for each USDC."""
        return sum(each.churn.per_day(each.churn.traded_micro) / 10**6 for each in self.coins if each.churn)

    @property
    def hours_to_empty(self) -> float | None:
        """``None`` if the budget lasts, or if nothing is known of the churn."""
        left = (self.facts.budget or NEW_ADDRESS).left
        drain = round(MICRO * (self.actions_per_day - self.earned_per_day))
        empty_ms = empty_in_ms(left, drain, DAY_MS)
        return None if empty_ms is None else empty_ms / 3_600_000


def make_report(facts: Facts) -> Report:
    """Raises ``UsageError`` with why a coin can have no grid, would be closed at once, or may not have its leverage."""
    found: list[CoinReport] = []
    others_usd = promised_usd = Decimal(0)
    for coin in facts.coins:
        each = _coin_report(coin, facts, others_usd, promised_usd)
        worst = max(edge.notional for edge in each.preview.edges)
        others_usd += worst
        promised_usd += worst / coin.config.leverage
        found.append(each)
    return Report(facts, tuple(found), portfolio_need(each.need for each in found))


def _coin_report(coin: CoinFacts, facts: Facts, others: Decimal, promised: Decimal) -> CoinReport:
    _refuse_past_limits(coin)
    wanted_leverage(coin.settings, coin.instrument)
    try:
        grid, _ = first_grid(coin.config, coin.mid)
        caps = planned_caps(coin.config, grid, coin.mid, facts.limits, facts.money, others, promised)
        found = preview(coin.config, coin.settings.investment_usd, coin.mid, caps)
        no_churn = _no_churn(coin)
        churn = None if no_churn else count_churn(coin.config, coin.candles)
    except GridImpossibleError as error:
        raise UsageError(str(error)) from None
    said = tuple(notes(coin.config, found, coin.mid, coin.is_running))
    return CoinReport(coin, found, said, _need(found, coin.config.leverage), churn, no_churn)


def _no_churn(coin: CoinFacts) -> str:
    if coin.no_candles:
        return coin.no_candles
    count = len(coin.candles)
    if count < LEAST_CANDLES:
        return (
            f"the exchange knows {count or 'no'} minute{'s' if count != 1 else ''} of {coin.instrument.coin}, and fewer than "
            f"{LEAST_CANDLES} say nothing of a day (a paper exchange begins with none); look again later"
        )
    if not any(candle.trades for candle in coin.candles):
        return f"nothing of {coin.instrument.coin} traded in the last {count} minutes"
    return ""


def _refuse_past_limits(coin: CoinFacts) -> None:
    limit = StopLoss.of(coin.config).limit(2 * coin.mid)
    if limit is not None:
        raise UsageError(limit.text(coin.instrument, coin.mid))


def _need(found: Preview, leverage: Decimal) -> Need:
    """At the worse of the two edges, or while both sides rest, as the exchange lends by the leverage that is set."""
    resting = EdgeCase(Decimal(0), sum((abs(edge.position) * edge.entry for edge in found.edges), Decimal(0)))
    return coin_need([resting, *(EdgeCase(edge.loss, edge.notional) for edge in found.edges)], leverage)
