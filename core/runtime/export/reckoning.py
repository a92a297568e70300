"""The sums of a period, by calendar year (UTC) and coin, and the identities that they must keep.

Of each coin, by either method: ``gains = cash of its trades + change of the signed entry cost of what is held``. Of the
account: ``change of cash = cash of trades - fees + funding + transfers``, where cash is the exchange's ``totalRawUsd`` of its
perpetuals. Together: ``gains - fees + funding + transfers = change of cash + change of entry cost``, which is the change of the
balance: what the account holds with every position at its entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from core.domain.fills import Adjustment, Funding
from core.domain.transfers import SPOT, Transfer
from core.domain.units import micro_to_usd
from core.engine.fold import QUOTE_TOKEN
from core.engine.gains import AverageBook, FifoBook, Gain
from core.journal.batch import CashMark
from core.runtime.export.period import Period, year_of
from core.runtime.export.sources import CoinHistory, Line


@dataclass(frozen=True, slots=True)
class Held:
    """A position, and its signed entry cost by either method, micro-USDC."""

    lots: int = 0
    fifo: int = 0
    average: int = 0


@dataclass(slots=True)
class Sums:
    """Of one coin, or of all, in one year. Integers are micro-USDC, decimals USD; fees positive when paid."""

    fills: int = 0
    cash: int = 0
    """Proceeds of sells less cost of buys, adjustments among them as trades at their prices."""
    adjusted: int = 0
    """The part of it that adjustments make: nobody has seen that money move."""
    fifo: int = 0
    average: int = 0
    exchange_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    transfers: Decimal = Decimal(0)
    opening: Held = field(default_factory=Held)
    closing: Held = field(default_factory=Held)

    @property
    def cash_change(self) -> Decimal:
        """Of ``totalRawUsd``, by the flows themselves."""
        return micro_to_usd(self.cash) - self.fees + self.funding + self.transfers

    def balance_change(self, gains: int) -> Decimal:
        """By the gains of one method."""
        return micro_to_usd(gains) - self.fees + self.funding + self.transfers

    @property
    def residuals(self) -> tuple[Decimal, Decimal]:
        """What is left of the identity by first in first out, and by average cost: 0."""
        costs = (self.closing.fifo - self.opening.fifo, self.closing.average - self.opening.average)
        fifo, average = (
            self.balance_change(gains) - self.cash_change - micro_to_usd(cost)
            for gains, cost in zip((self.fifo, self.average), costs, strict=True)
        )
        return fifo, average

    def __add__(self, other: Sums) -> Sums:
        """Of two coins in one year: the positions' costs add up, their lots don't."""
        return Sums(
            *(self.fills + other.fills, self.cash + other.cash, self.adjusted + other.adjusted),
            *(self.fifo + other.fifo, self.average + other.average),
            *(self.exchange_pnl + other.exchange_pnl, self.fees + other.fees, self.funding + other.funding),
            self.transfers + other.transfers,
            _both(self.opening, other.opening),
            _both(self.closing, other.closing),
        )

    def then(self, later: Sums) -> Sums:
        """With a later year: what was held at the beginning of this one, and at the end of that."""
        return replace(self + later, opening=self.opening, closing=later.closing)


def _both(one: Held, other: Held) -> Held:
    return Held(0, one.fifo + other.fifo, one.average + other.average)


@dataclass(slots=True)
class _Flow:
    """What a dex's cash has changed by before the period, until its end, and until it was noted. USD."""

    before: Decimal = Decimal(0)
    until: Decimal = Decimal(0)
    noted: Decimal = Decimal(0)


class Books:
    """One coin's position and cost by either method."""

    def __init__(self, coin: CoinHistory) -> None:
        self.instrument = coin.instrument
        self._fifo = FifoBook(coin.start, coin.start_ms)
        self._average = AverageBook.of(coin.start, coin.start_ms)

    @property
    def held(self) -> Held:
        return Held(self._fifo.lots, self._fifo.signed_cost, self._average.signed_cost)

    def trade(self, line: Line) -> tuple[list[Gain], list[Gain]]:
        """What a line closes, by first in first out and by average cost."""
        return self._fifo.trade(line.entry), self._average.trade(line.entry)


