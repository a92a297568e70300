"""``gridbot verify --online``: the journal held against the exchange: position, fills that it still lists, open orders."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain

from core.domain.cloid import parse_cloid
from core.domain.events import RemoteOrder
from core.domain.fills import REACHABLE_FILLS, Fill, FillKey, ForeignFill
from core.domain.instrument import Instrument
from core.engine.certificate import Check, fill_name, utc_text
from core.engine.fill_guarantor import chain_order
from core.exchange.lanes import Lane
from core.exchange.reads import NoSuchDexError, Reads, read_instruments
from core.exchange.rest import Rest, RestError
from core.exchange.venue_clock import VenueClock
from core.exchange.weight_budget import TOOL_LEAVES
from core.exchange.weight_window import FLOORS
from core.exchange.wire import WireError
from core.journal.batch import Anchor
from core.journal.certificate import Evidence, read_evidence
from core.journal.reader import JournalReader
from core.runtime.aside import fills_aside
from core.runtime.cash import compare_cash
from core.runtime.control_client import ask
from core.runtime.opening import as_counted
from core.runtime.statedir import StateDir, lock_holder
from core.runtime.tool_budget import tool_budget
from core.runtime.verify import Certificate

LOOKS, PAUSE_S = 10, 1.0
"""A look that falls between a fill and its row is repeated: the journal of a running bot follows within a second."""

LOOKS_STOPPED = 3
"""Nobody writes the journal meanwhile; only the exchange's own index may lag."""

LOOKS_ALIKE = 4
"""What has failed alike so often in a row is not a fill on its way to its row."""

OVERLAP_MS = 60_000
"""A look after the first reads the fills of the last minute alone: all 10,000 take most of a minute's weight."""


def add_online_checks(found: Certificate, state: StateDir) -> None:
    """Add the exchange's side to a certificate. Raises ``RestError`` if the exchange can't be reached."""
    asyncio.run(compare_online(found, state))


async def compare_online(found: Certificate, state: StateDir) -> None:
    """As ``add_online_checks``, in a loop that runs."""
    with read_evidence(state.journal) as evidence:
        coins = {coin: anchor for coin in evidence.coins() if (anchor := evidence.anchor(coin)) is not None}
    try:
        await _compare(found, state, exchange_url(state), coins)
    except (WireError, NoSuchDexError) as error:
        raise RestError(f"the exchange's answer could not be understood ({error})") from error


def _nothing_to_compare() -> Check:
    check = Check("online", "", "the position, the fills and the open orders on the exchange")
    check.fail(
        "the journal holds no coin yet, so nothing can be compared: start the bot once, then verify again"
    )
    return check


def exchange_url(state: StateDir) -> str:
    """Where the journal's exchange is; of the embedded one where it listens now. Raises ``RestError`` if nobody knows."""
    with read_evidence(state.journal) as evidence:
        return evidence.meta.get("exchange_url", "") or _embedded_url(state)


@asynccontextmanager
async def connected(state: StateDir, url: str) -> AsyncIterator[tuple[Rest, VenueClock]]:
    """Within what a running bot leaves of the address's weight."""
    clock = VenueClock()
    leaves = TOOL_LEAVES if lock_holder(state) is not None else FLOORS[Lane.INFO]
    rest = Rest(url, clock, budget=tool_budget(url, leaves))
    await rest.open()
    try:
        yield rest, clock
    finally:
        await rest.close()


def _embedded_url(state: StateDir) -> str:
    if lock_holder(state) is None:
        raise RestError(
            "this journal belongs to the embedded exchange, which runs only while the bot does; start it, or leave --online out"
        )
    status = ask(state, "status").get("status")
    return str(status["exchange_url"]) if isinstance(status, dict) else ""


async def _compare(found: Certificate, state: StateDir, url: str, coins: dict[str, Anchor]) -> None:
    if not coins:
        found.checks.append(_nothing_to_compare())
    by_dex: dict[str, dict[str, Anchor]] = defaultdict(dict)
    for coin, anchor in coins.items():
        by_dex[coin.partition(":")[0] if ":" in coin else ""][coin] = anchor
    async with connected(state, url) as (rest, clock):
        for dex, anchors in by_dex.items():
            listed = await read_instruments(rest, dex)
            instruments = as_counted(await JournalReader(state.journal).meta(), listed)
            reads = Reads(rest, clock, found.account, instruments, dex)
            found.checks += await _compare_dex(reads, instruments, state, anchors)
            found.checks.append(await compare_cash(reads, instruments, state, dex))


async def _compare_dex(
    reads: Reads, instruments: dict[str, Instrument], state: StateDir, anchors: dict[str, Anchor]
) -> list[Check]:
    listed = {coin: anchor for coin, anchor in anchors.items() if coin in instruments}
    gone = [
        Check("online", coin, "the exchange no longer lists the coin")
        for coin in anchors
        if coin not in listed
    ]
    checks: list[Check] = []
    history = History(min((anchor.time_ms for anchor in listed.values()), default=0))
    alike, failed = 0, list[tuple[str, int, str]]()
    for number in range(LOOKS):
        look = await _look(reads, history, bool(listed))
        with read_evidence(state.journal) as evidence:
            checks = [
                *(
                    check
                    for coin, anchor in listed.items()
                    for check in look.compare(evidence, instruments[coin], anchor)
                ),
                look.compare_orders(evidence),
            ]
        before, failed = (
            failed,
            [(check.name, check.failures, check.text) for check in checks if not check.ok],
        )
        alike = alike + 1 if failed == before else 1
        if all(check.ok for check in checks) or alike >= LOOKS_ALIKE:
            break
        if number + 1 >= LOOKS_STOPPED and lock_holder(state) is None:
            break
        await asyncio.sleep(PAUSE_S)
    return [*gone, *checks]


