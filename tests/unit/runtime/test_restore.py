"""From rows to an engine, and the anchor of a coin seen for the first time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest

from core.domain.clock import DAY_MS, Instant
from core.domain.effects import SaveCheckpoint, SavePosition
from core.domain.events import AccountObserved
from core.domain.fills import Adjustment, Fill
from core.domain.orders import OrderState, Purpose, Side
from core.exchange.reads import Page, Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError
from core.journal.journal import Anchor
from core.journal.reader import CoinRows, Restored
from core.runtime import restore
from core.runtime.restore import ANCHOR_ATTEMPTS, build_engine, coin_config, open_position
from core.runtime.settings import Settings
from tests.unit.exchange.samples import ACCOUNT, BTC, INSTRUMENTS, NOW_MS, cloid, fill, order
from tests.unit.journal.desk import grid

_NOW = Instant(1_000, NOW_MS, NOW_MS)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "ANCHOR_PAUSE_S", 0.0)


class Venue:
    """Each look (position, fills, position) sees one moment of a list; the last one stays."""

    def __init__(self, *moments: tuple[list[Fill], dict[str, int]] | Exception) -> None:
        self.moments, self.accounts, self.since = list(moments), 0, 0
        self.entries = {"BTC": Decimal(840_000)}

    @property
    def reads(self) -> int:
        return self.accounts // 2

    def _moment(self) -> tuple[list[Fill], dict[str, int]]:
        found = self.moments[min(self.reads, len(self.moments) - 1)]
        if isinstance(found, Exception):
            self.accounts += 2
            raise found
        return found

    async def fills_since(self, since_ms: int) -> AsyncIterator[Page]:
        self.since = since_ms
        fills, _ = self._moment()
        for each in fills:
            yield Page((each,), each.time_ms)

    async def account_with_entries(self) -> tuple[AccountObserved, dict[str, Decimal]]:
        _, positions = self._moment()
        self.accounts += 1
        seen = AccountObserved(tuple(positions.items()), Decimal(0), Decimal(0), NOW_MS, 0)
        return seen, self.entries


async def _open(*moments: tuple[list[Fill], dict[str, int]] | Exception) -> tuple[restore.Opening, Venue]:
    venue = Venue(*moments)
    return await open_position(cast(Reads, venue), BTC), venue


async def test_a_flat_account_without_fills_begins_at_zero() -> None:
    opening, venue = await _open(([], {}))
    assert opening.anchor == Anchor("BTC", 0, 0, NOW_MS - 60_000, "opening position")
    assert opening.fills == ()
    assert venue.since == NOW_MS - 60_000


@pytest.mark.parametrize("lots", [700, -700])
async def test_an_existing_position_is_the_anchor_with_its_entry(lots: int) -> None:
    opening, _ = await _open(([], {"BTC": lots, "ETH": 5}))
    assert (opening.anchor.lots, opening.anchor.cost) == (lots, 840_000 * 700)


async def test_the_anchor_sits_on_the_chain_before_the_fills_of_the_last_minute() -> None:
    later = fill(2, time_ms=NOW_MS + 1, start_lots=130, lots=20, side=Side.SELL)
    sooner = fill(1, time_ms=NOW_MS, start_lots=100, lots=30)
    foreign = fill(3, coin="ETH", start_lots=-9)
    opening, _ = await _open(([later, foreign, sooner], {"BTC": 110}))
    assert opening.anchor.lots == 100
    assert opening.fills == (sooner, later)
    assert opening.anchor.lots + sum(f.signed_lots for f in opening.fills) == 110
    assert opening.position == SavePosition("BTC", 110, 2, 0)


async def test_a_position_closed_within_the_minute_opens_before_it() -> None:
    close = fill(1, start_lots=30, lots=30, side=Side.SELL)
    opening, _ = await _open(([close], {}))
    assert opening.anchor.lots == 30


async def test_reads_that_disagree_are_repeated_until_they_agree() -> None:
    first, second = fill(1, lots=30), fill(2, time_ms=NOW_MS + 1, start_lots=30, lots=5)
    opening, venue = await _open(
        ([first], {"BTC": 35}), ([first], {"BTC": 35}), ([first, second], {"BTC": 35})
    )
    assert venue.reads == 3
    assert (opening.anchor.lots, opening.fills) == (0, (first, second))


@pytest.mark.parametrize("error", [RestError("HTTP 502"), WireError("garbled")])
async def test_a_read_that_fails_is_repeated_too(error: Exception) -> None:
    opening, _ = await _open(error, error, ([], {"BTC": 5}))
    assert opening.anchor.lots == 5


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        (([fill(1)], {"BTC": 99}), "the fills and the position of BTC don't agree yet"),
        (RestError("HTTP 502"), "the position of BTC can't be read: HTTP 502"),
        (WireError("garbled"), "the position of BTC can't be read: garbled"),
    ],
)
async def test_after_ten_tries_it_is_given_up_in_a_sentence(moment: Any, says: str) -> None:
    venue = Venue(moment)
    with pytest.raises(RestError, match=f"{says}; start again in a minute"):
        await open_position(cast(Reads, venue), BTC)
    assert venue.reads == ANCHOR_ATTEMPTS


def _settings(**changes: Any) -> Settings:
    return Settings.model_validate(changes)


def _engine(rows: CoinRows, halted: str = "", **meta: str) -> Any:
    configs = {"BTC": coin_config(_settings(), BTC)}
    restored = Restored(meta, {"BTC": rows}, halted, {})
    return build_engine(ACCOUNT, "1057a9ce", "b0070002", configs, restored, _NOW)


def test_the_position_is_the_anchor_and_all_the_fills_since() -> None:
    fills = [fill(1, start_lots=100), fill(2, time_ms=NOW_MS + 1, start_lots=130, lots=130, side=Side.SELL)]
    engine = _engine(CoinRows(Anchor("BTC", 100, 5, 0, ""), fills=fills))
    assert engine.coins["BTC"].ledger.lots == 0
    assert _engine(CoinRows(Anchor("BTC", -7, 5, 0, ""))).coins["BTC"].ledger.lots == -7


def test_fills_are_counted_by_how_they_came() -> None:
    counted = {"fills": 3, "buys": 2, "external": 1, "ws": 1, "maker": 2, "duplicates": 4}
    counts = _engine(CoinRows(Anchor("BTC", 0, 0, 0, ""), counts=counted)).coins["BTC"].counts
    assert (counts.total, counts.buys, counts.from_ws, counts.from_rest) == (3, 2, 1, 2)
    assert (counts.external, counts.duplicates, counts.maker) == (1, 4, 2)


def test_the_fold_goes_on_from_the_checkpoint() -> None:
    last = SaveCheckpoint("BTC", NOW_MS, 70, 700, Decimal("1.5"), Decimal("0.25"))
    fills = [fill(1, start_lots=70, fee=Decimal("0.1"))]
    rows = CoinRows(Anchor("BTC", 100, 5, 0, ""), last, fills, counts={"fills": 41})
    ledger = _engine(rows).coins["BTC"].ledger
    assert (ledger.lots, ledger.version) == (100, 41)
    assert (ledger.current.realized, ledger.current.fees) == (Decimal("1.5"), Decimal("0.35"))
    assert ledger.breaks() == []


def test_accepted_adjustments_are_part_of_the_position() -> None:
    adjustment = Adjustment("a:0", "BTC", NOW_MS, 100, 160, 839_590, NOW_MS, "cli", "")
    rows = CoinRows(Anchor("BTC", 100, 5, 0, ""), adjustments=[adjustment], adjustments_ever=1)
    ledger = _engine(rows).coins["BTC"].ledger
    assert (ledger.lots, ledger.version, ledger.breaks()) == (160, 1, [])


def test_what_was_in_flight_is_unknown_and_everything_live_is_asked_about() -> None:
    live = [order(1), order(2, state=OrderState.OPEN, order_id=7), order(3, state=OrderState.CANCELLING)]
    coin = _engine(CoinRows(Anchor("BTC", 0, 0, 0, ""), live_orders=live, grid=grid(1))).coins["BTC"]
    states = {o.cloid: o.state for o in coin.orders.live()}
    assert states == {
        cloid(1): OrderState.UNKNOWN,
        cloid(2): OrderState.OPEN,
        cloid(3): OrderState.CANCELLING,
    }
    asked = coin.orders.due_questions(Instant(1_001, NOW_MS, NOW_MS + 10**6))
    assert {o.cloid for o in asked} == set(states)


def test_a_stop_that_had_traded_when_a_kill_came_before_the_halt_halts_now() -> None:
    stop = order(1, purpose=Purpose.STOP, slot=None, trigger=800_000, state=OrderState.OPEN, side=Side.SELL)
    untouched = _engine(CoinRows(Anchor("BTC", 30, 0, 0, ""), live_orders=[stop])).coins["BTC"]
    assert not untouched.alarm
    traded = replace(stop, filled=10)
    coin = _engine(CoinRows(Anchor("BTC", 30, 0, 0, ""), live_orders=[traded])).coins["BTC"]
    assert coin.alarm.startswith("stop_loss: the stop at 80000")


def test_halts_the_highest_profit_and_grid_come_back() -> None:
    engine = _engine(
        CoinRows(Anchor("BTC", 0, 0, 0, ""), grid=grid(4), traded={3: 15}, halted="drawdown"),
        halted="equity",
        pnl_peak="100.5",
        risk_coins="BTC",
    )
    coin = engine.coins["BTC"]
    assert (engine.halted, coin.halted, engine.risk.peak) == ("equity", "drawdown", Decimal("100.5"))
    assert coin.plan is not None
    assert coin.plan.traded == {3: 15}


def test_what_the_day_has_realized_before_its_newest_checkpoint_counts_on() -> None:
    rows = CoinRows(
        Anchor("BTC", 0, 0, 0, ""),
        day_ms=NOW_MS // DAY_MS * DAY_MS,
        day_realized=Decimal("-12.5"),
        day_lots=3,
    )
    ledger = _engine(rows).coins["BTC"].ledger
    assert ledger.day_realized_at(_NOW) == Decimal("-12.5")
    assert ledger.lots_at_midnight(_NOW) == -3, "flat now, three bought since"


def test_what_was_sent_and_traded_in_the_last_minute_counts_on() -> None:
    ended = [
        order(number, state=OrderState.FILLED, created_ms=NOW_MS - age_ms)
        for number, age_ms in ((1, 70_000), (2, 59_000), (3, 1_000))
    ]
    rows = CoinRows(
        Anchor("BTC", 0, 0, 0, ""),
        ended_orders=ended,
        live_orders=[order(4, state=OrderState.OPEN, created_ms=NOW_MS - 500)],
        fills=[
            fill(1, time_ms=NOW_MS - 61_000, lots=7),
            fill(2, time_ms=NOW_MS - 30_000, start_lots=7, lots=5),
        ],
    )
    engine = _engine(rows)
    velocity = engine.coins["BTC"].velocity
    assert (velocity.orders.used(_NOW), velocity.lots.used(_NOW)) == (3, 5)
    later = Instant(_NOW.mono_ms + 1_000, NOW_MS + 1_000, NOW_MS + 1_000)
    assert velocity.orders.used(later) == 2
    assert velocity.max_orders == 300


def test_the_newest_fills_and_the_days_of_funding_are_listed_again() -> None:
    fills = [(fill(n, time_ms=NOW_MS + n // 2), NOW_MS + 70, n == 3) for n in (3, 2, 1)]
    days = {NOW_MS - NOW_MS % DAY_MS: Decimal("-0.4")}
    engine = _engine(CoinRows(Anchor("BTC", 0, 0, 0, ""), newest_fills=fills, funding_days=days))
    assert [row.trade_id for row in engine.tape.newest] == [1, 2, 3], "the newest last, as committed"
    assert [row.note for row in engine.tape.newest] == ["", "", "external"]
    assert engine.coins["BTC"].ledger.funding.days == tuple(days.items())


def test_a_new_start_never_reuses_a_cloid_of_an_earlier_one() -> None:
    engine = _engine(CoinRows(Anchor("BTC", 0, 0, 0, ""), live_orders=[order(1)]))
    fresh = engine.next_cloid()
    assert fresh != cloid(1)
    assert "b0070002" in fresh


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({}, lambda c: (c.grid.size_micro, c.grid.cap_micro) == (150_000_000, 3_000_000_000)),
        ({"max_symbol_notional": "500"}, lambda c: c.grid.cap_micro == 500_000_000),
        ({"max_position_abs": "0.123456"}, lambda c: c.grid.cap_lots == 12_345),
        ({"grid_spacing_pct": "0.0006"}, lambda c: c.grid.spacing_ppb == 600_000),
        ({"maker_fee_pct": "0.0001"}, lambda c: c.grid.round_trip_fee_ppb == 200_000),
        ({"num_grids": 7, "investment_usd": "100"}, lambda c: c.grid.size_micro == 21_428_571),
        ({"recenter_interval_sec": "2.5"}, lambda c: c.recenter_interval_ms == 2_500),
        ({"flatten_slippage_pct": "0.01"}, lambda c: c.slippage_ppb == 10_000_000),
    ],
)
def test_settings_become_whole_units_rounded_down(
    changes: dict[str, Any], check: Callable[[Any], bool]
) -> None:
    config = coin_config(_settings(**changes), INSTRUMENTS["BTC"])
    assert check(config), config
