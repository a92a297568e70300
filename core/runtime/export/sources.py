"""What is exported: the journal's rows, and from before its anchor those that ``import-history`` has kept, each once."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

import orjson

from core.domain.fills import REACHABLE_FILLS, Adjustment, Fill, ForeignFill, Funding
from core.domain.instrument import Instrument
from core.domain.pnl import Stake
from core.domain.transfers import Transfer
from core.engine.certificate import utc_text
from core.engine.fill_guarantor import chain_order
from core.engine.gains import opening_stake
from core.journal.batch import Anchor
from core.journal.certificate import Evidence
from core.journal.earlier import Earlier, Look
from core.runtime.aside import belong_after_ms, read_aside
from core.runtime.opening import decimals_key
from core.runtime.verify import guess_instrument

JOURNAL, EXCHANGE = "journal", "exchange"
"""Where a row is from: written as it happened, or what the exchange told of the past."""

SIZE_DECIMALS_MAX = 6


@dataclass(frozen=True, slots=True)
class Told:
    """A fill that the ledger doesn't count, as the exchange told it: while its coin wasn't traded here, or of the past."""

    row: ForeignFill
    origin: str

    @property
    def time_ms(self) -> int:
        return self.row.time_ms


@dataclass(frozen=True, slots=True)
class Line:
    """A fill or an adjustment at its place in a coin's chain. ``is_external``: of no order of ours, as far as is known."""

    entry: Fill | Adjustment
    origin: str
    is_external: bool = True
    is_bridge: bool = False
    """It stands for what is missing between the exchange's history and the journal's beginning."""

    @property
    def time_ms(self) -> int:
        return self.entry.time_ms


@dataclass(slots=True)
class CoinHistory:
    """One perpetual: what was held at ``start_ms``, and everything since, in the order of its chain."""

    instrument: Instrument
    start: Stake
    start_ms: int
    lines: Iterable[Line]


@dataclass(slots=True)
class Sources:
    """Everything of one account. ``notes`` are sentences about what is missing, or taken for granted."""

    coins: list[CoinHistory]
    others: list[Told]
    """Fills that aren't of a perpetual, or can't be read: listed, not reckoned."""
    funding: list[tuple[Funding, str]]
    transfers: list[tuple[Transfer, str]]
    notes: list[str] = field(default_factory=list)


def gather(evidence: Evidence, earlier: Earlier) -> Sources:
    """Journal and history as one. Fills are read from the journal as they are asked for; the rest is small."""
    told = _by_coin(evidence, earlier)
    found = Sources([], [], *_rest(evidence, earlier))
    traded = [coin for coin in evidence.coins() if evidence.anchor(coin) is not None]
    for coin in traded:
        found.coins.append(_traded(evidence, coin, told.pop(coin, []), found))
    for coin, rows in sorted(told.items()):
        if not _is_perp(coin):
            found.others += rows
            continue
        instrument = _by_digits(coin, rows)
        lines = _decoded(evidence, rows, instrument, found)
        if lines:
            start, start_ms = _opening(coin, lines, found.notes), lines[0].time_ms
            found.coins.append(
                CoinHistory(instrument, start, start_ms, _checked(coin, lines, start, found.notes))
            )
    found.notes += _reach(evidence, earlier.looks)
    found.others.sort(key=attrgetter("time_ms"))
    return found


def _rest(
    evidence: Evidence, earlier: Earlier
) -> tuple[list[tuple[Funding, str]], list[tuple[Transfer, str]]]:
    paid = {(p.coin, p.time_ms, p.hash): (p, EXCHANGE) for p in earlier.funding}
    paid.update({(p.coin, p.time_ms, p.hash): (p, JOURNAL) for p in evidence.funding_payments()})
    moved = {t.key: (t, EXCHANGE) for t in earlier.transfers}
    moved.update({t.key: (t, JOURNAL) for t in evidence.transfers()})
    return (
        sorted(paid.values(), key=lambda each: (each[0].time_ms, each[0].coin)),
        sorted(moved.values(), key=lambda each: (each[0].time_ms, each[0].hash)),
    )


