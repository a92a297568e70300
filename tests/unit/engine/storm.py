"""Weather for the grid: what can happen between an engine and a venue, one by one, and what must hold after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from core.domain.effects import Cancel, Modify, Notify, Place
from core.domain.events import FeedChanged
from core.domain.grid import Direction
from core.domain.orders import Order, OrderState, Side
from core.engine.grid_settings import RangeExit
from core.engine.skew import Skew, SkewSettings
from core.engine.why_not import slots_without_order
from tests.unit.engine.builders import MID, Bench, coin_config, make_engine
from tests.unit.engine.venue import Venue
from tests.unit.engine.whole_look import check_plan, check_sums

SPACING = MID // 200


@dataclass
class Storm:
    """``cap`` lots of worst case, ``position`` lots at the start. Every ``do`` is followed by a check of the rules.

    ``changes`` are other settings of the grid, ``skew`` those of leaning.
    """

    cap: int
    position: int = 0
    changes: dict[str, Any] = field(default_factory=dict)
    skew: SkewSettings = field(default_factory=SkewSettings)
    on_exit: RangeExit = RangeExit.TRAIL
    bench: Bench = field(init=False)
    venue: Venue = field(init=False)
    generation: int = 1
    told: int = 0

    def __post_init__(self) -> None:
        asked = {"cap_lots": self.cap, "cap_micro": 10**12, **self.changes}
        self.bench = Bench(make_engine(position=self.position, **asked))
        config = replace(coin_config(**asked), skew=self.skew, on_exit=self.on_exit)
        self.bench.coin.config = replace(config, recenter_interval_ms=2_000)
        self.bench.coin.skew = Skew(self.skew)
        self.venue = Venue(self.bench, position=self.position)
        self.venue.take(self.bench.start(self.position))

    @staticmethod
    def names() -> list[str]:
        return list(_HAPPENINGS)

    def do(self, name: str, chance: int) -> None:
        """Let one thing happen, if it can; ``chance`` chooses which order, message or size it strikes."""
        (_HAPPENINGS | _ASKED_FOR)[name](self, chance)
        self.check()

    def end(self) -> None:
        """Events stop: everything is answered and time passes. The grid is whole again (I10), the ledger true (I1)."""
        self.venue.settle()
        self.check()
        coin = self.bench.coin
        assert coin.ledger.lots == self.venue.position
        assert coin.ledger.breaks() == []
        assert {o.state for o in coin.orders.live()} <= {OrderState.OPEN}
        assert {o.cloid for o in coin.orders.live()} == {b.order.cloid for b in self.venue.resting()}
        assert coin.idle_reason == ""
        covered = {o.slot for o in coin.orders.live()} | {b.level.slot for b in coin.blocked}
        assert {level.slot for level in coin.wanted} == covered
        assert coin.plan is not None
        assert sum(coin.plan.traded.values()) == self._traded_by_cells(), (
            "cells add up to what their orders traded and parts took"
        )
        again = self.bench.after(1)
        assert not [e for e in again if isinstance(e, Place | Modify | Cancel)], (
            "a second look changes nothing"
        )

    def _traded_by_cells(self) -> int:
        """By the venue's fills, of the orders that are the present grid's, and by what parts took from its cells."""
        orders, grid = self.bench.coin.orders, self.bench.coin.grid
        assert grid is not None
        mine = {c for c, o in orders.by_cloid.items() if o.slot and o.slot.generation == grid.generation}
        taken = sum(p.signed_lots for p in self.venue.parts if p.generation == grid.generation)
        return taken + sum(f.signed_lots for f in self.venue.fills if f.cloid in mine)

    def _check_silence(self) -> None:
        """Every cell of the grid has an order that lives, or the one rule that stops it."""
        coin = self.bench.coin
        if coin.grid is None:
            return
        stopped = {
            blocked.level.slot.index: blocked.reason for blocked in slots_without_order(coin, self.bench.now)
        }
        live = {slot.index for slot in coin.orders.by_slot if slot.generation == coin.grid.generation}
        assert coin.plan is not None
        silent = set(coin.plan.cells) - stopped.keys() - live
        assert not silent, f"silent cells: {silent}"
        assert all(stopped.values()), stopped

    def check(self) -> None:
        venue = self.venue
        resting, way = venue.resting(), venue.on_the_way()
        bids = sum(b.remaining for b in venue.resting(Side.BUY)) + _lots(way, Side.BUY)
        asks = sum(b.remaining for b in venue.resting(Side.SELL)) + _lots(way, Side.SELL)
        if not self._is_leaving(way):
            assert venue.position + bids <= self._cap(Direction.SHORT, self.position), (
                "worst case long past the cap"
            )
            assert asks - venue.position <= self._cap(Direction.LONG, -self.position), (
                "worst case short past the cap"
            )
        beside = [o for o in way if not venue.may_replace(o)]
        for orders in (way, [*beside, *(b.order for b in resting)]):
            slots = Counter(o.slot for o in orders)
            assert max(slots.values(), default=1) == 1, "two orders live in one slot"
        buys = sorted(b.order.price for b in venue.resting(Side.BUY))
        sells = sorted(b.order.price for b in venue.resting(Side.SELL))
        assert not buys or not sells or buys[-1] < sells[0], "own orders cross"
        assert all(a < b for prices in (buys, sells) for a, b in pairwise(prices)), "two orders at one price"
        self._check_silence()
        check_sums(self.bench.coin)
        check_plan(self.bench.coin, self.bench.now)
        news, self.told = self.bench.done[self.told :], len(self.bench.done)
        halts = [e for e in news if isinstance(e, Notify) and e.name in ("risk_halt", "overfill")]
        assert not halts, halts

    def _cap(self, closed: Direction, held: int) -> int:
        """A grid of one direction never goes to the other side, but for what was held there before it began."""
        is_closed = self.changes.get("direction") is closed
        return max(0, held) if is_closed else self.cap

    def _is_leaving(self, way: list[Order]) -> bool:
        """A flatten closes although orders in doubt may yet trade: getting out (I7) goes before the worst case (I4)."""
        return any(o.reduce_only for o in [*way, *(b.order for b in self.venue.booked.values())])

    # -- what can happen ----------------------------------------------------------------------------------------------

    def an_action_arrives(self, chance: int) -> None:
        self._serve(True, chance, answered=True)

    def an_action_arrives_and_its_answer_is_lost(self, chance: int) -> None:
        self._serve(True, chance, answered=False)

    def an_action_is_lost(self, chance: int) -> None:
        if waiting := self.venue.waiting(actions=True):
            self.venue.lose(waiting[chance % len(waiting)])

    def a_read_is_answered(self, chance: int) -> None:
        self._serve(False, chance, answered=True)

    def a_read_fails(self, chance: int) -> None:
        self._serve(False, chance, answered=False)

    def a_message_arrives_out_of_turn(self, chance: int) -> None:
        if self.venue.inbox:
            self.venue.deliver(chance % len(self.venue.inbox))

    def a_message_is_doubled(self, chance: int) -> None:
        if self.venue.inbox:
            self.venue.inbox.append(self.venue.inbox[chance % len(self.venue.inbox)])

    def messages_arrive_in_turn(self, chance: int) -> None:
        for _ in range(min(1 + chance % 12, len(self.venue.inbox))):
            self.venue.deliver()

    def reads_catch_up(self, chance: int) -> None:
        while waiting := self.venue.waiting(actions=False):
            self.venue.serve(waiting[0])
        while self.venue.inbox:
            self.venue.deliver()

    def the_market_moves(self, chance: int) -> None:
        self.venue.move(self.venue.mid + (chance % 15 - 7) * SPACING // 2, part=1 + chance % 100)

    def an_order_trades(self, chance: int) -> None:
        if resting := self.venue.resting():
            one = resting[chance % len(resting)]
            self.venue.trade(one, min(1 + chance % 60, one.remaining))

    def a_moment_passes(self, chance: int) -> None:
        self.venue.take(self.bench.after(50 + chance % 400))

    def seconds_pass(self, chance: int) -> None:
        self.venue.take(self.bench.after(1_000 + chance % 6_000))

    def the_stream_drops_what_it_should_tell(self, chance: int) -> None:
        self.venue.lossy_stream = True

    def the_stream_tells_again(self, chance: int) -> None:
        self.venue.lossy_stream = False

    def the_feed_breaks_and_comes_back(self, chance: int) -> None:
        self.generation += 1
        self.venue.take(self.bench.step(FeedChanged(False, self.generation - 1)))
        self.venue.take(self.bench.step(FeedChanged(True, self.generation)))

    def the_operator_sets_a_spacing(self, chance: int) -> None:
        coin = self.bench.coin
        coin.overrides = replace(coin.overrides, spacing_ppb=(4 + chance % 5) * 10**6)

    def a_change_arrives(self, chance: int) -> None:
        self._serve_change(chance, answered=True)

    def a_change_arrives_and_its_answer_is_lost(self, chance: int) -> None:
        self._serve_change(chance, answered=False)

    def a_change_is_lost(self, chance: int) -> None:
        if changes := self.venue.changes():
            self.venue.lose(changes[chance % len(changes)])

    def an_order_trades_before_its_change(self, chance: int) -> None:
        """The race: all of it, or a part."""
        for index in self.venue.changes():
            request = self.venue.requests[index]
            assert isinstance(request, Modify)
            names = [old.cloid for old, _ in request.pairs]
            one = self.venue.booked[names[chance % len(names)]]
            if one.rests:
                self.venue.trade(one, one.remaining if chance % 2 else 1 + chance % one.remaining)

    def _serve_change(self, chance: int, answered: bool) -> None:
        if changes := self.venue.changes():
            self.venue.serve(changes[chance % len(changes)], answered)

    def _serve(self, actions: bool, chance: int, answered: bool) -> None:
        if waiting := self.venue.waiting(actions):
            self.venue.serve(waiting[chance % len(waiting)], answered)


def _lots(orders: list[Order], side: Side) -> int:
    return sum(o.lots for o in orders if o.side is side)


_HAPPENINGS: dict[str, Callable[[Storm, int], None]] = {
    each.__name__: each
    for each in (
        Storm.an_action_arrives,
        Storm.an_action_arrives_and_its_answer_is_lost,
        Storm.an_action_is_lost,
        Storm.a_read_is_answered,
        Storm.a_read_fails,
        Storm.a_message_arrives_out_of_turn,
        Storm.a_message_is_doubled,
        Storm.messages_arrive_in_turn,
        Storm.reads_catch_up,
        Storm.the_market_moves,
        Storm.an_order_trades,
        Storm.a_moment_passes,
        Storm.seconds_pass,
        Storm.the_stream_drops_what_it_should_tell,
        Storm.the_stream_tells_again,
        Storm.the_feed_breaks_and_comes_back,
    )
}
_ASKED_FOR: dict[str, Callable[[Storm, int], None]] = {
    each.__name__: each
    for each in (
        Storm.the_operator_sets_a_spacing,
        Storm.a_change_arrives,
        Storm.a_change_arrives_and_its_answer_is_lost,
        Storm.a_change_is_lost,
        Storm.an_order_trades_before_its_change,
    )
}
"""What a test must name if it is to happen."""

CHANGES = list(_ASKED_FOR)
