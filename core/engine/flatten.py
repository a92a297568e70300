"""Flatten: the way out of one coin's position, proven by the exchange."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.effects import AskAccount, AskOpenOrders, Backfill, Effect, Place
from core.domain.events import (
    AccountObserved,
    Event,
    OpenOrdersObserved,
    PlaceOutcome,
    Refused,
    RequestFailed,
)
from core.domain.orders import Order, OrderState, Purpose, Side, Tif
from core.engine.coin import Coin
from core.engine.intents import new_order
from core.engine.procedures import (
    READ_AGAIN_MS,
    ProcedureBase,
    position_text,
)

ATTEMPTS = 20
LIMIT_MS = 60_000
UNKNOWN_WAIT_MS = 2_000
UPGRADE_WAIT_MS = 2_000
PROOF_LIMIT_MS = 10_000
"""How long an answer that would prove it flat is waited for."""


@dataclass(slots=True)
class Flatten(ProcedureBase):
    """Halt, cancel, re-read the position, close it reduce-only, prove it flat. The coin stays halted."""

    phase: str = "cancel"
    phase_mono_ms: int = 0
    attempts: int = 0
    closing: str = ""
    flat_at_version: int = 0
    """The ledger's version when the exchange showed a position of 0."""

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        (coin,) = coins
        if self.elapsed_ms(now) > LIMIT_MS:
            why = f" ({self.text})" if self.phase == "wait" else ""
            return self.end(f"not flat after 60 s: {self._left(coin)}{why}; flatten again", failed=True)
        if isinstance(event, PlaceOutcome) and _waits_for_upgrade(event, self.closing):
            self.attempts -= 1
            self.text = "the exchange takes only post-only orders after an upgrade; trying again every 2 s"
            return self._enter("wait", [], now)
        match self.phase:
            case "cancel":
                live = coin.live_grid_orders()
                self.text = f"cancelling {len(live)} orders"
                if live and not self._only_doubts_left(live, now):
                    return []
                return self._enter("read", [AskAccount(self.command.id)], now)
            case "read":
                return self._read(coin, event, now)
            case "close":
                return self._closing(coin, now)
            case "wait" if now.mono_ms - self.phase_mono_ms >= UPGRADE_WAIT_MS:
                return self._enter("read", [AskAccount(self.command.id)], now)
            case "pause" if now.mono_ms - self.phase_mono_ms >= READ_AGAIN_MS:
                return self._enter("read", [AskAccount(self.command.id)], now)
            case "verify":
                return self._verify(coin, event, now)
            case _:
                return []

    def _enter(self, phase: str, effects: list[Effect], now: Instant) -> list[Effect]:
        self.phase, self.phase_mono_ms = phase, now.mono_ms
        return effects

    def _only_doubts_left(self, live: list[Order], now: Instant) -> bool:
        """Getting out does not wait for the fate of an order in doubt, nor for fills of one that ended; proving flat does."""
        waited = now.mono_ms - max(self.phase_mono_ms, self.started_mono_ms) >= UNKNOWN_WAIT_MS
        return waited and all(order.state is not OrderState.OPEN for order in live)

    def _read(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        if isinstance(event, RequestFailed) and event.ticket == self.command.id:
            self.text = f"the position could not be read ({event.reason}); trying again"
            return self._enter("pause", [], now)
        if not isinstance(event, AccountObserved) or event.ticket != self.command.id:
            return []
        lots = dict(event.positions).get(coin.name, 0)
        if lots == 0 and coin.ledger.lots:
            self.text = f"the exchange shows 0, the fills say {position_text(coin)}; looking again"
            return self._enter("pause", [Backfill(ticket=self.command.id)], now)
        if lots == 0:
            self.flat_at_version = coin.ledger.version
            return self._enter(
                "verify", [Backfill(ticket=self.command.id), AskOpenOrders(self.command.id)], now
            )
        if self.attempts >= ATTEMPTS:
            return self.end(
                f"not flat after {self.attempts} attempts: {self._left(coin)}; flatten again", failed=True
            )
        quote = coin.quote
        touch = quote and (quote.bid if lots > 0 else quote.ask)
        if not touch:
            self.text = "waiting for a quote to close against"
            return self._enter("pause", [], now)
        self.attempts += 1
        order = self._close_order(coin, lots, touch, now)
        self.text = (
            f"closing {coin.config.instrument.size_text(abs(lots))} {coin.name}, attempt {self.attempts}"
        )
        return self._enter("close", [order], now)

    def _close_order(self, coin: Coin, lots: int, touch: int, now: Instant) -> Place:
        instrument, slip = coin.config.instrument, touch * coin.config.slippage_ppb // 10**9
        if lots > 0:
            side, price = Side.SELL, instrument.round_price_up(touch - slip)
        else:
            side, price = Side.BUY, instrument.round_price_down(touch + slip)
        order = new_order(coin, side, price, abs(lots), Tif.IOC, Purpose.FLATTEN, now)
        self.closing = order.cloid
        return Place((order,))

    def _closing(self, coin: Coin, now: Instant) -> list[Effect]:
        order = coin.orders.by_cloid.get(self.closing)
        if order is not None and order.state.is_live and order.state is not OrderState.AWAITING_FILLS:
            return []
        if order is not None and order.state is OrderState.REJECTED:
            self.text = f"refused: {order.reason}; trying again"
        return self._enter("pause", [], now)

    def _verify(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        if now.mono_ms - self.phase_mono_ms > PROOF_LIMIT_MS:
            return self._enter("pause", [], now)
        if not isinstance(event, OpenOrdersObserved) or event.ticket != self.command.id:
            return []
        ours = [o for o in event.orders if o.coin == coin.name and parse_cloid(o.cloid)]
        # A stop that still rests goes now that nothing is held, and the proof is looked for again.
        if ours or coin.live_grid_orders() or coin.ledger.lots or coin.ledger.version != self.flat_at_version:
            self.text = "not proven flat yet; looking again"
            return self._enter("pause", [], now)
        foreign = sum(o.coin == coin.name for o in event.orders)
        seconds = now.wall_ms // 1000 % 86_400
        at = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} UTC"
        others = f"; {foreign} orders that are not GridBot's were left alone" if foreign else ""
        return self.end(f"CONFIRMED FLAT at {at}, 0 orders, position 0 {coin.name}{others}")

    @staticmethod
    def _left(coin: Coin) -> str:
        return f"{position_text(coin)}, {len(coin.live_grid_orders())} orders not settled"


def _waits_for_upgrade(event: PlaceOutcome, cloid: str) -> bool:
    """Whether the exchange refused the order for a while, whatever its price."""
    result = dict(event.results).get(cloid)
    return isinstance(result, Refused) and result.cause is Cause.POST_ONLY_MODE
