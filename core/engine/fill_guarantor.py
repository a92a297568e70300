"""Fill Guarantor: the order of fills, and the proof that none is missing.

Durability and "once" are the journal's (the INSERT is the dedup, C-5). Here is what follows from ``startPosition``: each fill
states the position before it, so ``start[i+1] == start[i] ± size[i]`` per coin. A break names a missing fill the instant the
next one arrives (C-3), and the same chain orders fills of one millisecond.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, pairwise
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Protocol, TypeVar

from core.domain.fills import Adjustment, Fill, FillKey, FillSource


class ChainEntry(Protocol):
    """What moves the position, and from where to where: a fill, or an accepted adjustment."""

    @property
    def coin(self) -> str: ...
    @property
    def key(self) -> FillKey: ...
    @property
    def time_ms(self) -> int: ...
    @property
    def start_lots(self) -> int: ...
    @property
    def end_lots(self) -> int: ...


E = TypeVar("E", bound=ChainEntry)


@dataclass(frozen=True, slots=True)
class FillCounts:
    """Counts over the journal's lifetime. ``ws + rest == total``; ``external`` had no intent of ours."""

    total: int = 0
    buys: int = 0
    external: int = 0
    from_ws: int = 0
    duplicates: int = 0
    maker: int = 0

    @property
    def from_rest(self) -> int:
        return self.total - self.from_ws

    def with_fill(self, fill: Fill, external: bool) -> FillCounts:
        return replace(
            self,
            total=self.total + 1,
            buys=self.buys + (fill.side.sign > 0),
            external=self.external + external,
            from_ws=self.from_ws + fill.source.counts_as_ws,
            maker=self.maker + (not fill.crossed),
        )

    def with_duplicates(self, count: int) -> FillCounts:
        return replace(self, duplicates=self.duplicates + count)


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A gap: after ``before`` the position was ``expected`` lots, yet ``after`` started from another."""

    coin: str
    after_ms: int
    before_ms: int
    expected: int
    found: int

    @property
    def missing_lots(self) -> int:
        """Signed sum of the fills that we have not seen."""
        return self.found - self.expected


@dataclass(slots=True)
class Places:
    """Where fills may belong whose stamps can't be right: the exchange's clock was set back, or a stamp is wrong.

    One that starts where the newest ended, yet is stamped before it, may stand after it: so it arrived. So may one that the
    stream tells, whose predecessor is missing: the stream tells fills as they happen.
    """

    newest_ms: int = 0
    """Venue time of the newest that arrived."""
    end_lots: int = 0
    """Where the chain ended with it."""
    after: dict[FillKey, tuple[int, int]] = field(default_factory=dict)
    """Of such a fill: the time after which it may stand, and its number among those."""
    _number: int = 0
    _placed_ms: int = -1
    """After which time the last of those stands: what has that very stamp, and comes then, stands behind it."""

    def take(self, fill: Fill) -> None:
        """The next fill that arrived."""
        follows = fill.start_lots == self.end_lots or fill.source is FillSource.WS
        is_behind = fill.time_ms < self.newest_ms + (self._placed_ms == self.newest_ms)
        if is_behind and follows:
            self._number, self._placed_ms = self._number + 1, self.newest_ms
            self.after[fill.key] = self.newest_ms, self._number
        if fill.time_ms > self.newest_ms or follows:
            self.go_on_from(fill)

    def at_odds(self, by_time: Iterable[ChainEntry]) -> dict[FillKey, tuple[int, int]]:
        """Those of ``after`` whose stamps put them where the chain doesn't hold: of a piece of it that is whole in itself the
        ends, and all of it if all of it may stand elsewhere.
        """
        found: set[FillKey] = set()
        piece: list[FillKey] = []
        is_whole, end = True, None
        for entry in by_time:
            if end is not None and entry.start_lots != end:
                found.update(piece)
                piece, is_whole = [], True
            is_whole &= entry.key in self.after
            del piece[len(piece) if is_whole else 1 :]
            piece.append(entry.key)
            end = entry.end_lots
        found.update(piece)
        return {key: place for key, place in self.after.items() if key in found}

    def take_all(self, arrived: Iterable[Fill | Adjustment]) -> None:
        """Fills as they arrived; adjustments, wherever they are among them, when they were accepted."""
        entries = list(arrived)
        adjustments = sorted((e for e in entries if isinstance(e, Adjustment)), key=lambda a: -a.accepted_ms)
        for fill in (e for e in entries if isinstance(e, Fill)):
            while adjustments and adjustments[-1].accepted_ms < fill.time_ms:
                self.go_on_from(adjustments.pop())
            self.take(fill)
        while adjustments:
            self.go_on_from(adjustments.pop())

    def go_on_from(self, newest: Fill | Adjustment) -> None:
        self.newest_ms, self.end_lots = max(newest.time_ms, self.newest_ms), newest.end_lots


def as_they_happened(told: Sequence[Fill], ends: Mapping[str, int] = MappingProxyType({})) -> list[Fill]:
    """The fills of one message or page, of any coins, each coin's oldest first. ``ends``: where the chain of a coin ends that
    they go on from, in lots.

    By time and chain. Only if that leaves gaps which the order of the message closes, one way round or the other, does that
    count more: the exchange tells the newest first in a snapshot, and the oldest first in a page.
    """
    if len(told) < 2:
        return list(told)
    by_coin: dict[str, list[Fill]] = defaultdict(list)
    for fill in told:
        by_coin[fill.coin].append(fill)
    ordered: list[Fill] = []
    for coin, fills in by_coin.items():
        end = ends.get(coin)
        orders = (chain_order(fills, end), fills, fills[::-1])
        ordered += min(orders, key=partial(_gaps, end))
    return ordered


def _gaps(start: int | None, ordered: Sequence[Fill]) -> int:
    return len(chain_breaks(ordered, start))


def chain_order(entries: Iterable[E], start: int | None = None, places: Places | None = None) -> list[E]:
    """Entries of one coin in the order in which they happened.

    By time, and within one millisecond along the chain from ``start`` (the position before the first; ``None`` if unknown).
    Ties in a cycle of positions go by key, so that the order never depends on how they arrived: any order of a cycle ends at
    the same position. Only if that leaves gaps which ``places`` closes do those count more than the stamps: all of them, or
    those of fills that their stamps put where the chain doesn't hold.
    """
    entries = list(entries)
    by_time = list(by_stamps(sorted(entries, key=attrgetter("time_ms")), start))
    if places is None or not places.after or not chain_breaks(by_time, start):
        return by_time
    orders = (
        by_time,
        *(_in_order(entries, start, after) for after in (places.after, places.at_odds(by_time))),
    )
    return min(orders, key=lambda ordered: len(chain_breaks(ordered, start)))


def by_stamps(entries: Iterable[E], start: int | None) -> Iterator[E]:
    """Entries that come by time, each millisecond's along the chain from ``start``."""
    for _, group in groupby(entries, key=attrgetter("time_ms")):
        same_ms = _linked(list(group), start)
        yield from same_ms
        start = same_ms[-1].end_lots


