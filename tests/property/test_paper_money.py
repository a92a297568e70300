"""Whatever prices, leverage, transfers, funding and liquidations do, no money comes from nowhere or goes there."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.orders import Side
from core.paper.config import MoneySettings
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import MarketStep, Quote
from core.paper.venue.accounts import UNIFIED, Account
from core.paper.venue.audit import audit
from core.paper.venue.modes import set_mode
from core.paper.venue.orders import TimeInForce, WireOrder
from core.paper.venue.refusals import RefusedError
from core.paper.venue.transfers import SPOT
from core.paper.venue.twaps import WireTwap
from core.paper.venue.validation import StaticError
from core.paper.venue.venue import Venue

USD = 1_000_000
HOUR_MS = 3_600_000
UNIVERSE = Universe.of(
    [
        Rules("BTC", 5, (Tier(0, 40), Tier(50_000 * USD, 20))),
        Rules("ETH", 5, (Tier(0, 25),)),
        Rules("xyz:GOLD", 5, (Tier(0, 20),), margin_mode="strictIsolated"),
    ]
)
COINS = tuple(UNIVERSE.listings)
USERS = tuple(f"0x{number:040x}" for number in (10, 11, 12))
PLACES = ("", "xyz", SPOT)
_TICK = 100

users = st.sampled_from(USERS)
coins = st.sampled_from(COINS)
sides = st.sampled_from(list(Side))
amounts = st.integers(1, 8_000 * USD)

takes = st.tuples(st.just("take"), users, coins, sides, st.integers(10_000, 150_000))
rests = st.tuples(st.just("rest"), users, coins, sides, st.integers(1, 40), st.integers(100, 50_000))
moves = st.tuples(
    st.just("move"), coins, st.sampled_from((-37, -30, -25, 25, 30, 37)), st.integers(100, 500_000)
)
jumps = st.tuples(st.just("move"), coins, st.integers(-900, 900), st.integers(100, 100_000))
leverages = st.tuples(st.just("leverage"), users, coins, st.integers(1, 40), st.booleans())
margins = st.tuples(st.just("margin"), users, coins, st.integers(-500 * USD, 500 * USD))
sends = st.tuples(st.just("send"), users, st.sampled_from(PLACES), users, st.sampled_from(PLACES), amounts)
withdrawals = st.tuples(st.just("withdraw"), users, amounts)
modes = st.tuples(st.just("mode"), users, st.sampled_from((UNIFIED, "disabled")))
twaps = st.tuples(
    st.just("twap"), users, coins, sides, st.integers(1_000, 150_000), st.booleans(), st.booleans()
)
waits = st.tuples(st.just("wait"), st.sampled_from((300, 5_000, HOUR_MS)))
deeds = st.lists(
    st.one_of(
        takes,
        takes,
        takes,
        rests,
        moves,
        moves,
        jumps,
        leverages,
        margins,
        sends,
        withdrawals,
        modes,
        twaps,
        waits,
    ),
    min_size=10,
    max_size=60,
)


class _Exchange:
    def __init__(self, insurance_usd: int) -> None:
        money = MoneySettings(insurance_usd=insurance_usd)
        self.venue = Venue(UNIVERSE, 10_000 * USD, 1, money=money)
        self.now_ms = 1
        self.middles = dict.fromkeys(COINS, 1_000_000)
        for coin in COINS:
            self._quote(coin, 500_000)
        for user in USERS:
            self.venue.see(user)

    def do(self, deed: tuple[object, ...]) -> None:
        venue = self.venue
        match deed:
            case ("take", str(user), str(coin), Side() as side, int(lots)):
                venue.market_order(user, coin, side, lots, self.now_ms)
            case ("rest", str(user), str(coin), Side() as side, int(away), int(lots)):
                instrument = venue.instruments[coin]
                price = instrument.price_text(max(_TICK, self.middles[coin] - side.sign * away * _TICK))
                size = instrument.size_text(lots)
                tif = TimeInForce.GTC
                wire = WireOrder(instrument.asset_id, side is Side.BUY, price, size, False, tif, None)
                venue.place(user, (wire,), self.now_ms)
            case ("twap", str(user), str(coin), Side() as side, int(lots), bool(reduces), bool(varies)):
                instrument = venue.instruments[coin]
                size, is_buy = instrument.size_text(lots), side is Side.BUY
                twap = WireTwap(instrument.asset_id, is_buy, size, reduces, 5, varies)
                venue.twaps.place(venue.see(user), twap)
            case ("move", str(coin), int(ticks), int(lots)):
                self.middles[coin] = max(10 * _TICK, self.middles[coin] + ticks * 10 * _TICK)
                self._quote(coin, lots)
            case ("leverage", str(user), str(coin), int(value), bool(is_cross)):
                venue.set_leverage(user, venue.instruments[coin].asset_id, value, is_cross)
            case ("margin", str(user), str(coin), int(micro)):
                venue.update_isolated_margin(user, venue.instruments[coin].asset_id, micro)
            case ("send", str(user), str(source), str(receiver), str(target), int(micro)):
                venue.transfers.asset(venue.see(user), source, receiver, target, micro, 0)
            case ("withdraw", str(user), int(micro)):
                venue.transfers.withdraw(venue.see(user), micro, 0)
            case ("mode", str(user), str(mode)):
                set_mode(venue.ledger, venue.see(user), mode)
            case ("wait", int(ms)):
                self.now_ms += ms
            case _:
                raise AssertionError(deed)

    def tick(self) -> None:
        self.now_ms += 3_250
        self.venue.tick(self.now_ms)

    def _quote(self, coin: str, lots: int) -> None:
        middle = self.middles[coin]
        step = MarketStep(coin, (), None, Quote(middle - _TICK, lots, middle + _TICK, lots))
        self.venue.step(step, self.now_ms)


def _check_account(venue: Venue, account: Account) -> None:
    for coin, position in account.positions.items():
        assert bool(position.cost) == bool(position.lots)
        is_cross = venue.margin.leverage(account, coin).is_cross
        assert not position.margin or (position.lots and not is_cross)
    funding = sum(position.funding for position in account.positions.values())
    earned = sum(fill.closed_pnl - fill.fee for fill in (*account.fills, *account.slice_fills))
    seized = account.deposits + earned - funding - account.balance
    was_taken_over = any(row.delta["type"] == "liquidation" for row in account.history)
    assert seized == 0 or was_taken_over, "only a liquidation takes money without a trade"
    for fill_before, fill in zip(account.fills, account.fills[1:], strict=False):
        assert fill_before.time_ms <= fill.time_ms
    for twap in account.twaps.values():
        assert 0 <= twap.executed < twap.lots
        assert twap.executed == sum(f.lots for f in account.slice_fills if f.twap_id == twap.twap_id)


@settings(max_examples=120, deadline=None)
@given(deeds, st.sampled_from((0, 1_000_000)), st.sampled_from((-28, 28)), st.integers(20_000, 500_000))
def test_no_money_comes_from_nowhere(
    deeds: list[tuple[object, ...]], insurance_usd: int, slide: int, lots: int
) -> None:
    """In the end the market slides by 2.8 % at a time, so that whoever has leverage is liquidated on one side."""
    exchange = _Exchange(insurance_usd)
    venue = exchange.venue
    end: list[tuple[object, ...]] = [("move", coin, slide, lots) for coin in COINS]
    for deed in [*deeds, *end, *end, *end]:
        try:
            exchange.do(deed)
        except (RefusedError, StaticError):
            pass
        exchange.tick()
        found = audit(venue)
        assert found.is_balanced, (deed, found)
    for account in venue.ledger.accounts.values():
        _check_account(venue, account)
    assert venue.ledger.counters.rounding >= 0
