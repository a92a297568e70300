"""Stop: the end of a run in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.clock import Instant
from core.domain.effects import AskAccount, AskFunding, AskOpenOrders, AskTransfers, Backfill, Effect, notify
from core.domain.events import AccountObserved, BackfillDone, Event, RequestFailed, Tick
from core.domain.orders import OrderState, Purpose
from core.engine.coin import Coin
from core.engine.left_armed import LeftArmed
from core.engine.procedures import PROOF_EVERY_MS, READ_AGAIN_MS, ProcedureBase, shows_none_of_ours
from core.engine.protection import is_settled
from core.engine.ways_out import remains

SETTLE_MS = 15_000
READ_MS = 10_000
WEIGHT_MOST_MS = 30_000
"""How much longer it takes at most while the host has no request weight left for its reads: a minute brings all of it back."""


class Phase(StrEnum):
    CANCEL = "cancel"
    READ = "read"
    PAUSE = "pause"
    SWITCH = "switch"
    """All agrees; the exchange's dead man's switch is being taken back."""


@dataclass(slots=True)
class Stop(ProcedureBase):
    """No new orders, cancel ours until the exchange lists none, read the last fills, compare the position.

    ``done`` lets the process end; it latches no halt. One that ``keeps`` cancels nothing of the grid: it waits until what is
    under way is known to rest, or not, and has a row: a start goes on with it as after a kill.
    """

    keeps: bool = False
    phase: Phase = Phase.CANCEL
    phase_mono_ms: int = 0
    asked_mono_ms: int = -PROOF_EVERY_MS
    reads: int = 0
    hurried_by: str = ""
    """Who wants it to end at once, whatever the exchange still owes; empty if nobody does."""
    ticket: str = ""
    fills_read: bool = False
    weight_ms: int = 0
    """How long it would wait for weight now."""
    waited_ms: int = 0
    switch: LeftArmed | None = None
    """How the exchange's dead man's switch would be left now, or was at the end; ``None``: off. The desk sets it."""
    left_armed: str = ""
    """What it leaves armed, in a sentence; empty if that is nothing."""
    _ticked_mono_ms: int = 0

    @property
    def sentence(self) -> str:
        """How it ended."""
        return f"{self.text}; {self.left_armed}" if self.left_armed else self.text

    @property
    def is_clean(self) -> bool:
        """It has ended, and left nothing that isn't known."""
        return not (self.failed or self.left_armed)

    def elapsed_ms(self, now: Instant) -> int:
        """Without what it has waited for weight, for which nobody is to blame who is waited for."""
        return now.mono_ms - self.started_mono_ms - min(self.waited_ms, WEIGHT_MOST_MS)

    def _heed_weight(self, event: Tick, now: Instant) -> None:
        if self.weight_ms and self._ticked_mono_ms:
            self.waited_ms += now.mono_ms - self._ticked_mono_ms
        self._ticked_mono_ms, self.weight_ms = now.mono_ms, event.weight.proof_wait_ms

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        if self.done:
            return []  # how it ended is said, whatever else comes in the same turn
        if isinstance(event, Tick):
            self._heed_weight(event, now)
        out = self._advance(coins, event, now)
        if self.done and self.switch is not None:
            self.left_armed = self.switch.sentence(coins)
        if self.weight_ms and not self.done:
            doing = self.text.partition("; waiting for request weight")[0]
            self.text = f"{doing}; waiting for request weight: {-(-self.weight_ms // 1000)} s"
        return out

    def _advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        if self.hurried_by:
            left = "; ".join(remains(coin) for coin in coins)
            return self.end(
                f"stopped at once ({self.hurried_by}), without the exchange's last word; as far as is known: {left}",
                failed=True,
            )
        if self.phase is Phase.SWITCH:
            return self._end(coins)
        if self.elapsed_ms(now) > SETTLE_MS + READ_MS:
            return self.end("stopped without a last answer from the exchange", failed=True)
        match self.phase:
            case Phase.CANCEL:
                return self._cancelling(coins, event, now)
            case Phase.PAUSE if now.mono_ms - self.phase_mono_ms >= READ_AGAIN_MS:
                return self._read(now)
            case Phase.READ:
                return self._comparing(coins, event, now)
            case _:
                return []

    def _cancelling(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        live = [o for coin in coins for o in coin.orders.live() if o.purpose is not Purpose.STOP]
        kept = self._kept(coins)
        live = [o for o in live if o.cloid not in kept]
        self.text = f"settling {len(live)} orders" if self.keeps else f"cancelling {len(live)} orders"
        if (
            not live
            and all(is_settled(coin) for coin in coins)
            and shows_none_of_ours(event, self.command.id, coins, kept)
        ):
            return self._read(now)
        if self.elapsed_ms(now) >= SETTLE_MS:
            self.failed = True
            return self._read(now)
        if live or now.mono_ms - self.asked_mono_ms < PROOF_EVERY_MS:
            return []
        if self.weight_ms and self.asked_mono_ms >= self.started_mono_ms:
            return []  # the one that was asked for waits, and more of them would take what comes back
        self.asked_mono_ms = now.mono_ms
        return [AskOpenOrders(self.command.id)]

    def _read(self, now: Instant) -> list[Effect]:
        """The fills first, then the position: what the position shows must be in the fills. Beside them, and waited for by
        nobody, what was paid since the last look: an export of the journal shows it.
        """
        self.reads += 1
        self.phase, self.phase_mono_ms, self.fills_read = Phase.READ, now.mono_ms, False
        self.ticket = f"{self.command.id}:{self.reads}"
        self.text = "comparing with the exchange"
        paid: list[Effect] = [AskFunding(), AskTransfers()] if self.reads == 1 else []
        return [Backfill(ticket=self.ticket), *paid]

    def _comparing(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        match event:
            case BackfillDone(ticket=t, error="") if t == self.ticket:
                self.fills_read = True
                return [AskAccount(self.ticket)]
            case AccountObserved(ticket=t) if t == self.ticket and self.fills_read:
                if self._agrees(coins, event):
                    return self._end(coins)
            case BackfillDone(ticket=t) | RequestFailed(ticket=t) if t == self.ticket:
                pass
            case _:
                return []
        self.phase, self.phase_mono_ms = Phase.PAUSE, now.mono_ms
        return []

    def _kept(self, coins: list[Coin]) -> set[str]:
        """The cloids of what rests of the grid and stays."""
        if not self.keeps:
            return set()
        grid = (o for coin in coins for o in coin.live_grid_orders())
        return {o.cloid for o in grid if o.state is OrderState.OPEN}

    def _end(self, coins: list[Coin]) -> list[Effect]:
        if self.switch is not None and self.switch.is_awaited:
            self.phase, self.text = Phase.SWITCH, "taking the exchange's dead man's switch back"
            return []
        if not self.keeps:
            return self.end("stopped", failed=self.failed)
        orders = len(self._kept(coins))
        self.end(
            f"stopped; {orders} orders of the grid stay at the exchange, where nobody looks after them until the next start "
            "goes on with them",
            failed=self.failed,
        )
        return [notify("orders_kept", "warn", "", orders=orders)]

    @staticmethod
    def _agrees(coins: list[Coin], seen: AccountObserved) -> bool:
        positions = dict(seen.positions)
        return all(positions.get(coin.name, 0) == coin.ledger.lots for coin in coins)
