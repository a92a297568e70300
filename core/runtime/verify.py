"""``gridbot verify``: the exactly-once certificate of a journal, from the journal alone."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

import orjson

from core.domain.fills import Adjustment, Fill, FillKey
from core.domain.instrument import Instrument
from core.domain.orders import OrderState
from core.domain.units import InexactNumberError, decimal_text, micro_to_usd
from core.engine.certificate import Check, CoinProof, Entry, fill_name
from core.engine.fill_guarantor import Places, by_stamps
from core.engine.fold import Fold
from core.engine.money_proof import prove_money
from core.engine.order_manager import SETTLED_SHORT
from core.exchange.wire import WireError, decode_fill
from core.journal.certificate import Evidence, FillRow, read_evidence
from core.runtime.opening import decimals_key

SAMPLES = 100
"""Fills whose raw text says how many decimals the sizes of a coin have."""

OVERDUE_MS = 60_000
"""An order in doubt that expired longer ago than this is unsettled, if nobody is there to settle it."""


@dataclass(slots=True)
class Certificate:
    """What was found: every check of every coin, and each coin's numbers."""

    state_dir: str
    network: str = ""
    account: str = ""
    coins: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return all(check.ok for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """The object of ``--json``."""
        return {
            "verified": self.verified,
            "state_dir": self.state_dir,
            "network": self.network,
            "account": self.account,
            "coins": self.coins,
            "checks": [
                {
                    "coin": check.coin,
                    "name": check.name,
                    "ok": check.ok,
                    "failures": check.failures,
                    "text": check.text,
                    "rows": check.rows,
                }
                for check in self.checks
            ],
        }

    def as_text(self) -> str:
        """One line a check, the first offending rows below it, the verdict last."""
        lines = [f"{self.state_dir}: {self.network} {self.account}"]
        for check in self.checks:
            name = f"{check.coin} {check.name}" if check.coin else check.name
            lines.append(f"{'✔ ok  ' if check.ok else '✘ FAIL'} {name}: {check.text}")
            lines += [f"         {row}" for row in check.rows]
            if check.failures > len(check.rows):
                lines.append(f"         and {check.failures - len(check.rows):,} more")
        return "\n".join([*lines, self.verdict()])

    def verdict(self) -> str:
        fills = sum(coin["fills"] for coin in self.coins.values())
        if self.verified:
            coins = "1 coin" if len(self.coins) == 1 else f"{len(self.coins)} coins"
            return f"VERIFIED: {fills:,} fills of {coins}, each counted exactly once"
        failed = [check for check in self.checks if not check.ok]
        first = failed[0]
        name = f"{first.coin} {first.name}".strip()
        return f"NOT VERIFIED: {len(failed)} of {len(self.checks)} checks failed, the first is {name}: {first.rows[0]}"


def verify_journal(path: Path, is_running: bool, now_ms: int) -> Certificate:
    """Check everything that the journal can prove by itself. ``now_ms`` is UTC milliseconds.

    Raises:
        StorageError: it can't be read.
    """
    with read_evidence(path) as evidence:
        found = Certificate(str(path.parent), evidence.meta.get("network", ""), evidence.account)
        whole = Check("file", "", "SQLite's integrity check, unique keys included")
        if damage := evidence.damage():
            whole.fail(damage)
        found.checks.append(whole)
        for coin in evidence.coins():
            _verify_coin(evidence, coin, found, 0 if is_running else now_ms - OVERDUE_MS)
        return found


def _verify_coin(evidence: Evidence, coin: str, found: Certificate, overdue_ms: int) -> None:
    instrument, anchor = guess_instrument(evidence, coin), evidence.anchor(coin)
    start = Fold(lots=anchor.lots, cost=anchor.cost) if anchor is not None else Fold()
    start_ms, checkpoint = anchor.time_ms if anchor else 0, evidence.checkpoint(coin)
    proof = CoinProof(instrument, start, start_ms, checkpoint)
    rows = RowChecks(coin, evidence.account, instrument)
    _fold(proof, rows.passed(evidence.fills(coin)), evidence.adjustments(coin))
    if proof.chain.failures:
        places = Places(start_ms, start.lots)
        places.take_all([*evidence.adjustments(coin), *evidence.fills_as_they_arrived(coin)])
        at_odds = places.at_odds(by_stamps(_stamped(evidence, coin), start.lots))
        for after in (places.after, at_odds):
            placed = CoinProof(instrument, start, start_ms, checkpoint)
            _fold_placed(placed, evidence, after)
            if placed.chain.failures < proof.chain.failures:
                proof = placed
                proof.chain.text += f"; {len(after):,} stand where they came, as their stamps can't be right"
    if anchor is None and proof.fills:
        proof.chain.fail("there are fills, but no anchor that says where they start from")
    if others := evidence.of_other_accounts(coin):
        rows.keys.fail(f"{others:,} fills belong to another account than {evidence.account}")
    rows.finish(proof.fills)
    orders = _check_orders(evidence, coin, overdue_ms, rows.ties)
    stored = _check_position(evidence, coin, proof)
    counters = _check_counters(evidence, coin, rows.counts)
    adjusted = sum(adjustment.cash_micro for adjustment in evidence.adjustments(coin))
    pnl, money = prove_money(
        proof, evidence.money(coin), evidence.cells(coin), adjusted, evidence.funding(coin)
    )
    found.checks += [rows.keys, rows.raw, proof.chain, stored, counters, proof.checkpoint, proof.pnl, money]
    found.checks.append(orders)
    found.coins[coin] = {
        "fills": proof.fills,
        "external": rows.counts["external"],
        "adjustments": proof.adjustments,
        "anchor": None if anchor is None else instrument.size_text(anchor.lots),
        "position": instrument.size_text(proof.fold.lots),
        "realized_pnl": decimal_text(micro_to_usd(proof.realized)),
        "exchange_pnl": decimal_text(proof.fold.realized),
        "fees": decimal_text(proof.fold.fees),
        "funding": decimal_text(pnl.funding),
        "matched_pnl": decimal_text(pnl.matched),
        "inventory_pnl": decimal_text(pnl.inventory),
        "total_pnl": decimal_text(pnl.total),
        "holding_pnl": decimal_text(pnl.holding),
        "pnl_residual": decimal_text(proof.compared.residual.scaleb(-6)),
        "pnl_bound": decimal_text(micro_to_usd(proof.compared.bound)),
        "orders": evidence.orders(coin),
        "unsettled": evidence.unsettled(coin, overdue_ms),
    }


def _fold(
    proof: CoinProof,
    fills: Iterable[Fill],
    adjustments: Iterable[Adjustment],
    moved: Iterable[tuple[int, int, Fill]] = (),
) -> None:
    """Everything in its place: ``moved`` are fills with the time after which each stands, and its number among them."""
    entries: Iterable[Entry] = heapq.merge(fills, adjustments, key=attrgetter("time_ms"))
    stamped = ((entry.time_ms, 0, entry) for entry in entries)
    for at_ms, group in groupby(heapq.merge(stamped, moved, key=itemgetter(0, 1)), key=itemgetter(0)):
        for _, same_place in groupby(group, key=itemgetter(1)):
            proof.take([entry for _, _, entry in same_place], at_ms)
    proof.finish()


def _stamped(evidence: Evidence, coin: str) -> Iterator[Entry]:
    fills = (row.fill for row in evidence.fills(coin))
    return heapq.merge(fills, evidence.adjustments(coin), key=attrgetter("time_ms"))


def _fold_placed(proof: CoinProof, evidence: Evidence, after: Mapping[FillKey, tuple[int, int]]) -> None:
    """Fills in ``after`` where they came; see ``Places``."""
    coin = proof.instrument.coin
    moved = [(*after[row.fill.key], row.fill) for row in evidence.fills(coin) if row.fill.key in after]
    stamped = (row.fill for row in evidence.fills(coin) if row.fill.key not in after)
    _fold(proof, stamped, evidence.adjustments(coin), sorted(moved, key=itemgetter(0, 1)))


def guess_instrument(evidence: Evidence, coin: str) -> Instrument:
    """The coin's decimals: those by which the first fills' raw text gives their columns; without a fill, those that the start
    has noted.
    """
    votes: Counter[int] = Counter()
    for raw, price, lots in evidence.samples(coin, SAMPLES):
        for decimals in range(7):
            tried = Instrument(coin, 0, decimals, 1)
            try:
                row = orjson.loads(raw)
                if (tried.parse_price(row["px"]), tried.parse_size(row["sz"])) == (price, lots):
                    votes[decimals] += 1
            except (InexactNumberError, ValueError, KeyError, TypeError):
                continue
    noted = evidence.meta.get(decimals_key(coin), "")
    return Instrument(
        coin, 0, votes.most_common(1)[0][0] if votes else int(noted) if noted.isdecimal() else 0, 1
    )


class RowChecks:
    """Checks of each row by itself, as the rows pass by."""

    def __init__(self, coin: str, account: str, instrument: Instrument) -> None:
        self.keys, self.raw, self.ties = Check("keys", coin), Check("raw", coin), Check("orders", coin)
        self.counts: Counter[str] = Counter()
        self._instruments = {coin: instrument}
        self._account = account
        self._last: FillKey | None = None

    def passed(self, rows: Iterable[FillRow]) -> Iterator[Fill]:
        for row in rows:
            self._check_key(row)
            self._check_raw(row)
            self._check_tie(row)
            self._count(row)
            yield row.fill

    def finish(self, fills: int) -> None:
        self.keys.text = f"{fills:,} fills, no two of the same key"
        self.raw.text = f"{fills:,} rows as the exchange sent them"

    def _check_key(self, row: FillRow) -> None:
        key = row.fill.key
        if row.discriminator != key.discriminator:
            self.keys.fail(f"{_name(row)}: its key is not that of its content")
        if key == self._last:
            self.keys.fail(f"{_name(row)} is there twice")
        self._last = key

    def _check_raw(self, row: FillRow) -> None:
        fill = row.fill
        try:
            told = decode_fill(orjson.loads(fill.raw), self._account, fill.source, self._instruments)
        except (WireError, ValueError) as error:
            self.raw.fail(f"{_name(row)}: what the exchange sent doesn't decode ({error})")
            return
        if told is None:
            self.raw.fail(f"{_name(row)}: what the exchange sent is of another coin")
        elif _content(told) != _content(fill):
            differing = [name for name in _COMPARED if getattr(told, name) != getattr(fill, name)]
            words = (f"{name} {getattr(fill, name)}, sent was {getattr(told, name)}" for name in differing)
            self.raw.fail(f"{_name(row)}: {'; '.join(words)}")

    def _check_tie(self, row: FillRow) -> None:
        fill, is_ours = row.fill, row.order_coin is not None
        if row.external and is_ours:
            self.ties.fail(f"{_name(row)} is marked external, but order {fill.cloid} is ours")
        elif not row.external and not is_ours and not row.known_by_oid:
            self.ties.fail(f"{_name(row)} has no order, and isn't marked external")
        if is_ours and (row.order_coin, row.order_side) != (fill.coin, fill.side.value):
            self.ties.fail(
                f"{_name(row)}: a {fill.side} of {fill.coin}, but its order is a {row.order_side} of {row.order_coin}"
            )

    def _count(self, row: FillRow) -> None:
        fill, counts = row.fill, self.counts
        counts["fills"] += 1
        counts["buys"] += fill.side.sign > 0
        counts["external"] += row.external
        counts["ws"] += fill.source.counts_as_ws
        counts["maker"] += not fill.crossed


_COMPARED = (
    *("account", "coin", "time_ms", "trade_id", "order_id", "cloid", "side", "price", "lots", "start_lots"),
    *("closed_pnl", "fee", "fee_token", "crossed", "direction", "hash"),
)
_content = attrgetter(*_COMPARED)


def _name(row: FillRow) -> str:
    return f"row {row.id}, {fill_name(row.fill)}"


def _check_position(evidence: Evidence, coin: str, proof: CoinProof) -> Check:
    check, stored, size = Check("position", coin), evidence.position(coin), proof.instrument.size_text
    check.text = f"the fold is {size(proof.fold.lots)}"
    if stored is None:
        check.text += "; what the ledger held is not stored yet"
        if proof.fills or proof.adjustments:
            check.fail("what the ledger held is gone, though it is stored with the first fill")
        return check
    later, ever = proof.fills - stored.fills, evidence.adjustments_ever(coin)
    check.text += f", the ledger held {size(stored.lots)} after {stored.fills:,} fills"
    if later < 0 or ever < stored.adjustments:
        check.fail(
            f"the ledger had counted {stored.fills:,} fills and {stored.adjustments:,} adjustments, but {proof.fills:,} and "
            f"{ever:,} are there"
        )
        return check
    then = proof.fold.lots - evidence.moved_since(coin, stored, later)
    if then != stored.lots:
        check.fail(f"the fold of the same fills is {size(then)}, the ledger held {size(stored.lots)}")
    return check


def _check_counters(evidence: Evidence, coin: str, counted: Counter[str]) -> Check:
    check, stored = Check("counters", coin), evidence.counters(coin)
    names = ("fills", "buys", "external", "ws", "maker")
    check.text = ", ".join(f"{name} {counted[name]:,}" for name in names)
    for name in names:
        if stored.get(name, 0) != counted[name]:
            check.fail(f"{name}: {stored.get(name, 0):,} are stored, {counted[name]:,} counted")
    return check


def _check_orders(evidence: Evidence, coin: str, overdue_ms: int, check: Check) -> Check:
    short = 0
    for order in evidence.orders_that_do_not_add_up(coin):
        name, filled = f"order {order.cloid} ({order.state})", f"its fills add up to {order.filled} lots"
        if order.filled > order.lots:
            check.fail(f"{name}: {filled}, more than the {order.lots} ordered")
        elif order.state is OrderState.FILLED:
            check.fail(f"{name}: {filled} of {order.lots}")
        elif order.state in (OrderState.REJECTED, OrderState.NEVER_PLACED):
            check.fail(f"{name}: {filled}")
        elif order.reason == SETTLED_SHORT and order.filled < (order.final_filled or 0):
            short += 1
        else:
            check.fail(f"{name}: {filled}, the exchange said {order.final_filled}")
    check.text = f"{evidence.orders(coin):,} orders, every fill tied to one or external"
    if short:
        check.text += f", {short:,} ended with fewer fills than their status said"
    if unsettled := evidence.unsettled(coin, overdue_ms):
        check.text += f", unsettled: {unsettled:,} (the next start settles them)"
    return check
