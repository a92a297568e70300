"""One export: everything once through the books in order of time, row by row into the tables, and the summary."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from operator import attrgetter
from pathlib import Path
from typing import Any

from core.domain.fills import Fill
from core.domain.margin import AccountMode
from core.domain.units import decimal_text
from core.engine.certificate import utc_text
from core.journal.certificate import read_evidence
from core.journal.earlier import read_earlier
from core.runtime.cash import MODE, UNJUDGED
from core.runtime.export import tables
from core.runtime.export.files import Table, prepare, write_text
from core.runtime.export.files import tables as open_tables
from core.runtime.export.period import Period
from core.runtime.export.reckoning import Reckoning, Sums
from core.runtime.export.sources import Line, Sources, gather
from core.runtime.statedir import StateDir

WHAT: Mapping[str, dict[str, tuple[str, ...]]] = {
    "fills": {"fills.csv": tables.FILLS},
    "fees": {"fees.csv": tables.FEES},
    "funding": {"funding.csv": tables.FUNDING},
    "transfers": {"transfers.csv": tables.TRANSFERS},
    "gains": {"gains-fifo.csv": tables.GAINS, "gains-average.csv": tables.GAINS},
}
"""The tables by what is asked for."""
SUMMARY_CSV, SUMMARY_TXT = "summary.csv", "summary.txt"


@dataclass(slots=True)
class Exported:
    """What was written: rows by file, the identity's residual (USD, 0), and what the reader must know."""

    output: Path
    files: dict[str, int] = field(default_factory=dict)
    residual: Decimal = Decimal(0)
    notes: list[str] = field(default_factory=list)
    text: str = ""

    @property
    def reconciles(self) -> bool:
        return self.residual == 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": self.reconciles,
            "output": str(self.output),
            "files": self.files,
            "residual_usd": decimal_text(self.residual),
            "notes": self.notes,
        }


def export(
    state: StateDir,
    output: Path,
    period: Period,
    what: Iterable[str],
    *,
    overwrite: bool = False,
    online: Iterable[str] = (),
) -> Exported:
    """Write the tables of a period, as the journal stands at this moment; the bot may run meanwhile.

    ``online``: sentences of the exchange's side, for the summary.

    Raises:
        UsageError: the directory can't be used, or holds such files already.
        StorageError: the journal can't be read, or the files can't be written.
    """
    wanted = {name: heading for each in what for name, heading in WHAT[each].items()}
    prepare(output, [*wanted, SUMMARY_CSV, SUMMARY_TXT], overwrite=overwrite)
    wanted[SUMMARY_CSV] = tables.SUMMARY
    done = Exported(output)
    with read_evidence(state.journal) as evidence:
        sources = gather(evidence, read_earlier(state.earlier, evidence.account))
        reckoning = Reckoning(period, sources.coins, evidence.cash_marks())
        with open_tables({name: (output / name, heading) for name, heading in wanted.items()}) as made:
            _write_fills(sources, reckoning, period, made)
            _write_rest(sources, reckoning, period, made)
            done.notes = _notes(sources, reckoning)
            text = _summarise(reckoning, made[SUMMARY_CSV], done)
        done.files = {name: table.rows for name, table in made.items()}
        head = [
            f"{evidence.meta.get('network', '')} {evidence.account}, {period.text}. Amounts in USD, times in UTC.",
            "",
        ]
        cash = _told(reckoning, evidence.meta.get(MODE, ""))
    told = [*head, *text, *cash, *online, "", *(f"Note: {note}." for note in done.notes)]
    done.text = "\n".join(told).rstrip() + "\n"
    write_text(output / SUMMARY_TXT, done.text)
    done.files[SUMMARY_TXT] = len(told)
    return done


def _write_fills(sources: Sources, reckoning: Reckoning, period: Period, made: dict[str, Table]) -> None:
    others = [fill for fill in sources.others if period.holds(fill.time_ms)]
    merged: Iterator[Any] = heapq.merge(
        others, *(coin.lines for coin in sources.coins), key=attrgetter("time_ms")
    )
    for each in merged:
        if not isinstance(each, Line):
            _add(made, "fills.csv", tables.other_fill_cells(each.row, each.origin))
            continue
        fifo, average = reckoning.take(each)
        if not period.holds(each.time_ms):
            continue
        instrument = reckoning.books[each.entry.coin].instrument
        _add(made, "fills.csv", tables.fill_cells(each, instrument))
        if isinstance(each.entry, Fill) and each.entry.fee:
            _add(made, "fees.csv", tables.fee_cells(each.entry))
        for name, gains in (("gains-fifo.csv", fifo), ("gains-average.csv", average)):
            for gain in gains:
                _add(made, name, tables.gain_cells(gain, each, instrument))


