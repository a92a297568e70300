"""The order of things in one turn: fills durable, then the engine, then rows durable, then anything that others can see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.domain.clock import Instant
from core.domain.cloid import make_cloid
from core.domain.commands import Action, Command
from core.domain.effects import (
    AskAccount,
    Effect,
    LiftHalt,
    Modify,
    Notify,
    Place,
    SaveAction,
    SaveHalt,
    SaveOrder,
    notify,
)
from core.domain.events import (
    BackfillDone,
    CommandReceived,
    Event,
    FillConflict,
    FillsArrived,
    FillsCommitted,
    FundingArrived,
    FundingCommitted,
    LoopLagged,
    PlaceOutcome,
    Quote,
    Refused,
    StopRequested,
    StorageRecovered,
    Tick,
)
from core.domain.fills import FillSource, ForeignFill, Funding
from core.domain.request_limits import IpWeight
from core.engine.dead_man import DeadMan
from core.engine.engine import Engine
from core.engine.operator_desk import OperatorDesk, Outcome
from core.engine.vitals import Vitals
from core.exchange.order_times import OrderTimes
from core.journal.journal import Batch, Committed
from core.journal.schema import StorageError
from core.runtime.account_loop import LAG_MS, PLACE_WITHIN_MS, TICK_MS, AccountLoop
from core.runtime.beginning import Beginning
from core.runtime.effects import EffectRunner
from core.runtime.event_bus import EventBus
from core.runtime.inbox import Inbox, Item
from core.runtime.meter import Meter
from core.runtime.storage import Storage
from core.view import CommandStatus
from tests.unit.exchange.samples import ACCOUNT, NOW_MS, fill, order


@dataclass
class Stage:
    """Every part of the core as an actor that notes when it was called."""

    effects: Callable[[Event], list[Effect]] = lambda _event: []
    log: list[tuple[str, Any]] = field(default_factory=list)
    now_ms: int = 10_000
    stopping: Any = None
    known: set[object] = field(default_factory=set)
    broken: bool = False
    trouble: str = ""
    was_mended: StorageRecovered | None = None
    commit_takes_ms: int = 0
    inbox: Inbox = field(default_factory=Inbox)
    conflicts: tuple[FillConflict, ...] = ()

    def step(self, event: Event, now: Instant) -> list[Effect]:
        self.log.append(("step", event))
        return self.effects(event)

    def steps(self, events: Sequence[Event], now: Instant) -> list[Effect]:
        return [effect for event in events for effect in self.step(event, now)]

    staged: list[list[Effect]] = field(default_factory=list)
    coins: dict[str, Any] = field(default_factory=dict)
    vitals: Vitals = field(default_factory=Vitals)
    dead_man: DeadMan = field(default_factory=DeadMan)
    wakes_ms: int = 0
    while_committing: Callable[[], None] = lambda: None

    def wakes_at(self, _now: Instant) -> int:
        return self.wakes_ms

    @property
    def desk(self) -> SimpleNamespace:
        return SimpleNamespace(stopping=self.stopping, running=[])

    async def commit(self, batch: Batch) -> Committed:
        if self.broken:
            raise StorageError("the disk is full")
        self.log.append(("commit", batch))
        self.now_ms += self.commit_takes_ms
        self.while_committing()
        fills = {f.key: f for f in batch.fills}
        new = tuple(f for key, f in fills.items() if key not in self.known)
        self.known |= set(fills)
        duplicates = len(batch.fills) - len(new)
        return Committed(
            new,
            (("BTC", duplicates),) if duplicates else (),
            tuple(batch.foreign),
            tuple(payment for payment in batch.funding if payment.hash != "known"),
            self.conflicts,
        )

    async def recovered(self) -> StorageRecovered | None:
        mended, self.was_mended = self.was_mended, None
        return mended

    def take_commit_ms(self) -> int:
        return self.commit_takes_ms

    def stage(self, effects: Sequence[Effect]) -> None:
        self.staged.append(list(effects))

    def start(self, effect: Effect) -> None:
        self.log.append(("start", effect))

    def publish(self, notice: Notify, _time_ms: int) -> None:
        self.log.append(("tell", notice))

    def take_failures(self, _now_ms: int) -> list[str]:
        return []

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.log if kind != "snapshot"]

    def of(self, kind: str) -> list[Any]:
        return [what for each, what in self.log if each == kind]

    def loop(self, beginning: Beginning | None = None) -> AccountLoop:
        return AccountLoop(
            cast(Engine, self),
            cast(Storage, self),
            self.inbox,
            cast(EffectRunner, self),
            cast(EventBus, self),
            lambda: Instant(self.now_ms, NOW_MS, NOW_MS),
            lambda: (77, 1.5),
            IpWeight,
            lambda at: self.log.append(("snapshot", at)),
            beginning or Beginning(),
            OrderTimes(),
            Meter(self.inbox.__len__),
        )


def _arrived(*trade_ids: int, ticket: str = "", **changes: Any) -> FillsArrived:
    return FillsArrived(tuple(fill(n, **changes) for n in trade_ids), ticket)


async def _ready(stage: Stage, beginning: Beginning | None = None) -> AccountLoop:
    """A loop whose first tick is over."""
    loop = stage.loop(beginning)
    await loop.turn([])
    stage.log.clear()
    return loop


async def test_fills_are_durable_before_the_engine_sees_them_and_rows_before_anything_leaves() -> None:
    def effects(event: Event) -> list[Effect]:
        if isinstance(event, FillsCommitted):
            return [notify("fill"), Place((order(1),)), SaveOrder(order(1)), AskAccount()]
        return []

    stage = Stage(effects)
    loop = await _ready(stage)
    await loop.turn([_arrived(1, 2)])
    assert stage.kinds() == ["commit", "step", "commit", "start", "tell", "start"]
    first, second = stage.of("commit")
    assert sorted(f.trade_id for f in first.fills) == [1, 2]
    assert (second.fills, second.orders) == ([], [order(1)])
    assert stage.of("start") == [Place((order(1),)), AskAccount()]


class _SlowDisk(Stage):
    """With a disk that is waited for."""

    async def commit(self, batch: Batch) -> Committed:
        assert self.staged == [], "not before the journal has it"
        await asyncio.sleep(0)
        committed = await super().commit(batch)
        assert len(self.staged) == bool(batch.orders), "while the journal writes"
        return committed


async def test_requests_are_made_as_far_as_they_can_be_while_their_rows_are_written() -> None:
    wanted: list[Effect] = [Place((order(1),)), SaveOrder(order(1))]
    stage = _SlowDisk(lambda event: wanted if isinstance(event, FillsCommitted) else [])
    loop = await _ready(stage)
    await loop.turn([_arrived(1)])
    assert stage.staged == [wanted]
    assert stage.of("start") == [Place((order(1),))]


class _Desk(Stage):
    """With a desk that concludes a command at a stop, and what it tells while that is committed."""

    real = OperatorDesk()
    told: Outcome | None = None

    @property
    def desk(self) -> Any:
        return self.real

    async def commit(self, batch: Batch) -> Committed:
        self.told = self.real.told("c")
        return await super().commit(batch)


async def test_nobody_is_told_of_a_commands_end_before_it_is_durable() -> None:
    command = Command("c", Action.PARK, "BTC")

    def effects(event: Event) -> list[Effect]:
        if not isinstance(event, StopRequested):
            return []
        stage.real.outcomes["c"] = Outcome(command, CommandStatus.DONE, "parked", 1)
        return [SaveAction(command, "done: parked")]

    stage = _Desk(effects)
    loop = await _ready(stage)
    await loop.turn([StopRequested("x")])
    assert stage.told is not None
    assert stage.told.status == "running"
    assert stage.real.told("c") == Outcome(command, CommandStatus.DONE, "parked", 1)


async def test_all_the_fills_of_a_turn_go_in_one_transaction_and_come_first() -> None:
    stage = Stage()
    loop = await _ready(stage)
    quote = Quote("BTC", 1, 2, 3)
    await loop.turn([quote, _arrived(1), StopRequested("x"), _arrived(1, 2)])
    assert stage.kinds() == ["commit", "step", "step", "step"]
    committed, *others = stage.of("step")
    assert isinstance(committed, FillsCommitted)
    assert {f.trade_id for f in committed.fills} == {1, 2}
    assert others == [quote, StopRequested("x")]


async def test_every_row_of_a_turn_goes_in_one_transaction_in_the_order_wanted() -> None:
    def effects(event: Event) -> list[Effect]:
        match event:
            case StopRequested(reason):
                return [LiftHalt("BTC", reason), SaveHalt("BTC", reason)]
            case _:
                return [SaveOrder(order(2))]

    stage = Stage(effects)
    loop = await _ready(stage)
    await loop.turn([StopRequested("a"), Quote("BTC", 1, 2, 3), StopRequested("b")])
    (batch,) = stage.of("commit")
    assert batch.halts == [
        LiftHalt("BTC", "a"),
        SaveHalt("BTC", "a"),
        LiftHalt("BTC", "b"),
        SaveHalt("BTC", "b"),
    ]
    assert batch.orders == [order(2)]


async def test_a_turn_that_wants_nothing_written_writes_nothing() -> None:
    stage = Stage(lambda _: [notify("x")])
    loop = await _ready(stage)
    await loop.turn([Quote("BTC", 1, 2, 3)])
    assert stage.kinds() == ["step", "tell"]


@pytest.mark.parametrize("items", [[_arrived(1)], [Quote("BTC", 1, 2, 3)]], ids=["fills", "rows"])
async def test_nothing_is_seen_or_sent_when_the_journal_fails(items: list[Item]) -> None:
    stage = Stage(lambda _: [SaveOrder(order(1)), Place((order(1),)), notify("x")])
    loop = await _ready(stage)
    stage.log.clear()
    stage.broken = True
    with pytest.raises(StorageError):
        await loop.turn(items)
    assert stage.of("start") == []
    assert stage.of("tell") == []
    assert not any(isinstance(event, FillsCommitted) for event in stage.of("step"))


async def test_fills_from_before_the_anchor_are_in_it_already() -> None:
    stage = Stage()
    loop = await _ready(stage, Beginning({"BTC": NOW_MS}))
    old, young = fill(1, time_ms=NOW_MS - 1, source=FillSource.REST), fill(2, time_ms=NOW_MS)
    unanchored = fill(3, coin="ETH", time_ms=5)
    await loop.turn([FillsArrived((old, young, unanchored))])
    (batch,) = stage.of("commit")
    assert batch.fills == [young, unanchored]


async def test_a_live_fill_counts_though_the_exchanges_clock_was_set_back_before_the_anchor() -> None:
    stage = Stage()
    loop = await _ready(stage, Beginning({"BTC": NOW_MS}))
    live = fill(1, time_ms=NOW_MS - 3_600_000, source=FillSource.WS)
    await loop.turn([FillsArrived((live,))])
    (batch,) = stage.of("commit")
    assert batch.fills == [live]


async def test_what_filled_an_order_of_this_journal_counts_though_it_is_stamped_before_the_anchor() -> None:
    stage = Stage()
    loop = await _ready(stage, Beginning({"BTC": NOW_MS}, frozenset({"b0070001"})))
    ours, older = (
        fill(n, time_ms=NOW_MS - 180_000, source=FillSource.REST, cloid=make_cloid("1057a9ce", boot, n))
        for n, boot in ((1, "b0070001"), (2, "0000beef"))
    )
    by_hand = fill(3, time_ms=NOW_MS - 180_000, source=FillSource.REST, cloid=None)
    await loop.turn([FillsArrived((ours, older, by_hand))])
    (batch,) = stage.of("commit")
    assert batch.fills == [ours]


async def test_the_end_of_a_read_tells_how_many_of_its_own_fills_were_new() -> None:
    stage = Stage()
    loop = await _ready(stage)
    done = BackfillDone("t", seen=3, new=0, cursor_ms=5, read="t@1")
    await loop.turn([_arrived(1), _arrived(1, 2, ticket="t@1"), _arrived(9, ticket="other@1")])
    await loop.turn([_arrived(3, ticket="t@1"), done])
    (found,) = [event for event in stage.of("step") if isinstance(event, BackfillDone)]
    assert found.new == 3, "whoever brought a fill of this turn first, the read had it too"
    await loop.turn([done])
    assert stage.of("step")[-1].new == 0


def _agreed(*at_ms: int) -> dict[str, Any]:
    """Coins whose positions the exchange showed last as the ledger has them, at those times."""
    drifts = {str(ms): SimpleNamespace(agreed_ms=ms) for ms in at_ms}
    return {
        name: SimpleNamespace(ledger=SimpleNamespace(drift=it, arrived_lots=0)) for name, it in drifts.items()
    }


@pytest.mark.parametrize(("error", "saved"), [("", {"fill_cursor_ms": "9"}), ("HTTP 502", None)])
async def test_the_cursor_is_saved_only_for_reads_that_worked(error: str, saved: object) -> None:
    stage = Stage(coins=_agreed(12, 10))
    loop = await _ready(stage)
    done = BackfillDone("t", 0, 0, 9, error, "t@1")
    await loop.turn([done, BackfillDone("u", 0, 0, 7, error, "u@1")])
    assert [batch.meta for batch in stage.of("commit")] == ([saved] if saved else [])


async def test_the_cursor_is_saved_no_further_than_the_exchange_has_shown_the_position_of_every_coin() -> (
    None
):
    """A node that lags answers a read without an error, and leaves fills out."""
    stage = Stage(coins=_agreed(12, 4))
    loop = await _ready(stage)
    await loop.turn([BackfillDone("t", 0, 0, 9, "", "t@1")])
    assert [batch.meta for batch in stage.of("commit")] == [{"fill_cursor_ms": "4"}]


async def test_fills_are_durable_before_the_cursor_that_covers_them() -> None:
    stage = Stage(coins=_agreed(10))
    loop = await _ready(stage)
    await loop.turn([_arrived(1, ticket="t@1"), BackfillDone("t", 1, 0, 9, "", "t@1")])
    first, second = stage.of("commit")
    assert first.fills
    assert first.meta == {}
    assert second.meta == {"fill_cursor_ms": "9"}


async def test_time_passes_for_the_engine_at_most_every_tick() -> None:
    stage = Stage()
    loop = stage.loop()
    for _ in range(2):
        await loop.turn([])
    stage.now_ms += TICK_MS
    await loop.turn([])
    assert stage.of("step") == [Tick(77, 1.5)] * 2


async def test_snapshots_are_made_at_most_every_tenth_of_a_second_and_always_at_the_end() -> None:
    stage = Stage()
    loop = stage.loop()
    for _ in range(5):
        stage.now_ms += 30
        await loop.turn([])
    assert len(stage.of("snapshot")) == 2
    stage.stopping = SimpleNamespace(done=False, failed="", phase="cancel")
    await loop.turn([])
    assert not loop.stopped
    stage.stopping = SimpleNamespace(done=True, failed="", phase="end")
    await loop.turn([])
    assert loop.stopped
    assert len(stage.of("snapshot")) == 3
    await loop.run()


async def test_what_was_decided_on_leaves_before_a_snapshot_is_made_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A request is signed and written when its task begins, in the turn of the event loop after the one that made it."""
    stage = Stage(lambda event: [AskAccount()] if isinstance(event, StopRequested) else [])
    loop = await _ready(stage)
    under_way = []

    async def request() -> None:
        stage.log.append(("left", None))

    monkeypatch.setattr(stage, "start", lambda _: under_way.append(asyncio.create_task(request())))
    stage.now_ms += 1_000
    await loop.turn([StopRequested("now")])
    seen = [kind for kind, _ in stage.log]
    assert seen.index("left") < seen.index("snapshot")


