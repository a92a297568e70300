"""The search for fills that are missing: soon at first, then ever less often, and one read for all coins that look for one.

While the exchange's position is not the ledger's, fills are read from where both last agreed: a read that a lagging node has
answered proves nothing, however often the reads that go on from it find nothing new.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.effects import AskLedgerUpdates, Backfill, Effect
from core.domain.events import AccountObserved, BackfillDone
from core.engine.coin import Coin
from core.engine.freshness import Proof
from core.engine.tickets import AWAITING_FILLS, drift_ticket

OVERLAP_MS = 120_000
"""How far before the last look that agreed a read begins. Such a look may show what the chain had passed half a minute before,
and the exchange's index of fills lags behind its positions.
"""

WAITING_LEAST_MS, WAITING_MOST_MS = 2_000, 20_000
"""Between two reads for orders that have ended and whose fills don't add up."""

DRIFT_LEAST_MS, DRIFT_MOST_MS = 5_000, 60_000

UPDATES_EVERY_MS = 60_000
"""What moved on the account without a fill is asked for no more often while the drift changes."""

ROW_MS = 50
"""A read of so many rows is waited after for as long, each: one weight a second, as 20 rows weigh one."""


def proven_ms(coins: Collection[Coin]) -> int:
    """Up to when (venue time) no fill can be missing: ledger and exchange held the same of every coin. 0: nothing is proven."""
    return min((coin.ledger.drift.agreed_ms for coin in coins), default=0)


def unproven_since_ms(coins: Collection[Coin]) -> int:
    """Where a read of fills begins that is to find every missing one (venue time)."""
    return max(0, proven_ms(coins) - OVERLAP_MS)


@dataclass(slots=True)
class SearchPace:
    """When the next read may go. The wait after one is a third of what the search has lasted, between ``least_ms`` and
    ``most_ms``, and longer if the read was long.
    """

    least_ms: int
    most_ms: int
    _began_mono_ms: int = 0
    _asked_mono_ms: int = 0
    _due_mono_ms: int = 0

    def is_due(self, now: Instant) -> bool:
        return now.mono_ms >= self._due_mono_ms

    def asked(self, now: Instant) -> None:
        if not self._began_mono_ms or now.mono_ms - self._asked_mono_ms > 2 * self.most_ms:
            self._began_mono_ms = now.mono_ms  # nobody has searched for a while
        self._asked_mono_ms, self._due_mono_ms = now.mono_ms, now.mono_ms + self.least_ms

    def answered(self, rows: int, now: Instant) -> None:
        lasts_ms = now.mono_ms - self._began_mono_ms
        wait_ms = min(max(self.least_ms, lasts_ms // 3), self.most_ms)
        self._due_mono_ms = now.mono_ms + max(wait_ms, ROW_MS * rows)

    def anew(self) -> None:
        """Something was found, or there is nothing left to look for."""
        self._began_mono_ms = self._due_mono_ms = 0


@dataclass(slots=True)
class FillSearch:
    """Of the account: a read of fills is of all its coins."""

    waiting: SearchPace = field(default_factory=lambda: SearchPace(WAITING_LEAST_MS, WAITING_MOST_MS))
    drift: SearchPace = field(default_factory=lambda: SearchPace(DRIFT_LEAST_MS, DRIFT_MOST_MS))
    _asked_mono_ms: int = 0
    """When the newest read for a drift was asked for."""
    _since_ms: int = 0
    _under_way: bool = False
    _read_whole: set[str] = field(default_factory=set)
    """Coins for whose present drift all fills there are have been read."""
    _updates_mono_ms: int = 0
    _proof: Proof = field(default_factory=Proof)
    _proven: tuple[int, int] = (0, 0)
    """Of the read that is proven next: where it began (venue time), and when it was asked for."""

    def paced(self, questions: list[Effect], now: Instant) -> list[Effect]:
        """What coins ask, with no more than one read for orders that wait for fills, and that one only when it is due."""
        wanted = Backfill(ticket=AWAITING_FILLS)
        rest = [question for question in questions if question != wanted]
        if len(rest) == len(questions) or not self.waiting.is_due(now):
            return rest
        self.waiting.asked(now)
        return [*rest, wanted]

    def questions(self, coins: Collection[Coin], now: Instant) -> list[Effect]:
        """What to read while positions differ: at once when that is new, and then again and again."""
        suspects = [coin for coin in coins if coin.ledger.drift.suspected_mono_ms]
        declared = {coin.name for coin in suspects if coin.ledger.drift.declared}
        if not suspects:
            self._read_whole.clear()
            self._proof.lost()
            if not self._under_way:
                self.drift.anew()
            return []
        self._read_whole &= declared
        is_new = max(coin.ledger.drift.suspected_mono_ms for coin in suspects) > self._asked_mono_ms
        whole = declared - self._read_whole
        if self._under_way or not (is_new or whole or self.drift.is_due(now)):
            return []
        self._read_whole |= declared
        self._since_ms = 0 if whole else unproven_since_ms(suspects)
        self._asked_mono_ms, self._under_way = now.mono_ms, True
        self.drift.asked(now)
        return [Backfill(self._since_ms, drift_ticket(now.mono_ms)), *self._updates(declared, suspects, now)]

    def _updates(self, declared: set[str], suspects: list[Coin], now: Instant) -> list[Effect]:
        is_due = not self._updates_mono_ms or now.mono_ms - self._updates_mono_ms >= UPDATES_EVERY_MS
        if not (declared and is_due):
            return []
        self._updates_mono_ms = now.mono_ms
        return [AskLedgerUpdates(unproven_since_ms(suspects))]

    def on_read(self, event: BackfillDone, coins: Collection[Coin], now: Instant) -> None:
        """A read of fills has ended, whoever asked for it."""
        if event.ticket == AWAITING_FILLS:
            self.waiting.answered(event.seen, now)
            if event.new:
                self.waiting.anew()
        if not self._under_way or event.ticket != drift_ticket(self._asked_mono_ms):
            return
        self._under_way = False
        self.drift.answered(event.seen if self._since_ms else 0, now)
        if event.error:
            return
        if (
            self._proof.cleared is None
        ):  # else a look that was asked for after the read before this one is on its way
            self._proof.clear(now)
            self._proven = self._since_ms, self._asked_mono_ms
        for coin in _looked_for(coins, self._asked_mono_ms):
            coin.ledger.watch.fills_were_read()

    def on_account(self, event: AccountObserved, coins: Collection[Coin]) -> None:
        """Before the positions are compared: whether a node that doesn't lag answers after the fills were read."""
        proof = self._proof
        if proof.cleared is None or not proof.is_followed_by(event) or proof.lag_text(event):
            return
        since_ms, asked_mono_ms = self._proven
        for coin in _looked_for(coins, asked_mono_ms):
            coin.evidence.read_since_ms, coin.evidence.read_ms = since_ms, proof.cleared.venue_ms
        proof.look_again()


def _looked_for(coins: Collection[Coin], asked_mono_ms: int) -> list[Coin]:
    """Those whose positions differed already when the read was asked for."""
    return [c for c in coins if 0 < c.ledger.drift.suspected_mono_ms <= asked_mono_ms]
