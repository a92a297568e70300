"""What no fill explains is accepted by an operator, as rows of its own; nothing else ever moves the ledger."""

from __future__ import annotations

from core.domain.commands import Action
from core.domain.effects import AskAccount, Backfill, Effect, LiftHalt, RevokeAdjustment, SaveAdjustment
from core.domain.events import BackfillDone, FillsCommitted
from core.domain.fills import Fill
from core.domain.orders import Side
from tests.unit.engine.builders import Bench, account, fill, notices, of_kind, update

BUY, SELL = Side.BUY, Side.SELL


def serve(bench: Bench, effects: list[Effect], position: int) -> list[Effect]:
    """The exchange answers reads of fills (with nothing new) and of the account, and those that follow."""
    out: list[Effect] = []
    while effects:
        answers: list[Effect] = []
        for one in effects:
            if isinstance(one, Backfill):
                answers += bench.step(BackfillDone(one.ticket, 0, 0, 0))
            elif isinstance(one, AskAccount):
                answers += bench.step(account(position, bench.now, one.ticket))
        out += answers
        effects = answers
    return out


def settle(bench: Bench, action: Action, position: int) -> list[Effect]:
    """Ask for it and let the exchange answer until it has ended."""
    out = serve(bench, bench.ask(action), position)
    for _ in range(30):
        if bench.outcome()[0] != "running":
            break
        out += serve(bench, bench.after(1_000), position)
    return out


def drifting(position: int = 10) -> Bench:
    """A bench whose exchange shows ``position`` while the fills say 0, long enough to be certain."""
    bench = Bench().started()
    for ms in (40_000, 45_000):
        bench.ms = ms
        serve(bench, bench.step(account(position, bench.now)), position)
    assert bench.coin.ledger.drift.declared
    return bench


def test_reconcile_says_what_does_not_add_up_and_changes_nothing() -> None:
    bench = drifting(10)
    settle(bench, Action.RECONCILE, 10)
    status, text = bench.outcome()
    assert status == "done"
    assert "SOL: DRIFT -0.1" in text
    assert "no fill, order or transfer explains it" in text
    assert "--accept" in text
    assert bench.coin.ledger.lots == 0


def test_an_order_that_is_said_to_be_filled_while_no_fill_of_it_is_read_is_told_before_anything_is_accepted() -> (
    None
):
    """The dialog that asks for ACCEPT shows this sentence: it must not say that no order explains a drift."""
    bench = Bench().started()
    bought = next(o for o in bench.live if o.side is BUY)
    bench.step(update(bought, "filled", order_id=bench.coin.orders.by_cloid[bought.cloid].order_id or 0))
    for _ in range(12):
        serve(bench, bench.after(5_000, account(bought.lots, bench.now)), bought.lots)
    bench.step(BackfillDone("", 0, 0, bench.now.venue_ms))
    bench.step(account(bought.lots, bench.now))
    assert bench.coin.ledger.drift.declared
    size = bench.coin.config.instrument.size_text(bought.lots)
    assert bench.coin.drift_explanation == (
        f"1 of our orders are said to be filled, {size} of it without a fill read"
    )


def test_accepting_makes_the_exchanges_position_the_ledgers_by_a_row_and_lifts_the_halt_for_drift() -> None:
    bench = drifting(10)
    assert bench.coin.halted.startswith("position drift")
    effects = settle(bench, Action.ACCEPT, 10)
    (saved,) = of_kind(SaveAdjustment, effects)
    assert (saved.adjustment.start_lots, saved.adjustment.end_lots) == (0, 10)
    assert saved.adjustment.accepted_by == "cli"
    assert of_kind(LiftHalt, effects) == [LiftHalt("SOL", "cli")]
    assert bench.coin.halted == ""
    assert bench.coin.ledger.lots == 10
    assert "accepted an adjustment of 0.1" in bench.outcome()[1]
    bench.ms += 60_000
    bench.step(account(10, bench.now))
    assert bench.coin.ledger.drift.lots == 0


def test_the_fills_that_follow_chain_on_to_the_accepted_position() -> None:
    bench = drifting(10)
    settle(bench, Action.ACCEPT, 10)
    bench.step(FillsCommitted((fill(SELL, 4, 10, ms=bench.ms + 5, trade_id=77),)))
    assert bench.coin.ledger.lots == 6
    assert bench.coin.ledger.breaks() == []


def test_without_drift_there_is_nothing_to_accept() -> None:
    bench = Bench().started()
    assert of_kind(SaveAdjustment, settle(bench, Action.ACCEPT, 0)) == []
    assert "nothing to accept" in bench.outcome()[1]


def test_a_halt_for_another_reason_stays() -> None:
    bench = Bench().started()
    bench.coin.halted = "liquidation: …"
    for ms in (40_000, 45_000):
        bench.ms = ms
        serve(bench, bench.step(account(10, bench.now)), 10)
    settle(bench, Action.ACCEPT, 10)
    assert bench.coin.ledger.lots == 10
    assert bench.coin.halted == "liquidation: …"