async def test_commands_are_heard_after_fills_and_before_all_else_that_waits_in_their_own_order() -> None:
    stage = Stage()
    loop = await _ready(stage)
    resume, halt = (CommandReceived(Command(action, action)) for action in (Action.RESUME, Action.HALT))
    quote, stop = Quote("BTC", 1, 2, NOW_MS), StopRequested("x")
    await loop.turn([quote, resume, stop, halt, _arrived(1)])
    heard = stage.of("step")
    assert isinstance(heard[0], FillsCommitted)
    assert heard[1:] == [resume, halt, quote, stop]


async def test_a_tick_tells_how_slow_the_disk_was_and_how_much_waits() -> None:
    stage = Stage(commit_takes_ms=1_500)
    for number in range(7):
        stage.inbox.force(BackfillDone("t", 0, 0, number))
    await stage.loop().turn([])
    assert stage.of("step") == [Tick(77, 1.5, 1_500, 7)]


async def test_a_gap_between_two_turns_is_told_before_anything_is_decided() -> None:
    stage = Stage()
    loop = await _ready(stage)
    stage.now_ms += LAG_MS + 1
    quote = Quote("BTC", 1, 2, 3)
    await loop.turn([quote])
    assert stage.of("step")[:2] == [LoopLagged(LAG_MS + 1), quote]
    stage.log.clear()
    stage.now_ms += LAG_MS
    await loop.turn([quote])
    assert LoopLagged not in {type(event) for event in stage.of("step")}


