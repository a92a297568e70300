"""Cancel all: nothing of the account rests afterwards, whoever placed it, but for the stops that protect what is held."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.effects import AskAccount, AskOpenOrders, Effect
from core.domain.events import AccountObserved, Event, OpenOrdersObserved, RequestFailed
from core.engine.coin import Coin
from core.engine.foreign import Sweep, standings
from core.engine.freshness import Proof
from core.engine.procedures import PROOF_EVERY_MS, READ_LIMIT_MS, ProcedureBase
from core.engine.ways_out import open_text

LIMIT_MS = 60_000


@dataclass(slots=True)
class CancelAllPreview(ProcedureBase):
    """Read the list, and say what a cancel of all would take."""

    instance: str = ""

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        ticket = self.command.id
        if isinstance(event, OpenOrdersObserved) and event.ticket == ticket:
            found = [standing.text for standing in standings(coins, event, self.instance)]
            return self.end("\n".join(["this halts, then cancels, coin by coin:", *found]))
        if isinstance(event, RequestFailed) and event.ticket == ticket:
            return self.end(f"the open orders could not be read: {event.reason}; try again", failed=True)
        if self.elapsed_ms(now) > READ_LIMIT_MS:
            return self.end("no answer from the exchange; try again when it is reachable", failed=True)
        return []


@dataclass(slots=True)
class CancelAll(ProcedureBase):
    """After the halt: ours and foreign ones, on every coin, until the exchange lists none, in an answer that is of now."""

    sweep: Sweep = field(default_factory=lambda: Sweep("cancel_all", ""))
    ours: int = 0
    asked_mono_ms: int = -PROOF_EVERY_MS
    why: str = ""
    """What keeps it from the proof."""
    proof: Proof = field(default_factory=Proof)
    """Lists that showed none, and the account's answer after them."""
    stops: int = 0
    """Of ours, in that list."""

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        live = [o for coin in coins for o in coin.live_grid_orders()]
        self.ours = max(self.ours, len(live))
        if isinstance(event, RequestFailed) and event.ticket == self.command.id:
            what = "account" if event.what == "account" else "open orders"
            self.why = f"the {what} could not be read ({event.reason})"
            self.asked_mono_ms = now.mono_ms + event.retry_after_ms
            self.proof.look_again()
        if isinstance(event, OpenOrdersObserved) and event.ticket == self.command.id:
            out += self.sweep.look(coins, event, now, elsewhere=True)
            found = standings(coins, event, self.sweep.instance)
            rest = [each for each in found if each.ours or each.foreign]
            self.stops = sum(each.stops for each in found)
            if rest or live:
                self.proof.lost()
                self.why = "; ".join(each.text for each in rest) or f"{len(live)} cancels not yet confirmed"
            elif self.proof.cleared is None:
                self.proof.clear(now)
                out.append(AskAccount(self.command.id))
        if isinstance(event, AccountObserved) and self._follows_the_list(event):
            self.why = self.proof.lag_text(event)
            if not self.why and not live:
                return [*out, *self._proven(coins)]
            self.proof.look_again()
        if self.elapsed_ms(now) > LIMIT_MS:
            return [
                *out,
                *self.end(f"halted, but not all is cancelled: {self.why}; press O again", failed=True),
            ]
        self.text = (
            f"cancelling {self.ours} of ours{self.sweep.text}; {self.why or 'reading the open orders'}"
        )
        if now.mono_ms - self.asked_mono_ms >= PROOF_EVERY_MS:
            self.asked_mono_ms = now.mono_ms
            out.append(AskOpenOrders(self.command.id))
        return out

    def _follows_the_list(self, seen: AccountObserved) -> bool:
        return seen.ticket == self.command.id and self.proof.is_followed_by(seen)

    def _proven(self, coins: list[Coin]) -> list[Effect]:
        kept = f"; {self.stops} of our stops stay: they protect what is held" if self.stops else ""
        remains = "; ".join(open_text(coin) for coin in coins)
        return self.end(
            f"HALTED, 0 orders left: {self.ours} ours and {len(self.sweep.counted)} foreign cancelled{kept}; {remains}"
        )