def _write_rest(sources: Sources, reckoning: Reckoning, period: Period, made: dict[str, Table]) -> None:
    for payment, origin in sources.funding:
        reckoning.take_funding(payment)
        if period.holds(payment.time_ms):
            _add(made, "funding.csv", tables.funding_cells(payment, origin))
    for transfer, origin in sources.transfers:
        reckoning.take_transfer(transfer)
        if period.holds(transfer.time_ms):
            for cells in tables.transfer_rows(transfer, origin):
                _add(made, "transfers.csv", cells)


def _add(made: dict[str, Table], name: str, cells: tables.Cells) -> None:
    if name in made:
        made[name].add(cells)


def _notes(sources: Sources, reckoning: Reckoning) -> list[str]:
    notes = list(sources.notes)
    if sources.others:
        notes.append(
            f"{len(sources.others):,} fills of spot or of what can't be read are listed as they came (kind `other`), in no sum"
        )
    if reckoning.not_understood:
        notes.append(
            f"{reckoning.not_understood:,} transfers are not understood; what they moved is in no sum (understood: no)"
        )
    for token, fee in sorted(reckoning.other_fees.items()):
        notes.append(f"fees of {decimal_text(fee)} {token} were paid in that token and are in no sum")
    return notes


def _summarise(reckoning: Reckoning, table: Table, done: Exported) -> list[str]:
    """The rows of each year and of all, and the sentences that say how they add up."""
    lines, by_year = list[str](), list[Sums]()
    for year, coins in reckoning.years():
        total = sum(coins.values(), Sums())
        for coin, sums in coins.items():
            if coin:
                instrument = reckoning.books[coin].instrument if coin in reckoning.books else None
                table.add(tables.summary_cells(str(year), coin, sums, instrument))
        table.add(tables.summary_cells(str(year), "", total, None))
        lines += [f"{year}", *_sentences(total)]
        by_year.append(total)
    whole = reduce(Sums.then, by_year) if by_year else Sums()
    table.add(tables.summary_cells("all", "", whole, None))
    lines += ["All", *_sentences(whole)]
    done.residual = max(whole.residuals, key=abs)
    return lines


def _sentences(sums: Sums) -> list[str]:
    fees, funding, moved = map(decimal_text, (sums.fees, sums.funding, sums.transfers))
    methods = (
        ("first in, first out", sums.fifo, sums.closing.fifo - sums.opening.fifo, sums.residuals[0]),
        ("average cost", sums.average, sums.closing.average - sums.opening.average, sums.residuals[1]),
    )
    lines = [f"  {sums.fills:,} fills; the exchange's own profits {decimal_text(sums.exchange_pnl)}"]
    for name, gains, cost, residual in methods:
        balance = sums.balance_change(gains)
        lines.append(
            f"  {name}: gains {tables.usd_text(gains)} - fees {fees} + funding {funding} + transfers {moved} = "
            f"{decimal_text(balance)}, the change of the balance = change of cash {decimal_text(sums.cash_change)} + change of "
            f"the entry cost of what is held {tables.usd_text(cost)}, residual {decimal_text(residual)}"
        )
    if sums.adjusted:
        lines.append(
            f"  {tables.usd_text(sums.adjusted)} of that cash is of adjustments, which count as trades at their prices: nobody "
            "has seen that money move"
        )
    return lines


def _told(reckoning: Reckoning, mode: str) -> list[str]:
    """The exchange's own word of the cash, carried to the ends of the period by the rows. ``mode``: the account's, empty if it
    was never noted.
    """
    if mode not in ("", AccountMode.STANDARD):
        return [f"Cash: {UNJUDGED.format(f'the {mode}')}"]
    return [
        f"Cash{' of ' + dex if dex else ''}: {decimal_text(opening)} at the beginning, {decimal_text(end)} at the end, by the "
        f"exchange's {decimal_text(mark.raw_usd)} of {utc_text(mark.time_ms)} and the rows before and since"
        for dex, opening, end, mark in reckoning.cash()
    ]