async def test_what_is_mended_is_told_first_and_is_no_lag() -> None:
    stage = Stage(was_mended=StorageRecovered(60_000))
    stage.known = {fill(1).key}
    loop = await _ready(stage)
    stage.now_ms += 60_000
    stage.was_mended = StorageRecovered(60_000)
    await loop.turn([_arrived(2)])
    kinds = [type(event) for event in stage.of("step")]
    assert kinds == [StorageRecovered, FillsCommitted, Tick]
    stage.now_ms += 60_000
    stage.trouble = "the disk is full"
    await loop.turn([])
    assert LoopLagged not in {type(event) for event in stage.of("step")}


@pytest.mark.parametrize(
    ("takes_ms", "breaks"), [(PLACE_WITHIN_MS + 1, False), (1, True)], ids=["late", "held"]
)
@pytest.mark.parametrize(
    "late", [Place((order(1),)), Modify(((order(2), order(1)),))], ids=["placement", "change"]
)
async def test_a_placement_whose_rows_were_held_up_is_refused_and_not_sent(
    late: Place | Modify, takes_ms: int, breaks: bool
) -> None:
    stage = Stage()
    loop = await _ready(stage)

    def effects(event: Event) -> list[Effect]:
        if not isinstance(event, Quote):
            return []
        return [SaveOrder(order(1)), late, AskAccount()]

    stage.effects, stage.commit_takes_ms = effects, takes_ms
    real = stage.commit

    async def commit(batch: Batch) -> Committed:
        stage.trouble = "the disk is full" if breaks else ""
        return await real(batch)

    stage.commit = commit  # type: ignore[method-assign]
    await loop.turn([Quote("BTC", 1, 2, 3)])
    assert stage.of("start") == [AskAccount()]
    (outcome,) = await stage.inbox.drain(0)
    assert isinstance(outcome, PlaceOutcome)
    ((cloid, result),) = outcome.results
    assert cloid == order(1).cloid
    assert isinstance(result, Refused)
    assert result.reason.startswith("not sent: ")
    held = [order(2).cloid] if isinstance(late, Modify) else []
    assert [name for name, text in outcome.replaced if text] == held


