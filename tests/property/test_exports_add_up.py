"""Whatever is traded, paid and moved: an export's sums are those of a small reckoning of one's own, and nothing is left."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.fills import Adjustment, Fill, Funding
from core.domain.instrument import Instrument
from core.domain.orders import Side
from core.domain.pnl import Stake
from core.domain.transfers import SPOT, Transfer
from core.journal.batch import CashMark
from core.runtime.export.period import Period, year_of
from core.runtime.export.reckoning import Reckoning, Sums
from core.runtime.export.sources import JOURNAL, CoinHistory, Line
from tests.unit.exchange.samples import ACCOUNT, BTC, ETH, fill

NEW_YEAR_MS = 1_767_225_600_000
COINS: dict[str, Instrument] = {"BTC": BTC, "ETH": ETH}
STEP_MS = 100_000


@dataclass(frozen=True)
class Trade:
    coin: str
    lots: int
    price: int
    fee: Decimal
    is_adjustment: bool


money = st.decimals(-50, 50, places=6, allow_nan=False)
trades = st.builds(
    Trade,
    st.sampled_from(sorted(COINS)),
    st.integers(-40, 40).filter(bool),
    st.integers(1, 3_000_000),
    st.decimals(-2, 2, places=6, allow_nan=False),
    st.integers(0, 9).map(lambda n: n == 0),
)
happenings = st.one_of(
    trades,
    trades,
    trades,
    st.tuples(st.sampled_from(["BTC", "ETH", "DOGE"]), money),
    st.tuples(st.just(SPOT), money),
)
stakes = st.builds(
    lambda lots, entry: Stake(lots, abs(lots) * entry), st.integers(-30, 30), st.integers(1, 10**6)
)
"""At a whole entry: what doesn't divide is another test's."""


def stamped(number: int, count: int) -> int:
    """Half of everything in the old year."""
    return NEW_YEAR_MS + (number - count // 2) * STEP_MS


class Plain:
    """The reckoning of one's own: lot by lot, in fractions, with no regard for how it is done elsewhere."""

    def __init__(self, starts: dict[str, Stake], period: Period) -> None:
        self.period = period
        self.fifo: dict[str, list[Fraction]] = {}
        self.held: dict[str, int] = {}
        self.cost: dict[str, Fraction] = {}
        for coin, stake in starts.items():
            self.fifo[coin] = [Fraction(stake.cost, abs(stake.lots))] * abs(stake.lots) if stake.lots else []
            self.held[coin], self.cost[coin] = stake.lots, Fraction(stake.cost)
        self.gains: defaultdict[int, Fraction] = defaultdict(Fraction)
        self.average: defaultdict[int, Fraction] = defaultdict(Fraction)
        self.flows: defaultdict[int, Decimal] = defaultdict(Decimal)
        self.closings = 0

    def trade(self, trade: Trade, time_ms: int) -> None:
        sign = 1 if trade.lots > 0 else -1
        first, average = Fraction(0), Fraction(0)
        for _ in range(abs(trade.lots)):
            held = self.held[trade.coin]
            if held * sign < 0:
                side = -sign
                first += side * (trade.price - self.fifo[trade.coin].pop(0))
                share = self.cost[trade.coin] / abs(held)
                average += side * (trade.price - share)
                self.cost[trade.coin] -= share
            else:
                self.fifo[trade.coin].append(Fraction(trade.price))
                self.cost[trade.coin] += trade.price
            self.held[trade.coin] += sign
        self.closings += 1
        if self.period.holds(time_ms):
            self.gains[year_of(time_ms)] += first
            self.average[year_of(time_ms)] += average
            self.pay(-trade.fee if not trade.is_adjustment else Decimal(0), time_ms)

    def pay(self, usd: Decimal, time_ms: int) -> None:
        if self.period.holds(time_ms):
            self.flows[year_of(time_ms)] += usd


def line(trade: Trade, number: int, time_ms: int, held: int) -> Line:
    if trade.is_adjustment:
        entry: Fill | Adjustment = Adjustment(
            str(number), trade.coin, time_ms, held, held + trade.lots, trade.price, time_ms, "test", ""
        )
        return Line(entry, JOURNAL)
    side = Side.BUY if trade.lots > 0 else Side.SELL
    rest: dict[str, Any] = {"start_lots": held, "fee": trade.fee, "price": trade.price, "coin": trade.coin}
    return Line(fill(number, time_ms=time_ms, side=side, lots=abs(trade.lots), **rest), JOURNAL)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(happenings, min_size=1, max_size=40),
    st.fixed_dictionaries({"BTC": stakes, "ETH": stakes}),
    st.just(0) | st.integers(0, 40),
    st.just(40) | st.integers(0, 40),
)
def test_gains_less_fees_plus_funding_plus_transfers_are_the_change_of_the_balance(
    happened: list[Any], starts: dict[str, Stake], first: int, last: int
) -> None:
    count = len(happened)
    period = Period(stamped(min(first, last), count), stamped(max(first, last) + 1, count))
    plain = Plain(starts, period)
    coins = [CoinHistory(COINS[coin], stake, 0, ()) for coin, stake in starts.items()]
    mark = CashMark(ACCOUNT, "", stamped(count // 3, count), Decimal(500))
    reckoning = Reckoning(period, coins, [mark])
    cash = [Decimal(0)] * 3
    for number, each in enumerate(happened):
        time_ms = stamped(number, count)
        usd = Decimal(0)
        if isinstance(each, Trade):
            reckoning.take(line(each, number + 1, time_ms, plain.held[each.coin]))
            plain.trade(each, time_ms)
            usd = Decimal(0) if each.is_adjustment else Decimal(-each.lots * each.price).scaleb(-6) - each.fee
        elif each[0] == SPOT:
            moves = (("", each[1]), (SPOT, -each[1]))
            reckoning.take_transfer(Transfer(ACCOUNT, time_ms, "0x1", "accountClassTransfer", moves, "{}"))
            plain.pay(usd := each[1], time_ms)
        else:
            reckoning.take_funding(Funding(ACCOUNT, each[0], time_ms, each[1], "0x0", "{}"))
            plain.pay(usd := each[1], time_ms)
        for at, limit in enumerate((period.from_ms, period.until_ms, mark.time_ms + 1)):
            cash[at] += usd if time_ms < limit else 0
    whole = Sums()
    for year, found in reckoning.years():
        total = sum(found.values(), Sums())
        whole += total
        assert not any(total.residuals)
        assert total.fifo == plain.gains[year]
        assert abs(total.average - plain.average[year]) <= plain.closings, "a micro-USDC for each that closes"
        assert (
            total.balance_change(total.fifo) == Decimal(int(plain.gains[year])).scaleb(-6) + plain.flows[year]
        )
    assert not any(whole.residuals)
    assert (sum(plain.gains.values()), sum(plain.flows.values())) == (
        whole.fifo,
        whole.balance_change(0),
    )
    ((_, opening, end, _),) = reckoning.cash()
    assert (opening, end) == (500 + cash[0] - cash[2], 500 + cash[1] - cash[2])
    adjusted = Decimal(whole.adjusted).scaleb(-6)
    assert end - opening == whole.cash_change - adjusted
