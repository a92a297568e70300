"""What is exported: the journal's rows, and from before its anchor those that ``import-history`` has kept, each once."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

import orjson

from core.domain.fills import REACHABLE_FILLS, Adjustment, Fill, FillSource, ForeignFill, Funding
from core.domain.instrument import Instrument
from core.domain.pnl import Stake
from core.domain.transfers import Transfer
from core.engine.certificate import utc_text
from core.engine.fill_guarantor import chain_order
from core.engine.gains import opening_stake
from core.exchange.wire import WireError, decode_fill
from core.journal.batch import Anchor
from core.journal.certificate import Evidence
from core.journal.earlier import Earlier, Look
from core.runtime.opening import decimals_key
from core.runtime.verify import guess_instrument

JOURNAL, EXCHANGE = "journal", "exchange"
"""Where a row is from: written as it happened, or what the exchange told of the past."""

SIZE_DECIMALS_MAX = 6


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
    others: list[ForeignFill]
    """Fills that aren't of a perpetual, or can't be read: listed, not reckoned."""
    funding: list[tuple[Funding, str]]
    transfers: list[tuple[Transfer, str]]
    notes: list[str] = field(default_factory=list)


def gather(evidence: Evidence, earlier: Earlier) -> Sources:
    """Journal and history as one. Fills are read from the journal as they are asked for; the rest is small."""
    told = _by_coin(evidence.foreign_fills(), earlier.fills)
    found = Sources([], [], *_rest(evidence, earlier))
    traded = [coin for coin in evidence.coins() if evidence.anchor(coin) is not None]
    for coin in traded:
        found.coins.append(_traded(evidence, coin, told.pop(coin, []), found.notes))
    for coin, rows in sorted(told.items()):
        if not _is_perp(coin):
            found.others += rows
            continue
        fills = _decoded(rows, _by_digits(coin, rows), found)
        if fills:
            start = _opening(coin, fills, found.notes)
            lines = [Line(fill, EXCHANGE) for fill in fills]
            found.coins.append(
                CoinHistory(
                    _by_digits(coin, rows), start, fills[0].time_ms, _checked(coin, lines, start, found.notes)
                )
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


def _by_coin(*lists: list[ForeignFill]) -> dict[str, list[ForeignFill]]:
    """The same row once, whichever list tells it."""
    found: dict[str, dict[tuple[int, int, int], ForeignFill]] = defaultdict(dict)
    for fill in (each for rows in lists for each in rows):
        found[fill.coin].setdefault((fill.time_ms, fill.trade_id, fill.order_id), fill)
    return {coin: list(rows.values()) for coin, rows in found.items()}


def _is_perp(coin: str) -> bool:
    """Not a spot pair (``@107``, ``PURR/USDC``), nor an outcome (``#5``)."""
    return not coin.startswith(("@", "#")) and "/" not in coin


def _by_digits(coin: str, rows: Iterable[ForeignFill]) -> Instrument:
    """The coarsest steps in which every size of the rows is whole: notional is exact in any that are fine enough."""
    digits = 0
    for row in rows:
        size = orjson.loads(row.raw).get("sz")
        if isinstance(size, str):
            digits = max(digits, len(size.partition(".")[2].rstrip("0")))
    return Instrument(coin, 0, min(digits, SIZE_DECIMALS_MAX), 1)


def _decoded(rows: Iterable[ForeignFill], instrument: Instrument, found: Sources) -> list[Fill]:
    """In the order of the chain; what can't be read goes to ``others``."""
    fills, lost = [], 0
    for row in rows:
        try:
            fill = decode_fill(
                orjson.loads(row.raw), row.account, FillSource.REST, {instrument.coin: instrument}
            )
        except WireError:
            fill = None
        if fill is None:
            found.others.append(row)
            lost += 1
        else:
            fills.append(fill)
    if lost:
        found.notes.append(
            f"{instrument.coin}: {lost:,} fills that the exchange told of can't be read; they are listed, not reckoned"
        )
    return chain_order(fills)


def _traded(evidence: Evidence, coin: str, told: list[ForeignFill], notes: list[str]) -> CoinHistory:
    """A coin of the journal. What was told of it from the anchor on is in the journal, or is nothing of the ledger's."""
    anchor = evidence.anchor(coin)
    assert anchor is not None, coin
    instrument = _instrument(evidence, coin, told)
    before = Sources([], [], [], [], notes)
    past = _decoded([row for row in told if row.time_ms < anchor.time_ms], instrument, before)
    start, start_ms = Stake(anchor.lots, anchor.cost), anchor.time_ms
    lines: Iterator[Line] = _journalled(evidence, coin)
    if past:
        start, start_ms = _opening(coin, past, notes), past[0].time_ms
        joined = [Line(fill, EXCHANGE) for fill in past]
        if past[-1].end_lots != anchor.lots:
            joined.append(_bridge(instrument, past[-1], anchor, notes))
        lines = _chain(joined, lines)
    elif anchor.lots:
        notes.append(
            f"{coin}: the journal began at {utc_text(anchor.time_ms)} with {instrument.size_text(anchor.lots)} held, at the "
            "entry that the exchange told"
        )
    return CoinHistory(instrument, start, start_ms, _checked(coin, lines, start, notes))


def _chain(first: list[Line], then: Iterator[Line]) -> Iterator[Line]:
    yield from first
    yield from then


def _instrument(evidence: Evidence, coin: str, told: list[ForeignFill]) -> Instrument:
    """The steps that the journal counts in."""
    kept = evidence.meta.get(decimals_key(coin), "")
    if kept.isdecimal():
        return Instrument(coin, 0, int(kept), 1)
    guessed = guess_instrument(evidence, coin)
    return guessed if evidence.samples(coin, 1) else _by_digits(coin, told)


def _journalled(evidence: Evidence, coin: str) -> Iterator[Line]:
    """By time, and within a millisecond as the chain says; an adjustment stands where it was accepted to stand."""
    fills = (Line(row.fill, JOURNAL, row.external) for row in evidence.fills(coin))
    adjusted = (Line(each, JOURNAL) for each in evidence.adjustments(coin))
    anchor = evidence.anchor(coin)
    end = anchor.lots if anchor is not None else 0
    merged = heapq.merge(fills, adjusted, key=attrgetter("time_ms"))
    for _, group in groupby(merged, key=attrgetter("time_ms")):
        lines = list(group)
        if len(lines) > 1:
            by_key = {line.entry.key: line for line in lines}
            lines = [by_key[entry.key] for entry in chain_order([line.entry for line in lines], end)]
        end = lines[-1].entry.end_lots
        yield from lines


def _bridge(instrument: Instrument, last: Fill, anchor: Anchor, notes: list[str]) -> Line:
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


def _opening(coin: str, fills: list[Fill], notes: list[str]) -> Stake:
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