def _foreign(time_ms: int) -> ForeignFill:
    return ForeignFill(ACCOUNT, "@142", time_ms, 1, 2, "{}")


def _payment(coin: str, time_ms: int, digest: str = "0x0") -> Funding:
    return Funding(ACCOUNT, coin, time_ms, Decimal("-0.5"), digest, "{}")


async def test_foreign_fills_are_kept_with_the_fills_from_the_first_anchor_on() -> None:
    stage = Stage()
    loop = await _ready(stage, Beginning({"BTC": NOW_MS + 9}, first_ms=NOW_MS))
    old, young = _foreign(NOW_MS - 1), _foreign(NOW_MS)
    await loop.turn([FillsArrived((), foreign=(old, young))])
    (batch,) = stage.of("commit")
    assert batch.foreign == [young]
    assert stage.of("step") == [FillsCommitted((), foreign=(young,))]


async def test_a_fill_that_contradicts_the_one_that_is_known_is_told_to_the_engine() -> None:
    conflict = FillConflict(fill(1), fill(1, lots=7))
    stage = Stage(conflicts=(conflict,))
    loop = await _ready(stage)
    await loop.turn([_arrived(1)])
    (committed,) = stage.of("step")
    assert committed.conflicts == (conflict,)


async def test_funding_is_durable_before_the_engine_sees_what_is_new_of_it() -> None:
    stage = Stage()
    loop = await _ready(stage, Beginning({"BTC": NOW_MS}))
    old, new, other = _payment("BTC", NOW_MS - 1), _payment("BTC", NOW_MS), _payment("ETH", 5)
    known = _payment("BTC", NOW_MS, "known")
    await loop.turn([FundingArrived((old, new)), FundingArrived((known, other))])
    assert stage.kinds() == ["commit", "step"]
    (batch,) = stage.of("commit")
    assert batch.funding == [new, known, other]
    assert stage.of("step") == [FundingCommitted((new, other))]


async def test_funding_that_is_known_is_no_news() -> None:
    stage = Stage()
    loop = await _ready(stage)
    await loop.turn([FundingArrived((_payment("BTC", 5, "known"),))])
    assert stage.kinds() == ["commit"]


async def test_an_orders_way_begins_with_the_tick_that_it_was_decided_on_and_passes_its_commit() -> None:
    def on(event: Event) -> list[Effect]:
        return [SaveOrder(order()), Place((order(),))] if isinstance(event, Quote | FillsCommitted) else []

    stage = Stage(on)
    loop = await _ready(stage)
    await loop.turn([Quote("BTC", 1, 2, 3, arrived_us=77)])
    await loop.turn([replace(_arrived(1), arrived_us=78), replace(_arrived(2), arrived_us=79)])
    await loop.turn([_arrived(3, ticket="a read")])
    shown = loop._times.view().orders
    assert [each.tick_us for each in shown] == [77, 78, 0]
    assert all(0 < each.decided_us <= each.committed_us for each in shown)
