"""Cancel all: halt first, then whatever rests, whoever placed it, and the proof that nothing does."""

from __future__ import annotations

from dataclasses import replace

from core.domain.commands import Action
from core.domain.effects import AskAccount, AskOpenOrders, CancelForeign, Effect, SaveHalt
from core.domain.events import OpenOrdersObserved, OrderElsewhere, RequestFailed
from core.engine.protection import protect
from tests.unit.engine.builders import Bench, account, cancelled, make_engine, of_kind, placed, remote

BY_HAND = remote(placed(Bench().start())[0])
BY_HAND = replace(BY_HAND, cloid=None, order_id=77)


def listed(bench: Bench, *orders: object, others: tuple[OrderElsewhere, ...] = ()) -> list[Effect]:
    return bench.step(OpenOrdersObserved(orders, bench.now.mono_ms, "cmd", (), others))  # type: ignore[arg-type]


def shown(bench: Bench, behind_ms: int = 0) -> list[Effect]:
    """The account, as it was so long ago."""
    seen = account(bench.coin.ledger.lots, bench.now, "cmd")
    return bench.step(replace(seen, venue_ms=seen.venue_ms - behind_ms))


def test_a_preview_counts_by_coin_what_is_ours_foreign_and_waiting_and_touches_nothing() -> None:
    bench = Bench().started()
    assert AskOpenOrders("cmd") in bench.ask(Action.CANCEL_ALL_PREVIEW)
    waiting = replace(BY_HAND, order_id=78, is_trigger=True)
    ours = [remote(order) for order in bench.live]
    effects = listed(bench, *ours, BY_HAND, waiting, others=(OrderElsewhere("DOGE", 5, False),))
    assert bench.outcome() == (
        "done",
        "this halts, then cancels, coin by coin:\n"
        "SOL: 6 ours, 2 foreign, 1 of them triggers\nDOGE (not traded here): 1 foreign",
    )
    assert not cancelled(effects)
    assert not of_kind(CancelForeign, bench.done)
    assert not of_kind(SaveHalt, bench.done)


def test_it_halts_takes_ours_and_foreign_ones_on_every_coin_and_proves_the_list_empty() -> None:
    bench = Bench().started()
    effects = bench.ask(Action.CANCEL_ALL)
    assert of_kind(SaveHalt, effects) == [SaveHalt("", "operator")]
    assert len(cancelled(effects)) == 6
    bench.settle_cancels(effects)
    effects = listed(bench, BY_HAND, others=(OrderElsewhere("DOGE", 5, False),))
    assert of_kind(CancelForeign, effects) == [CancelForeign((("SOL", 77), ("DOGE", 5)))]
    assert bench.outcome()[0] == "running"
    bench.after(1_000)
    assert AskAccount("cmd") in listed(bench)
    assert bench.outcome()[0] == "running"
    shown(bench)
    assert bench.outcome() == (
        "done",
        "HALTED, 0 orders left: 6 ours and 2 foreign cancelled; FLAT SOL",
    )


def test_an_order_that_stays_listed_is_no_proof_and_is_named_in_the_end() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.CANCEL_ALL))
    for _ in range(31):
        bench.after(2_000)
        listed(bench, BY_HAND)
    status, text = bench.outcome()
    assert status == "failed"
    assert text == "halted, but not all is cancelled: SOL: 1 foreign; press O again"
    assert bench.engine.halted == "operator"


def test_a_list_that_can_not_be_read_is_asked_for_again_when_the_exchange_allows_it() -> None:
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.CANCEL_ALL))
    bench.step(RequestFailed("open orders", "HTTP 429", "cmd", retry_after_ms=3_000))
    assert AskOpenOrders("cmd") not in bench.after(3_900)
    assert AskOpenOrders("cmd") in bench.after(200)


def test_a_node_that_lags_proves_nothing() -> None:
    """What was placed by hand a moment ago is in no list of a while ago."""
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.CANCEL_ALL))
    for _ in range(10):
        bench.after(1_000)
        listed(bench)
        shown(bench, 8_000)
        assert bench.outcome()[0] == "running"
    assert "the exchange shows what was 8 s ago" in bench.outcome()[1]
    shown(bench)
    assert bench.outcome()[0] == "running", "the list was of the node that lagged"
    bench.after(1_000)
    listed(bench)
    bench.step(RequestFailed("account", "HTTP 500", "cmd"))
    assert "the account could not be read (HTTP 500)" in bench.outcome()[1]
    bench.after(1_000)
    listed(bench)
    shown(bench)
    assert bench.outcome()[0] == "done"


def test_the_stop_that_protects_the_position_stays_and_is_said() -> None:
    bench = Bench(make_engine(position=40))
    bench.coin.config = replace(bench.coin.config, stop_low=1_000_000)
    bench.started(40)
    (stop,) = [o for o in placed([*bench.done, *protect(bench.coin, True, bench.now)]) if o.trigger]
    bench.settle_cancels(bench.ask(Action.CANCEL_ALL))
    listed(bench, replace(remote(stop), is_trigger=True))
    shown(bench)
    status, text = bench.outcome()
    assert status == "done"
    assert text.startswith("HALTED, 0 orders left: 6 ours") or "1 of our stops stay" in text
    assert "POSITION OPEN +0.4 SOL, stop 100" in text


def test_to_resume_ends_it_so_that_it_neither_waits_for_the_new_grid_nor_takes_what_others_place_from_then_on() -> (
    None
):
    bench = Bench().started()
    bench.settle_cancels(bench.ask(Action.CANCEL_ALL))
    bench.ask(Action.RESUME, id_="resume")
    assert bench.outcome("resume")[0] == "done"
    assert bench.outcome() == ("failed", "resumed before every cancel was confirmed")
    bench.after(1_000)
    assert not of_kind(CancelForeign, listed(bench, BY_HAND))


def test_one_coin_is_not_all() -> None:
    bench = Bench().started()
    bench.ask(Action.CANCEL_ALL, "SOL")
    assert bench.outcome()[0] == "refused"
    assert bench.live