class Reckoning:
    """Takes everything in order of time, of each coin in the order of its chain."""

    def __init__(self, period: Period, coins: list[CoinHistory], marks: list[CashMark]) -> None:
        self.books = {coin.instrument.coin: Books(coin) for coin in coins}
        self.other_fees: defaultdict[str, Decimal] = defaultdict(Decimal)
        """Fees in other tokens than USDC, by token: in no sum."""
        self.not_understood = 0
        """Transfers that may have moved money."""
        self._period, self._marks = period, {mark.dex: mark for mark in marks}
        self._before = {name: books.held for name, books in self.books.items()}
        self._years: defaultdict[int, defaultdict[str, Sums]] = defaultdict(lambda: defaultdict(Sums))
        self._opened: set[tuple[int, str]] = set()
        self._flows: defaultdict[str, _Flow] = defaultdict(_Flow)

    def take(self, line: Line) -> tuple[list[Gain], list[Gain]]:
        """One line further; the gains are the period's only if the line is."""
        entry, books = line.entry, self.books[line.entry.coin]
        before = books.held
        gains = books.trade(line)
        fee = Decimal(0)
        if not isinstance(entry, Adjustment):
            fee = entry.fee if entry.fee_token == QUOTE_TOKEN else Decimal(0)
            self._flow(_dex_of(entry.coin), entry.time_ms, micro_to_usd(entry.cash_micro) - fee)
        if entry.time_ms < self._period.from_ms:
            self._before[entry.coin] = books.held
        elif self._period.holds(entry.time_ms):
            self._add(line, gains, fee, before)
        return gains

    def _add(self, line: Line, gains: tuple[list[Gain], list[Gain]], fee: Decimal, before: Held) -> None:
        entry, year = line.entry, year_of(line.entry.time_ms)
        sums = self._years[year][entry.coin]
        if (year, entry.coin) not in self._opened:
            self._opened.add((year, entry.coin))
            sums.opening = before
        sums.closing = self.books[entry.coin].held
        sums.cash += entry.cash_micro
        sums.fifo += sum(gain.micro for gain in gains[0])
        sums.average += sum(gain.micro for gain in gains[1])
        if isinstance(entry, Adjustment):
            sums.adjusted += entry.cash_micro
            return
        sums.fills += 1
        sums.exchange_pnl += entry.closed_pnl
        sums.fees += fee
        if entry.fee_token != QUOTE_TOKEN and entry.fee:
            self.other_fees[entry.fee_token] += entry.fee

    def take_funding(self, payment: Funding) -> None:
        self._flow(_dex_of(payment.coin), payment.time_ms, payment.usd)
        if self._period.holds(payment.time_ms):
            self._years[year_of(payment.time_ms)][payment.coin].funding += payment.usd

    def take_transfer(self, transfer: Transfer) -> None:
        """What it brought to the perpetuals of all dexs together; the spot wallet is another place."""
        is_in_period = self._period.holds(transfer.time_ms)
        self.not_understood += is_in_period and not transfer.understood
        for place, usd in transfer.moves:
            if place == SPOT:
                continue
            self._flow(place, transfer.time_ms, usd)
            if is_in_period:
                self._years[year_of(transfer.time_ms)][""].transfers += usd

    def years(self) -> Iterator[tuple[int, dict[str, Sums]]]:
        """Each year with its coins; a coin that only held something is there, too. Transfers are under no coin."""
        held = dict(self._before)
        for year in sorted(self._years):
            found: dict[str, Sums] = {}
            for coin in sorted({*self._years[year], *(c for c, h in held.items() if h.lots)}):
                sums = self._years[year].get(coin, Sums())
                if (year, coin) not in self._opened:
                    carried = held.get(coin, Held())
                    sums = replace(sums, opening=carried, closing=carried)
                found[coin], held[coin] = sums, sums.closing
            yield year, found

    def cash(self) -> Iterator[tuple[str, Decimal, Decimal, CashMark]]:
        """Of each dex whose cash was noted once: what it held at the beginning and the end of the period, by the rows."""
        for dex, mark in self._marks.items():
            flow = self._flows[dex]
            yield (
                dex,
                mark.raw_usd + flow.before - flow.noted,
                mark.raw_usd + flow.until - flow.noted,
                mark,
            )

    def _flow(self, dex: str, time_ms: int, usd: Decimal) -> None:
        flow, mark = self._flows[dex], self._marks.get(dex)
        flow.before += usd if time_ms < self._period.from_ms else 0
        flow.until += usd if time_ms < self._period.until_ms else 0
        flow.noted += usd if mark is not None and time_ms <= mark.time_ms else 0


def _dex_of(coin: str) -> str:
    return coin.rpartition(":")[0]
