"""Reconcile: hold fills, orders and position against the exchange as deep as it reaches, and say what doesn't add up.

With ``accept`` what stays unexplained becomes an explicit adjustment in the journal, and a halt for drift is lifted. Nothing is
accepted on one look: two must agree, with all fills read and none new between them. The first look reads as deep as the
exchange reaches, those after it only what may be new since.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.domain.clock import Instant
from core.domain.effects import AskAccount, AskLedgerUpdates, AskOpenOrders, Backfill, Effect, LiftHalt
from core.domain.events import AccountObserved, BackfillDone, Event, RequestFailed
from core.engine.coin import Coin
from core.engine.halts import HaltRule, rule_of
from core.engine.position_watch import accept
from core.engine.procedures import ProcedureBase

LIMIT_MS = 240_000
"""Ten thousand fills take the better part of a minute within the exchange's limits, beside other reads of them twice that."""

PAUSE_MS = 1_000


class Phase(StrEnum):
    READ = "read"
    PAUSE = "pause"


@dataclass(slots=True)
class Reconcile(ProcedureBase):
    """``accept``: take over what no fill explains."""

    accept: bool = False
    phase: Phase = Phase.READ
    phase_mono_ms: int = 0
    reads: int = 0
    looked: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    """By coin: what the last look showed, and the ledger's version then."""

    def start(self, now: Instant) -> list[Effect]:
        return [AskOpenOrders(), AskLedgerUpdates(now.venue_ms - 86_400_000), *self._read(now)]

    def _read(self, now: Instant) -> list[Effect]:
        self.reads += 1
        self.phase, self.phase_mono_ms = Phase.READ, now.mono_ms
        self.text = "reading all fills"
        return [Backfill(since_ms=None if self.looked else 0, ticket=self._ticket)]

    @property
    def _ticket(self) -> str:
        return f"{self.command.id}:{self.reads}"

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        if self.elapsed_ms(now) > LIMIT_MS:
            return self.end(f"not reconciled: {self.text}; try again", failed=True)
        match event:
            case BackfillDone(ticket=t, error="") if t == self._ticket:
                for coin in coins:
                    coin.ledger.watch.fills_were_read()
                self.text = "reading the position"
                return [AskAccount(self._ticket)]
            case BackfillDone(ticket=t, error=reason) | RequestFailed(ticket=t, reason=reason) if (
                t == self._ticket
            ):
                self.text = f"the exchange could not be read ({reason})"
                self.phase, self.phase_mono_ms = Phase.PAUSE, now.mono_ms
                return []
            case AccountObserved(ticket=t) if t == self._ticket:
                return self._looked(coins, now)
        if self.phase is Phase.PAUSE and now.mono_ms - self.phase_mono_ms >= PAUSE_MS:
            return self._read(now)
        return []

    def _looked(self, coins: list[Coin], now: Instant) -> list[Effect]:
        """A look that shows the same as the one before, with no fill between, can be relied on."""
        seen = {c.name: (c.ledger.drift.exchange_lots, c.ledger.version) for c in coins}
        is_settled = seen == self.looked and not any(self._is_in_doubt(coin) for coin in coins)
        self.looked = seen
        if not is_settled:
            self.text = "looking a second time"
            self.phase, self.phase_mono_ms = Phase.PAUSE, now.mono_ms
            return []
        return self._accept(coins, now) if self.accept else self._tell(coins)

    def _is_in_doubt(self, coin: Coin) -> bool:
        """Not known to drift, and yet not where the fills end: the exchange may still show what was before a fill."""
        drift = coin.ledger.drift
        behind = self.accept and drift.exchange_lots not in (coin.ledger.chain_end, coin.ledger.lots)
        return not drift.declared and (behind or bool(drift.suspected_mono_ms))

    def _tell(self, coins: list[Coin]) -> list[Effect]:
        parts = []
        for coin in coins:
            drift, text = coin.ledger.drift, coin.config.instrument.size_text
            if not (drift.declared or coin.ledger.breaks()):
                parts.append(f"{coin.name}: no drift, position {text(coin.ledger.lots)}")
                continue
            parts.append(
                f"{coin.name}: DRIFT {text(drift.lots)} ({drift.pct:.2f} %), ledger {text(coin.ledger.lots)}, exchange "
                f"{text(drift.exchange_lots or 0)}: {coin.drift_explanation or 'the chain of fills is broken'}. "
                "`gridbot reconcile --accept` takes the exchange's position over"
            )
        return self.end("; ".join(parts))

    def _accept(self, coins: list[Coin], now: Instant) -> list[Effect]:
        out: list[Effect] = []
        parts = []
        for coin in coins:
            exchange = coin.ledger.drift.exchange_lots
            assert exchange is not None, "the coin was looked at"
            effects, sentence = accept(coin, exchange, self.command, now)
            out += effects
            parts.append(sentence)
            if rule_of(coin.halted) is HaltRule.DRIFT:
                coin.halted = ""
                out.append(LiftHalt(coin.name, self.command.asked_by))
                parts[-1] += "; the halt for drift is lifted"
        self.end("; ".join(parts))
        return out