def test_a_position_that_moves_between_the_looks_is_not_accepted_until_two_looks_agree() -> None:
    bench = drifting(10)
    effects = bench.ask(Action.ACCEPT)
    for position in (10, 11, 12, 13):
        serve(bench, effects, position)
        effects = bench.after(1_000)
        assert bench.outcome()[0] == "running", position
    serve(bench, effects, 13)
    assert bench.outcome()[0] == "done"
    assert bench.coin.ledger.lots == 13


def test_a_position_from_before_a_fill_that_has_streamed_is_not_accepted() -> None:
    """The exchange's views lag behind its stream: two looks agree, and both are old."""
    bench = Bench().started()
    bench.step(FillsCommitted((fill(BUY, 10, 0, ms=bench.ms, trade_id=1),)))
    effects = bench.ask(Action.ACCEPT)
    for _ in range(3):
        assert of_kind(SaveAdjustment, serve(bench, effects, 0)) == []
        effects = bench.after(1_000)
    assert bench.outcome()[0] == "running"
    for _ in range(3):
        assert of_kind(SaveAdjustment, serve(bench, effects, 10)) == []
        effects = bench.after(1_000)
    assert "nothing to accept" in bench.outcome()[1]


def test_reading_all_fills_within_the_exchanges_limits_takes_minutes_and_is_done_once() -> None:
    bench = drifting(10)
    (deep,) = [e for e in of_kind(Backfill, bench.ask(Action.ACCEPT)) if e.ticket.startswith("cmd:")]
    assert deep.since_ms == 0
    bench.after(100_000)
    serve(bench, list(of_kind(AskAccount, bench.step(BackfillDone(deep.ticket, 10_000, 0, 0)))), 10)
    assert bench.outcome() == ("running", "looking a second time")
    (recent,) = [e for e in of_kind(Backfill, bench.after(1_000)) if e.ticket.startswith("cmd:")]
    assert recent.since_ms is None
    bench.after(50_000)
    serve(bench, [recent], 10)
    assert bench.outcome()[0] == "done"
    assert bench.coin.ledger.lots == 10


def broken_chain() -> tuple[Bench, Fill]:
    """A fill of +5 between two others was never told; it and the bench that misses it."""
    bench = Bench().started()
    missing = fill(BUY, 5, 10, ms=200, trade_id=2)
    bench.step(FillsCommitted((fill(BUY, 10, 0, ms=100, trade_id=1), fill(BUY, 1, 15, ms=300, trade_id=3))))
    assert bench.coin.ledger.breaks()
    for ms in (40_000, 45_000):
        bench.ms = ms
        serve(bench, bench.step(account(16, bench.now)), 16)
    return bench, missing


def test_a_gap_in_the_chain_is_filled_at_its_place() -> None:
    bench, _ = broken_chain()
    (saved,) = of_kind(SaveAdjustment, settle(bench, Action.ACCEPT, 16))
    assert (saved.adjustment.start_lots, saved.adjustment.end_lots) == (10, 15)
    assert bench.coin.ledger.breaks() == []
    assert bench.coin.ledger.lots == 16


def test_a_fill_that_comes_after_it_was_accepted_takes_the_adjustments_place() -> None:
    """Both would count it twice."""
    bench, missing = broken_chain()
    (saved,) = of_kind(SaveAdjustment, settle(bench, Action.ACCEPT, 16))
    effects = bench.step(FillsCommitted((missing,)))
    assert of_kind(RevokeAdjustment, effects) == [RevokeAdjustment(saved.adjustment.id)]
    assert "adjustment_superseded" in notices(effects)
    assert bench.coin.ledger.lots == 16
    assert bench.coin.ledger.breaks() == []


def test_so_does_one_at_the_end_of_the_chain() -> None:
    bench = drifting(10)
    settle(bench, Action.ACCEPT, 10)
    effects = bench.step(FillsCommitted((fill(BUY, 10, 0, ms=20_000, trade_id=5),)))
    assert len(of_kind(RevokeAdjustment, effects)) == 1
    assert bench.coin.ledger.lots == 10
    assert bench.coin.ledger.breaks() == []


def test_a_broken_chain_can_be_accepted_though_the_position_agrees() -> None:
    bench = Bench().started()
    bench.step(FillsCommitted((fill(BUY, 10, 0, ms=100, trade_id=1), fill(SELL, 5, 15, ms=300, trade_id=3))))
    bench.ms = 60_000
    settle(bench, Action.ACCEPT, 5)
    assert bench.coin.ledger.breaks() == []
    assert bench.coin.ledger.lots == 5
    assert bench.coin.idle_reason != "a fill is missing; reading it back"