@dataclass(slots=True)
class History:
    """The fills that the exchange has listed since ``since_ms``, over all looks."""

    since_ms: int
    fills: dict[FillKey, Fill] = field(default_factory=dict)
    foreign: set[ForeignFill] = field(default_factory=set)
    undecodable: set[str] = field(default_factory=set)
    """Raw rows that could not be understood."""

    async def read(self, reads: Reads) -> None:
        """What is new. Raises ``RestError`` and ``WireError``."""
        async for page in reads.fills_since(self.since_ms):
            self.fills.update((fill.key, fill) for fill in page.fills)
            self.foreign.update(page.foreign)
            self.undecodable.update(row.sample for row in page.quarantined)
        newest = max((*(key.time_ms for key in self.fills), *(f.time_ms for f in self.foreign)), default=0)
        self.since_ms = max(self.since_ms, newest - OVERLAP_MS)


@dataclass(frozen=True, slots=True)
class Look:
    """What the exchange shows: positions before and after the fills were read, by coin in lots."""

    before: dict[str, int]
    after: dict[str, int]
    venue_ms: int
    fills: tuple[Fill, ...]
    orders: tuple[RemoteOrder, ...]
    foreign_ms: tuple[int, ...] = ()
    """Times of the fills in other coins, which count among those that are reachable."""
    undecodable: int = 0
    """Rows of fills that could not be understood."""

    @property
    def oldest_ms(self) -> int:
        """Fills of this time and before may be listed no more; -1 if all are."""
        times = [*(fill.time_ms for fill in self.fills), *self.foreign_ms]
        return min(times) if len(times) >= REACHABLE_FILLS else -1

    def compare(self, evidence: Evidence, instrument: Instrument, anchor: Anchor) -> list[Check]:
        """Position and fills of one coin, up to the newest fill that is listed."""
        coin = instrument.coin
        fills = chain_order(f for f in self.fills if f.coin == coin and f.time_ms >= anchor.time_ms)
        until_ms = fills[-1].time_ms if fills else self.venue_ms
        aside = [fill for fill in fills_aside(evidence, instrument, anchor) if fill.time_ms <= until_ms]
        held = evidence.lots_at(coin, until_ms) + sum(fill.signed_lots for fill in aside)
        seen = {self.before.get(coin, 0), self.after.get(coin, 0)}
        shown = " then ".join(instrument.size_text(lots) for lots in sorted(seen))
        position = Check("online position", coin)
        position.text = (
            f"{instrument.size_text(held)} in the journal at {utc_text(until_ms)}, {shown} on the exchange"
        )
        if held not in seen:
            position.fail(position.text)
        return [
            position,
            self._compare_fills(
                evidence, coin, fills, aside, max(self.oldest_ms, anchor.time_ms - 1), until_ms
            ),
        ]

    def _compare_fills(
        self,
        evidence: Evidence,
        coin: str,
        fills: list[Fill],
        aside: list[Fill],
        after_ms: int,
        until_ms: int,
    ) -> Check:
        """``aside``: from when the coin wasn't traded here, not in the ledger yet."""
        listed = {fill.key: fill for fill in fills if fill.time_ms > after_ms}
        check, seen = Check("online fills", coin), set[FillKey]()
        check.text = f"{len(listed):,} fills that the exchange lists since {utc_text(after_ms + 1)}, each in the journal"
        late = (fill.key for fill in aside if fill.time_ms > after_ms)
        for key in chain(evidence.keys_between(coin, after_ms, until_ms), late):
            if key in listed:
                seen.add(key)
            else:
                when = utc_text(key.time_ms)
                check.fail(
                    f"fill {key.trade_id} at {when} is in the journal, but the exchange doesn't list it"
                )
        if self.undecodable:
            check.fail(f"{self.undecodable} rows of the exchange's fills could not be understood")
        for key in listed.keys() - seen:
            check.fail(f"{fill_name(listed[key])} is not in the journal")
        return check

    def compare_orders(self, evidence: Evidence) -> Check:
        """Every open order with our tag is one of ours, and its row knows that it lives."""
        check, ours = Check("online orders", ""), 0
        for order in self.orders:
            parts = parse_cloid(order.cloid)
            if parts is None or order.cloid is None:
                continue
            ours += 1
            state = evidence.order_state(order.cloid.lower())
            if parts.instance != evidence.meta.get("instance"):
                check.fail(
                    f"order {order.cloid} of {order.coin} belongs to another instance, {parts.instance}"
                )
            elif state is None:
                check.fail(f"order {order.cloid} of {order.coin} rests, but has no row")
            elif state.is_terminal:
                check.fail(f"order {order.cloid} of {order.coin} rests, but its row says {state}")
        check.text = f"{ours:,} open orders with our tag, each with its row"
        return check


async def _look(reads: Reads, history: History, has_coins: bool) -> Look:
    before = await reads.account()
    if has_coins:
        await history.read(reads)
    after = await reads.account()
    orders = (await reads.open_orders()).orders
    return Look(
        before=dict(before.positions),
        after=dict(after.positions),
        venue_ms=before.venue_ms,
        fills=tuple(history.fills.values()),
        orders=orders,
        foreign_ms=tuple(fill.time_ms for fill in history.foreign),
        undecodable=len(history.undecodable),
    )