def _in_order(entries: list[E], start: int | None, after: Mapping[FillKey, tuple[int, int]]) -> list[E]:
    ordered: list[E] = []
    placed = sorted(((*after.get(f.key, (f.time_ms, 0)), f) for f in entries), key=itemgetter(0, 1))
    for _, group in groupby(placed, key=itemgetter(0)):
        same_ms = list(group)
        ordered += _linked([entry for _, number, entry in same_ms if not number], start)
        ordered += [entry for _, number, entry in same_ms if number]
        start = ordered[-1].end_lots
    return ordered


def chain_breaks(ordered: Sequence[ChainEntry], start: int | None = None) -> list[ChainBreak]:
    """Every place where the chain does not hold, given entries in ``chain_order``."""
    breaks = [
        ChainBreak(b.coin, a.time_ms, b.time_ms, a.end_lots, b.start_lots)
        for a, b in pairwise(ordered)
        if a.end_lots != b.start_lots
    ]
    if ordered and start is not None and ordered[0].start_lots != start:
        first = ordered[0]
        breaks.insert(0, ChainBreak(first.coin, 0, first.time_ms, start, first.start_lots))
    return breaks


def _linked(entries: list[E], start: int | None) -> list[E]:
    return entries if len(entries) < 2 else _link(sorted(entries, key=attrgetter("key")), start)


def _link(entries: list[E], start: int | None) -> list[E]:
    """Entries of one millisecond as an Eulerian path over positions; with a fill missing, as few pieces as possible."""
    outgoing: dict[int, list[E]] = defaultdict(list)
    balance: dict[int, int] = defaultdict(int)
    for entry in reversed(entries):
        outgoing[entry.start_lots].append(entry)
        balance[entry.start_lots] += 1
        balance[entry.end_lots] -= 1
    pieces: list[E] = []
    heads = [position for position in sorted(balance) if balance[position] > 0]
    while any(outgoing.values()):
        with_fills = [p for p, rest in outgoing.items() if rest]
        sources = [h for h in heads if outgoing[h]]
        head = start if start in with_fills else min(sources or with_fills)
        assert head is not None
        path = _euler_path(outgoing, head)
        pieces += path
        start = path[-1].end_lots
    return pieces


def _euler_path(outgoing: dict[int, list[E]], head: int) -> list[E]:
    """Hierholzer's algorithm from ``head``; takes the entries it uses out of ``outgoing``."""
    stack: list[tuple[int, E | None]] = [(head, None)]
    path: list[E] = []
    while stack:
        position, taken = stack[-1]
        if outgoing[position]:
            entry = outgoing[position].pop()
            stack.append((entry.end_lots, entry))
        else:
            stack.pop()
            if taken is not None:
                path.append(taken)
    path.reverse()
    return path