def _by_coin(evidence: Evidence, earlier: Earlier) -> dict[str, list[Told]]:
    """What the ledger doesn't count, the same row once, whichever tells it."""
    found: dict[str, dict[tuple[int, int, int], Told]] = defaultdict(dict)
    rows = [Told(row, JOURNAL) for row in evidence.foreign_fills()]
    rows += [Told(row, EXCHANGE) for row in earlier.fills if not evidence.counts(row)]
    for told in rows:
        row = told.row
        found[row.coin].setdefault((row.time_ms, row.trade_id, row.order_id), told)
    return {coin: list(by_key.values()) for coin, by_key in found.items()}


def _is_perp(coin: str) -> bool:
    """Not a spot pair (``@107``, ``PURR/USDC``), nor an outcome (``#5``)."""
    return not coin.startswith(("@", "#")) and "/" not in coin


def _by_digits(coin: str, rows: Iterable[Told]) -> Instrument:
    """The coarsest steps in which every size of the rows is whole: notional is exact in any that are fine enough."""
    digits = 0
    for told in rows:
        size = orjson.loads(told.row.raw).get("sz")
        if isinstance(size, str):
            digits = max(digits, len(size.partition(".")[2].rstrip("0")))
    return Instrument(coin, 0, min(digits, SIZE_DECIMALS_MAX), 1)


def _decoded(evidence: Evidence, rows: list[Told], instrument: Instrument, found: Sources) -> list[Line]:
    """In the order of the chain; what can't be read goes to ``others``."""
    origins = {told.row: told.origin for told in rows}
    fills, lost = read_aside(origins, instrument)
    found.others += [Told(row, origins[row]) for row in lost]
    if lost:
        found.notes.append(
            f"{instrument.coin}: {len(lost):,} fills that the exchange told of can't be read; they are listed, not reckoned"
        )
    lines = {fill: Line(fill, origins[row], evidence.is_external(fill)) for fill, row in fills}
    return [lines[fill] for fill in chain_order(lines)]


def _traded(evidence: Evidence, coin: str, told: list[Told], found: Sources) -> CoinHistory:
    """A coin of the journal: what is known of it from before its anchor, the ledger's fills, and between them those from
    when it wasn't traded here.
    """
    anchor = evidence.anchor(coin)
    assert anchor is not None, coin
    instrument, notes = _instrument(evidence, coin, told), found.notes
    known = _decoded(evidence, told, instrument, found)
    past = [line for line in known if line.time_ms < anchor.time_ms]
    after_ms = belong_after_ms(anchor, evidence.adjustments(coin))
    aside = [line for line in known if line.time_ms > after_ms]
    if settled := len(known) - len(past) - len(aside):
        notes.append(
            f"{coin}: {settled:,} fills from when it wasn't traded here are left out: an adjustment that was accepted later "
            "stands for them"
        )
    start, start_ms = Stake(anchor.lots, anchor.cost), anchor.time_ms
    lines = _journalled(evidence, coin, aside)
    if past:
        start, start_ms = _opening(coin, past, notes), past[0].time_ms
        joined = [*past]
        last = past[-1].entry
        if last.end_lots != anchor.lots:
            joined.append(_bridge(instrument, last, anchor, notes))
        lines = _chain(joined, lines)
    elif anchor.lots:
        notes.append(
            f"{coin}: the journal counts from {utc_text(anchor.time_ms)} with {instrument.size_text(anchor.lots)} held, at the "
            "entry that the exchange told"
        )
    return CoinHistory(instrument, start, start_ms, _checked(coin, lines, start, notes))


def _chain(first: list[Line], then: Iterator[Line]) -> Iterator[Line]:
    yield from first
    yield from then


