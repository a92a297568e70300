"""The cash of one dex, followed from a moment at which it was noted: every change of ``totalRawUsd`` has its row.

``change = -(signed notional of fills) - fees + funding + transfers``, to the micro-USDC that the exchange cuts from each field
(standard account mode).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

import orjson

from core.domain.events import AccountObserved
from core.domain.instrument import Instrument
from core.domain.margin import AccountMode, account_mode
from core.domain.orders import Side
from core.domain.transfers import Transfer
from core.domain.units import decimal_text, parse_decimal
from core.engine.certificate import Check, utc_text
from core.engine.fold import QUOTE_TOKEN
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError
from core.journal.batch import Batch, CashMark
from core.journal.certificate import Evidence, read_evidence
from core.journal.reader import Restored
from core.runtime.statedir import StateDir

LOOKS, PAUSE_S = 10, 0.2
MICRO = Decimal("0.000001")
MODE = "account_mode"
"""The journal's word for the mode that the account was in at the latest start."""
UNJUDGED = "not judged: the account is in {} mode, where a dex's own cash isn't all that trades there"


async def note_cash(reads: Reads, restored: Restored, account: str, dex: str, now_ms: int) -> Batch | None:
    """What is to be noted at a start: the mode that ``reads`` knows, and once, where a dex has cash of its own, what it holds:
    from there on every cent of it can be followed. ``None`` if nothing is new. ``now_ms`` is the wall clock's.
    """
    mark, mode = None, reads.mode
    if mode is AccountMode.STANDARD and dex not in restored.cash_marked:
        mark = await quiet_cash(reads, account, dex)
    if mark is None and restored.meta.get(MODE) == mode.value:
        return None
    return Batch(now_ms, meta={MODE: mode.value}, cash_marks=[mark] if mark else [])


async def quiet_cash(reads: Reads, account: str, dex: str, looks: int = 3) -> CashMark | None:
    """What the dex holds, if two looks in a row agree: every row up to the first is in it, and none after.

    ``None`` if it changes too fast, or can't be read: another start will note it.
    """
    try:
        seen = await _quiet(reads, looks)
    except (RestError, WireError):
        return None
    return CashMark(account, dex, seen.venue_ms, seen.raw_usd) if seen is not None else None


async def _quiet(reads: Reads, looks: int) -> AccountObserved | None:
    before = await reads.account()
    for _ in range(looks):
        await asyncio.sleep(PAUSE_S)
        after = await reads.account()
        if after.raw_usd == before.raw_usd and after.venue_ms > before.venue_ms:
            return before
        before = after
    return None


async def compare_cash(reads: Reads, instruments: dict[str, Instrument], state: StateDir, dex: str) -> Check:
    """The identity, on the exchange's own numbers. Raises ``RestError`` and ``WireError``."""
    name = f"online cash of {dex}" if dex else "online cash"
    check = Check(name, "")
    with read_evidence(state.journal) as evidence:
        mark = evidence.cash_mark(dex)
    if mark is None:
        check.text = "what the account held at the beginning was never noted: the next start notes it"
        return check
    said = await reads.abstraction()
    mode = account_mode(said)
    if mode is not AccountMode.STANDARD:
        check.text = UNJUDGED.format(f"the {mode.value}" if mode else said)
        return check
    for _ in range(LOOKS):
        check = Check(name, "")
        seen = await _quiet(reads, LOOKS)
        if seen is None:
            check.text = "the account's cash changes faster than it can be looked at: not judged"
            return check
        funding = [p for p in await reads.all_funding_since(mark.time_ms + 1) if _is_on(p.coin, dex)]
        transfers = [t async for page in reads.transfers_since(mark.time_ms + 1) for t in page]
        flow = Flow(mark, seen)
        flow.take_funding([p.usd for p in funding if p.time_ms <= seen.venue_ms])
        flow.take_transfers([t for t in transfers if t.time_ms <= seen.venue_ms])
        with read_evidence(state.journal) as evidence:
            flow.take_fills(evidence, instruments)
        flow.judge(check)
        if check.ok:
            break
        await asyncio.sleep(PAUSE_S)  # a fill on its way to its row
    return check


def _is_on(coin: str, dex: str) -> bool:
    return (coin.partition(":")[0] if ":" in coin else "") == dex


@dataclass(slots=True)
class Flow:
    """What has moved between a mark and a look at the account, USD. ``fields``: numbers that the exchange may have cut."""

    mark: CashMark
    seen: AccountObserved
    cash: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    transfers: Decimal = Decimal(0)
    fields: int = 2
    unclear: list[str] = field(default_factory=list)
    """Why the identity can't be judged."""

    def take_funding(self, payments: list[Decimal]) -> None:
        self.funding += sum(payments, Decimal(0))
        self.fields += len(payments)

    def take_transfers(self, transfers: list[Transfer]) -> None:
        for transfer in transfers:
            self.transfers += transfer.into(self.mark.dex)
            self.fields += bool(transfer.moves)
            if not transfer.understood:
                self.unclear.append(f"a {transfer.kind} at {utc_text(transfer.time_ms)} is not understood")

    def take_fills(self, evidence: Evidence, instruments: dict[str, Instrument]) -> None:
        """Ours, and those in other coins of the dex."""
        after_ms, until_ms = self.mark.time_ms, self.seen.venue_ms
        for coin in evidence.coins():
            if not _is_on(coin, self.mark.dex):
                continue
            for fill in evidence.fills_between(coin, after_ms, until_ms):
                fee = fill.fee if fill.fee_token == QUOTE_TOKEN else Decimal(0)
                self._take(Decimal(fill.cash_micro).scaleb(-6), fee)
            if any(after_ms < a.time_ms <= until_ms for a in evidence.adjustments(coin)):
                self.unclear.append(f"an adjustment of {coin} stands for fills that nobody has seen")
        for told in evidence.foreign_fills(after_ms, until_ms):
            if told.coin in instruments:
                row = orjson.loads(told.raw)
                notional = parse_decimal(row["px"]) * parse_decimal(row["sz"])
                fee = parse_decimal(row["fee"]) if row["feeToken"] == QUOTE_TOKEN else Decimal(0)
                self._take(-Side.from_wire(row["side"]).sign * notional, fee)

    def _take(self, cash: Decimal, fee: Decimal) -> None:
        self.cash += cash
        self.fees += fee
        self.fields += 1

    def judge(self, check: Check) -> None:
        change = self.seen.raw_usd - self.mark.raw_usd
        residual = change - (self.cash - self.fees + self.funding + self.transfers)
        bound = self.fields * MICRO
        check.text = (
            f"since {utc_text(self.mark.time_ms)} totalRawUsd changed by {decimal_text(change)} = trades "
            f"{decimal_text(self.cash)} - fees {decimal_text(self.fees)} + funding {decimal_text(self.funding)} + transfers "
            f"{decimal_text(self.transfers)}, residual {decimal_text(residual)}, bound {decimal_text(bound)} USDC"
        )
        if self.unclear:
            check.text += f"; not judged, as {self.unclear[0]}"
        elif abs(residual) > bound:
            check.fail(f"{decimal_text(residual)} USDC came or went without a row")
