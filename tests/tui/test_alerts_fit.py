"""Every alert that the engine can raise, at the narrowest terminal and at the usual one: its fix is there to read, whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.agent import AgentObserved
from core.domain.causes import Cause
from core.domain.events import FillsCommitted, WireQuarantined
from core.domain.margin import HeldMargin, Leverage, MarginMode
from core.domain.orders import Side
from core.domain.request_limits import IpWeight, RequestBudget, RequestBudgetObserved
from core.domain.router_events import KeyShared
from core.engine import alerts as raised
from core.engine.circuit_breaker import BreakerName
from core.engine.drift import Drift
from core.engine.halts import HaltRule, rule_of
from core.engine.leverage_watch import watch_leverage
from core.engine.overrides import Overrides
from core.engine.position_age import LATE_MS, PositionAge
from core.engine.skew import SkewSettings
from core.engine.snapshot import build_snapshot
from core.engine.trouble import Trouble
from core.view import AlertView
from gridbot_tui import keymap
from tests.tui.factory import NOW_MS, snapshot
from tests.unit.engine.builders import Bench, fill
from widgets.ink import plain, width_of
from widgets.look import Look
from widgets.status_rows import ALERT_ROWS, alert_lines

WORDY = "the exchange said in many words that it would not do what it was asked to do, and named an order of 0.00012"


def bought(bench: Bench, lots: int = 50) -> None:
    bench.step(FillsCommitted((fill(Side.BUY, lots),)))


def drifting(bench: Bench) -> None:
    bench.coin.ledger.watch.now = Drift(exchange_lots=10, lots=40, base=50, declared=True)


def unprotected(bench: Bench) -> None:
    bench.coin.config = replace(bench.coin.config, stop_low=1_900_000)
    bought(bench)
    bench.coin.protection.refused, bench.coin.protection.uncovered_since_ms = WORDY, 1


def too_far(bench: Bench) -> None:
    bought(bench)
    bench.coin.protection.too_far = Trouble(
        "the stop at 109000.5 lies beyond the liquidation price 109001",
        "add margin (`gridbot margin add xyz:TSLA USD`), or move the stop",
    )


def at_other_leverage(bench: Bench) -> None:
    bought(bench)
    coin = bench.coin
    coin.leverage = Leverage(MarginMode.ISOLATED, 3)
    other = Leverage(MarginMode.CROSS, 20)
    coin.held = HeldMargin("SOL", other, Decimal("0.5"), Decimal(100), Decimal(5), None)
    watch_leverage(coin)


def outside(bench: Bench) -> None:
    bought(bench)
    bench.coin.leaving.side = -1


def one_sided(bench: Bench) -> None:
    bought(bench)
    bench.coin.skew.settings = SkewSettings(one_sided_ppb=600_000_000)
    bench.coin.skew.is_one_sided = True


def past_the_cap(bench: Bench) -> None:
    bought(bench, 500)


def no_grid(bench: Bench) -> None:
    bench.coin.grid_refused = (
        "kPEPE: 100 cells between 0.0085000 and 0.0086000 are 0.0116 % apart, and the fees of a round trip ask for 0.0350 %; "
        "lower HL_NUM_GRIDS or widen the range"
    )


def overridden(bench: Bench) -> None:
    bench.coin.overrides = Overrides(2_000_000, 25, 1, "cli")


def near_liquidation(bench: Bench) -> None:
    bought(bench)
    mid = Decimal(bench.coin.known_mid_twice or 0).scaleb(-bench.coin.config.instrument.price_decimals) / 2
    leverage = Leverage(MarginMode.ISOLATED, 20)
    bench.coin.held = HeldMargin(
        "SOL", leverage, Decimal("0.5"), Decimal(100), Decimal(5), mid * Decimal("0.97")
    )


def broken(name: BreakerName) -> Callable[[Bench], None]:
    def trip(bench: Bench) -> None:
        bench.engine.breakers[name].failure(Cause.SERVER, WORDY, bench.now, True, 8_000)

    return trip


def unread(bench: Bench) -> None:
    bench.engine.position_age = PositionAge(failure=WORDY)
    bench.engine.position_age._asked_mono_ms = bench.now.mono_ms - LATE_MS - 1


def unread_for_minutes(bench: Bench) -> None:
    unread(bench)
    bench.engine.position_age._asked_mono_ms -= bench.engine.feed_age.halt_ms


def silent(bench: Bench) -> None:
    bench.engine.feed.last_message_ms = bench.now.wall_ms - 27_000


def spent(left: int) -> Callable[[Bench], None]:
    def leave(bench: Bench) -> None:
        bench.step(RequestBudgetObserved(RequestBudget(cap=97_456, used=97_456 - left)))

    return leave


def paused(bench: Bench) -> None:
    bench.engine.weight = IpWeight(1_200, 17, 120, 599_000, "HTTP 429", True)


def fired(bench: Bench) -> None:
    bench.engine.dead_man.fired_ms = bench.now.venue_ms


def refused_for_volume(bench: Bench) -> None:
    switch = bench.engine.dead_man
    switch.after_ms, switch.text = 60_000, WORDY
    switch.traded_usd, switch.required_usd = Decimal(12_066), Decimal(1_000_000)


def shared(bench: Bench) -> None:
    bench.step(KeyShared("3 nonces were refused within ten minutes"))


def garbled(bench: Bench) -> None:
    for channel in ("userFills", "orderUpdates", "bbo"):
        bench.step(WireQuarantined(channel, "no JSON", ""))


def full(bench: Bench) -> None:
    bench.engine.storage_trouble = (
        "[Errno 28] No space left on device: '/var/lib/gridbot/paper-0x71c7/journal.db'"
    )


def uncovered(bench: Bench) -> None:
    bench.engine.portfolio.is_uncovered = True


def incomplete(bench: Bench) -> None:
    bench.coin.chain_broken_mono_ms = 1


def late_fills(bench: Bench) -> None:
    bench.engine.feed.sources.came_live.extend([False] * 100)


def halted_with_orders(bench: Bench) -> None:
    bench.engine.halted = "operator"
    build_snapshot(bench.engine, "paper", bench.now)
    bench.ms += 61_000


def halted(reason: str) -> Callable[[Bench], None]:
    def halt(bench: Bench) -> None:
        bought(bench)
        if rule_of(reason) is HaltRule.DRAWDOWN:
            bench.engine.halted = reason
        bench.coin.halted = reason

    return halt


HALTS = {
    f"halt {rule or 'in words of its own'}": halted(f"{rule}: {WORDY}" if rule else WORDY)
    for rule in HaltRule
    if rule not in (HaltRule.OPERATOR, HaltRule.FLATTEN)  # a halt that was asked for is no alert
}


def agent_ending(bench: Bench) -> None:
    ends_ms = bench.now.venue_ms + 5 * 3_600_000
    bench.engine.agent.agent = AgentObserved("0x" + "ab" * 20, True, "gridbot", ends_ms)


def clock_off(bench: Bench) -> None:
    bench.engine.clock.is_off, bench.engine.clock.off_ms = True, 5_400_000


CASES: dict[str, Callable[[Bench], None]] = {
    "agent": agent_ending,
    "clock": clock_off,
    "drift": drifting,
    "stop": unprotected,
    "liquidation": too_far,
    "near_liquidation": near_liquidation,
    "leverage": at_other_leverage,
    "range": outside,
    "one_sided": one_sided,
    "grid": no_grid,
    "over_cap": past_the_cap,
    "override": overridden,
    "breaker place": broken(BreakerName.PLACE),
    "breaker info": broken(BreakerName.INFO),
    "breaker cancel": broken(BreakerName.CANCEL),
    "requests spent": spent(0),
    "requests low": spent(700),
    "weight": paused,
    "dead_man fired": fired,
    "dead_man unarmed": refused_for_volume,
    "shared_key": shared,
    "ws_age": silent,
    "position_unread": unread,
    "position_unread long ago": unread_for_minutes,
    "quarantine": garbled,
    "storage": full,
    "worst_case": uncovered,
    "chain": incomplete,
    "fill_source": late_fills,
    "halt_orders": halted_with_orders,
    "halt another": halted(
        "another GridBot instance (0badc0de) has orders on this account: stop one, then resume"
    ),
    **HALTS,
}


def alerts_of(case: str) -> list[AlertView]:
    bench = Bench().started()
    CASES[case](bench)
    return [
        a
        for a in build_snapshot(bench.engine, "paper", bench.now).alerts
        if a.id.split(":")[0] == case.split()[0]
    ]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("case", CASES)
def test_what_treats_it_can_be_read(case: str, width: int) -> None:
    found = alerts_of(case)
    assert found, "it is raised"
    for alert in found:
        shown = snapshot(alerts=(alert,))
        rows = alert_lines(Look(shown, NOW_MS, hints=keymap.hints(shown)), width)
        assert 1 <= len(rows) <= ALERT_ROWS
        assert all(width_of(row) <= width for row in rows)
        text = " ".join(" ".join(plain(row) for row in rows).split())
        assert alert.fix or alert.key, "something treats it, or it ends by itself"
        assert alert.fix in text
        assert alert.text[:20] in text
        known = {hint.key: hint.title.lower() for hint in keymap.hints(shown)}
        if alert.key and not alert.fix.startswith(f"{alert.key} "):
            assert f"press {alert.key} {known[alert.key]}" in text


def test_no_kind_of_alert_is_left_out() -> None:
    source = Path(raised.__file__).read_text()
    kinds = set(re.findall(r'Found\(\s*f?"([a-z_]+)', source)) | {"liquidation", "leverage"}
    assert kinds == {case.split()[0] for case in CASES}
