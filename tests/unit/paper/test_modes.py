"""The unified mode: one margin, one wallet."""

from __future__ import annotations

import pytest

from core.domain.orders import Side
from core.paper.market.listing import Rules, Tier, Universe
from core.paper.market.step import MarketStep
from core.paper.venue.accounts import UNIFIED
from core.paper.venue.audit import audit
from core.paper.venue.modes import set_mode
from core.paper.venue.refusals import RefusedError
from core.paper.venue.venue import Venue
from tests.unit.paper.world import ALICE, FUNDS_MICRO, NOW_MS, lots, quote

BTC_AND_GOLD = Universe.of([Rules("BTC", 5, (Tier(0, 40),)), Rules("xyz:GOLD", 5, (Tier(0, 20),))])


@pytest.fixture
def venue() -> Venue:
    venue = Venue(BTC_AND_GOLD, FUNDS_MICRO, NOW_MS)
    for coin in BTC_AND_GOLD.listings:
        venue.step(MarketStep(coin, (), None, quote(100_000, "100", 100_010, "100")), NOW_MS)
    return venue


def test_all_money_goes_to_the_spot_wallet_and_stays_there(venue: Venue) -> None:
    account = venue.see(ALICE)
    set_mode(venue.ledger, account, UNIFIED)
    assert (account.spot, account.cash) == (2 * FUNDS_MICRO, {"": 0, "xyz": 0})
    set_mode(venue.ledger, account, "disabled")
    assert (account.spot, account.cash) == (2 * FUNDS_MICRO, {"": 0, "xyz": 0})
    assert audit(venue).is_balanced


def test_with_positions_or_orders_the_border_stays_as_it_is(venue: Venue) -> None:
    account = venue.see(ALICE)
    venue.market_order(ALICE, "BTC", Side.BUY, lots("0.1"), NOW_MS)
    with pytest.raises(RefusedError):
        set_mode(venue.ledger, account, UNIFIED)
    assert account.abstraction == "disabled"
    set_mode(venue.ledger, account, "default")
    assert account.abstraction == "default"


def test_money_earned_on_one_dex_counts_on_all_and_the_balance_is_at_entry(venue: Venue) -> None:
    account = venue.see(ALICE)
    set_mode(venue.ledger, account, UNIFIED)
    venue.market_order(ALICE, "xyz:GOLD", Side.BUY, lots("0.1"), NOW_MS)
    fee = account.fills[0].fee
    assert account.balance == 2 * FUNDS_MICRO - fee
    assert account.cash["xyz"] < 0
    assert venue.margin.free(account, "") == venue.margin.free(account, "xyz")


def test_a_unified_account_is_liquidated_as_one(venue: Venue) -> None:
    account = venue.see(ALICE)
    set_mode(venue.ledger, account, UNIFIED)
    for coin in BTC_AND_GOLD.listings:
        assert not venue.market_order(ALICE, coin, Side.BUY, lots("1.5"), NOW_MS).error
    for number, coin in enumerate(BTC_AND_GOLD.listings, 1):
        book = quote(60_000, "0.001", 60_010, "0.001")
        venue.step(MarketStep(coin, (), None, book, 600_050, 600_050), NOW_MS + number)
    venue.tick(NOW_MS + 1_000)
    assert not any(position.lots for position in account.positions.values())
    assert (account.money, account.spot) == (0, 0)
    (row,) = account.history
    assert len(list(row.delta["liquidatedPositions"])) == 2  # type: ignore[arg-type]
    assert audit(venue).is_balanced