def _instrument(evidence: Evidence, coin: str, told: list[Told]) -> Instrument:
    """The steps that the journal counts in."""
    kept = evidence.meta.get(decimals_key(coin), "")
    if kept.isdecimal():
        return Instrument(coin, 0, int(kept), 1)
    guessed = guess_instrument(evidence, coin)
    return guessed if evidence.samples(coin, 1) else _by_digits(coin, told)


def _journalled(evidence: Evidence, coin: str, aside: list[Line]) -> Iterator[Line]:
    """By time, and within a millisecond as the chain says; an adjustment stands where it was accepted to stand."""
    fills = (Line(row.fill, JOURNAL, row.external) for row in evidence.fills(coin))
    adjusted = (Line(each, JOURNAL) for each in evidence.adjustments(coin))
    anchor = evidence.anchor(coin)
    end = anchor.lots if anchor is not None else 0
    merged = heapq.merge(fills, aside, adjusted, key=attrgetter("time_ms"))
    for _, group in groupby(merged, key=attrgetter("time_ms")):
        lines = list(group)
        if len(lines) > 1:
            by_key = {line.entry.key: line for line in lines}
            lines = [by_key[entry.key] for entry in chain_order([line.entry for line in lines], end)]
        end = lines[-1].entry.end_lots
        yield from lines


def _bridge(instrument: Instrument, last: Fill | Adjustment, anchor: Anchor, notes: list[str]) -> Line:
    """From where the told history ends to where the journal begins, at the entry that was told then."""
    price = anchor.cost // abs(anchor.lots) if anchor.lots else last.price
    notes.append(
        f"{instrument.coin}: between {utc_text(last.time_ms)} and {utc_text(anchor.time_ms)} fills are missing, from "
        f"{instrument.size_text(last.end_lots)} to {instrument.size_text(anchor.lots)}; they are taken for one at "
        f"{instrument.price_text(price)}"
    )
    at = anchor.time_ms
    entry = Adjustment(
        "missing", instrument.coin, at, last.end_lots, anchor.lots, price, at, "", "before the journal"
    )
    return Line(entry, EXCHANGE, is_bridge=True)


def _opening(coin: str, lines: list[Line], notes: list[str]) -> Stake:
    fills = [line.entry for line in lines if isinstance(line.entry, Fill)]
    start, is_known = opening_stake(fills)
    if start.lots:
        how = (
            "the entry that the exchange's own profits tell"
            if is_known
            else "the price of that fill, as nothing tells its entry"
        )
        notes.append(
            f"{coin}: before the first fill that is known, of {utc_text(fills[0].time_ms)}, it held a position, at {how}"
        )
    return start


def _checked(coin: str, lines: Iterable[Line], start: Stake, notes: list[str]) -> Iterator[Line]:
    """Passes all on; at the end it notes how often the chain is broken."""
    end, broken = start.lots, 0
    for line in lines:
        broken += line.entry.start_lots != end
        end = line.entry.end_lots
        yield line
    if broken:
        notes.append(
            f"{coin}: fills are missing, or aren't where they are stamped, in {broken:,} places; `gridbot verify` names them"
        )


def _reach(evidence: Evidence, looks: list[Look]) -> list[str]:
    anchors = [anchor for coin in evidence.coins() if (anchor := evidence.anchor(coin)) is not None]
    begins = min((anchor.time_ms for anchor in anchors), default=0)
    if not looks:
        since = f" began at {utc_text(begins)}" if begins else " holds no coin yet"
        return [
            f"the journal{since}; what was before, and funding of coins not traded here, isn't in these files: "
            "`gridbot import-history` fetches what the exchange still shows"
        ]
    last = looks[-1]
    if not last.fills:
        return [f"asked at {utc_text(last.asked_ms)}, the exchange showed no fill"]
    oldest = min(look.oldest_ms for look in looks if look.fills)
    cut = (
        f", and no more than its newest {REACHABLE_FILLS:,} fills: older ones may have been"
        if last.fills >= REACHABLE_FILLS
        else ""
    )
    return [
        f"last asked at {utc_text(last.asked_ms)}; the exchange has shown nothing before {utc_text(oldest)}{cut}"
    ]
