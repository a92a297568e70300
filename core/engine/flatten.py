"""Flatten: the way out of one coin's position, proven by the exchange."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.domain.causes import Cause
from core.domain.clock import Instant
from core.domain.cloid import parse_cloid
from core.domain.depth import Depth
from core.domain.effects import AskAccount, AskDepth, AskOpenOrders, Backfill, Effect, Place
from core.domain.events import (
    AccountObserved,
    DepthObserved,
    Event,
    OpenOrdersObserved,
    PlaceOutcome,
    Refused,
    RequestFailed,
)
from core.domain.orders import Order, OrderState, Purpose, Tif
from core.domain.sessions import clock_text
from core.engine.closing import Closing, closing, resting_price
from core.engine.coin import Coin
from core.engine.foreign import Sweep
from core.engine.freshness import Proof
from core.engine.intents import cancel, new_order
from core.engine.no_writes import NoWrites
from core.engine.procedures import READ_AGAIN_MS, ProcedureBase, position_text

ATTEMPTS = 20
LIMIT_MS = 60_000
PATIENT_LIMIT_MS = 240_000
"""Within this an upgrade is waited out, with the post-only time after it, and the turns of an address whose requests are spent;
a caller on the control socket waits as long.
"""
UNKNOWN_WAIT_MS = 2_000
LIST_WAIT_MS = 2_000
"""How long a list of the open orders, or a book, may keep the position open."""
REST_MS = 5_000
"""How long an order that may only rest is left before the market is tried again."""
BACK_OFF_MAX_MS = 8_000
PROOF_LIMIT_MS = 10_000
"""How long an answer that would prove it flat is waited for."""
ANSWER_WAIT_MS = 6_000
"""An order that has ended by the stream is answered within so long, or never."""

_NOT_NOW = frozenset(
    {
        *(Cause.RATE_IP, Cause.RATE_ADDRESS, Cause.MAINTENANCE, Cause.SERVER, Cause.UNSENT, Cause.LOCAL),
        *(Cause.STORAGE, Cause.NONCE, Cause.EXPIRED, Cause.AUTH),
    }
)
"""Refusals that say nothing of the order: tried again after a while, and no attempt is spent."""
_ADDRESS_WAIT_MS = 11_000
"""An address whose budget is spent may act once in ten seconds."""


class Phase(StrEnum):
    """How far it is. REST: only post-only orders are taken, so one rests. PAUSE: before it looks again."""

    CANCEL = "cancel"
    READ = "read"
    CLOSE = "close"
    REST = "rest"
    PAUSE = "pause"
    VERIFY = "verify"


@dataclass(slots=True)
class Look:
    """What one reading of position and book has brought so far."""

    lots: int | None = None
    depth: Depth | None = None
    has_no_depth: bool = False


@dataclass(slots=True)
class Flatten(ProcedureBase):
    """Halt, cancel, re-read the position, close it reduce-only, prove it flat. The coin stays halted."""

    sweep: Sweep = field(default_factory=lambda: Sweep("flatten", ""))
    ticket: str = ""
    """Names its reads."""
    spares_foreign: bool = False
    """A session that closes every day leaves alone what isn't ours."""
    phase: Phase = Phase.CANCEL
    phase_mono_ms: int = 0
    due_mono_ms: int = 0
    """When a pause ends."""
    attempts: int = 0
    slip_ppb: int = 0
    """How far past the touch the next order may trade; 0 before the first."""
    back_off_ms: int = READ_AGAIN_MS
    upgrade_seen: bool = False
    no_writes: NoWrites = field(default_factory=NoWrites)
    awaits_turn: bool = False
    """Its last order found the account's requests spent: the next one that the exchange takes is its."""
    was_spent: bool = False
    listed: bool = False
    look: Look = field(default_factory=Look)
    shown_lots: int | None = None
    """What the exchange showed last; ``None`` before its first answer."""
    last: Closing | None = None
    closing: str = ""
    """The order that is under way, by cloid."""
    flat_at_version: int = 0
    """The ledger's version when the exchange showed a position of 0."""
    proof: Proof = field(default_factory=Proof)
    """Lists that showed nothing to cancel, and the account's answer after them."""
    spared: int = 0
    """Orders in that list which are left alone."""

    def start(self) -> list[Effect]:
        self.ticket = self.ticket or self.command.id
        return [] if self.spares_foreign else [AskOpenOrders(self.ticket)]

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        self.no_writes.heed(event)
        (coin,) = coins
        out = self._advance(coin, event, now)
        self.text = self.text if self.done else self.no_writes.told(self.text)
        return out

    def _advance(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        is_patient = self.upgrade_seen or self.was_spent or self.no_writes.was_maintenance
        limit_ms = PATIENT_LIMIT_MS if is_patient else LIMIT_MS
        if self.elapsed_ms(now) > limit_ms:
            return self._give_up(coin, f"not flat after {limit_ms // 1000} s")
        match self.phase:
            case Phase.CANCEL:
                return self._cancelling(coin, event, now)
            case Phase.READ:
                return self._reading(coin, event, now)
            case Phase.CLOSE:
                return self._closing(coin, event, now)
            case Phase.REST:
                return self._resting(coin, event, now)
            case Phase.PAUSE if now.mono_ms >= self.due_mono_ms:
                return self._read_anew(coin, now)
            case Phase.VERIFY:
                return self._verify(coin, event, now)
            case _:
                return []

    def _enter(self, phase: Phase, now: Instant, effects: list[Effect] | None = None) -> list[Effect]:
        self.phase, self.phase_mono_ms = phase, now.mono_ms
        return effects or []

    def _pause(
        self, now: Instant, wait_ms: int = READ_AGAIN_MS, effects: list[Effect] | None = None
    ) -> list[Effect]:
        self.due_mono_ms = now.mono_ms + wait_ms
        return self._enter(Phase.PAUSE, now, effects)

    def _back_off(self, now: Instant, least_ms: int) -> list[Effect]:
        """Longer each time, and as long as the exchange asks for."""
        wait_ms = max(self.back_off_ms, least_ms)
        self.back_off_ms = min(2 * self.back_off_ms, BACK_OFF_MAX_MS)
        return self._pause(now, wait_ms)

    # -- cancel everything --------------------------------------------------------------------------------------

    def _cancelling(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        if isinstance(event, OpenOrdersObserved) and event.ticket == self.ticket:
            out, self.listed = self.sweep.look([coin], event, now), True
        # One that rests is of a flatten that this one has taken over: nobody else would take it back.
        out += cancel(coin, coin.orders.live_of(Purpose.FLATTEN), now)
        live = coin.live_grid_orders()
        under_way = [
            o for o in coin.orders.live_of(Purpose.FLATTEN) if o.state is not OrderState.AWAITING_FILLS
        ]
        self.text = f"cancelling {len(live)} orders{self.sweep.text}"
        is_listed = self.listed or self.spares_foreign or self.elapsed_ms(now) >= LIST_WAIT_MS
        is_free = not live and not under_way
        if not is_listed or not (is_free or self._only_doubts_left([*live, *under_way], now)):
            return out
        return out + self._read_anew(coin, now)

    def _only_doubts_left(self, live: list[Order], now: Instant) -> bool:
        """Getting out does not wait for the fate of an order in doubt, nor for fills of one that ended; proving flat does."""
        waited = now.mono_ms - max(self.phase_mono_ms, self.started_mono_ms) >= UNKNOWN_WAIT_MS
        return waited and all(order.state is not OrderState.OPEN for order in live)

    # -- read the position and what it can be closed against ----------------------------------------------------

    def _read_anew(self, coin: Coin, now: Instant) -> list[Effect]:
        self.look = Look()
        return self._enter(Phase.READ, now, [AskAccount(self.ticket), AskDepth(coin.name, self.ticket)])

    def _reading(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        look = self.look
        match event:
            case RequestFailed(ticket=t) if t == self.ticket and event.what == "account":
                self.text = f"the position could not be read ({event.reason}); trying again"
                return self._back_off(now, event.retry_after_ms)
            case RequestFailed(ticket=t) if t == self.ticket and event.what.startswith("depth"):
                look.has_no_depth = True
            case AccountObserved(ticket=t) if t == self.ticket:
                look.lots = self.shown_lots = dict(event.positions).get(coin.name, 0)
            case DepthObserved(ticket=t) if t == self.ticket and event.depth.coin == coin.name:
                look.depth = event.depth
        if look.lots is None:
            return []
        if look.lots == 0:
            return self._shows_flat(coin, now)
        is_late = now.mono_ms - self.phase_mono_ms >= LIST_WAIT_MS
        if look.depth is None and not look.has_no_depth and not is_late:
            return []
        return self._close(coin, look.lots, now)

    def _shows_flat(self, coin: Coin, now: Instant) -> list[Effect]:
        if coin.ledger.lots:
            self.text = f"the exchange shows 0, the fills say {position_text(coin)}; looking again"
            return self._pause(now, effects=[Backfill(ticket=self.ticket)])
        if self.flat_at_version != coin.ledger.version:
            self.proof.lost()
        self.flat_at_version = coin.ledger.version
        self.proof.look_again()
        return self._enter(Phase.VERIFY, now, [Backfill(ticket=self.ticket), AskOpenOrders(self.ticket)])

    # -- close it -----------------------------------------------------------------------------------------------

    def _close(self, coin: Coin, lots: int, now: Instant) -> list[Effect]:
        if self.attempts >= ATTEMPTS:
            return self._give_up(coin, f"not flat after {self.attempts} attempts")
        config = coin.config
        self.slip_ppb = self.slip_ppb or config.slippage_ppb
        part = closing(config.instrument, lots, self.look.depth, coin.quote, self.slip_ppb)
        if part is None:
            self.text = "waiting for a quote to close against: the book is empty on that side"
            return self._pause(now)
        self.last = part
        if not part.lots:
            self.text = f"the book holds nothing down to {self._limit(coin)}; trying again"
            self._widen(coin)
            return self._pause(now)
        self.attempts += 1
        order = new_order(coin, part.side, part.worst, part.lots, Tif.IOC, Purpose.FLATTEN, now)
        size = config.instrument.size_text
        self.text = (
            f"closing {size(part.lots)} of {size(abs(lots))} {coin.name} at {self._limit(coin)} or better, "
            f"attempt {self.attempts}{self.sweep.text}"
        )
        self.closing = order.cloid
        return self._enter(Phase.CLOSE, now, [Place((order,))])

    def _widen(self, coin: Coin) -> None:
        """A step further from the touch, if the settings allow more than the usual slippage."""
        config = coin.config
        self.slip_ppb = max(self.slip_ppb, min(self.slip_ppb + config.slippage_ppb, config.slippage_max_ppb))

    def _closing(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        if isinstance(event, PlaceOutcome):
            result = dict(event.results).get(self.closing)
            if result is not None:
                self.awaits_turn = isinstance(result, Refused) and result.cause is Cause.RATE_ADDRESS
                self.was_spent |= self.awaits_turn
            if isinstance(result, Refused):
                wait_ms = event.failure.retry_after_ms if event.failure is not None else 0
                return self._refused(coin, result, wait_ms, now)
        order = coin.orders.by_cloid.get(self.closing)
        if order is not None and order.state.is_live and order.state is not OrderState.AWAITING_FILLS:
            return []
        is_told_first = order is not None and order.state is OrderState.REJECTED
        if is_told_first and now.mono_ms - self.phase_mono_ms < ANSWER_WAIT_MS:
            return []  # the stream was faster than the answer, which says why
        self.back_off_ms = READ_AGAIN_MS
        return self._pause(now)

    def _refused(self, coin: Coin, refused: Refused, wait_ms: int, now: Instant) -> list[Effect]:
        self.text = f"refused: {refused.reason}; trying again"
        match refused.cause:
            case Cause.POST_ONLY_MODE:
                self.attempts -= 1
                return self._rest(coin, now)
            case Cause.PRICE_BAND:
                self.slip_ppb = max(self.slip_ppb // 2, 1)
                self.text = f"refused: {refused.reason}; trying again nearer to the market"
            case Cause.NO_LIQUIDITY:
                self._widen(coin)
            case Cause.MIN_NOTIONAL:
                return self._give_up(coin, f"the rest is too small for an order ({refused.reason})")
            case Cause.NOT_TRADED:
                return self._give_up(coin, f"the exchange does not trade it now ({refused.reason})")
            case cause if cause in _NOT_NOW:
                self.attempts -= 1
                return self._back_off(now, _ADDRESS_WAIT_MS if cause is Cause.RATE_ADDRESS else wait_ms)
        return self._pause(now)

    # -- while only resting orders are taken --------------------------------------------------------------------

    def _rest(self, coin: Coin, now: Instant) -> list[Effect]:
        self.upgrade_seen = True
        self.text = "the exchange takes only post-only orders after an upgrade"
        lots, instrument = self.look.lots or 0, coin.config.instrument
        price = resting_price(instrument, lots, self.look.depth, coin.quote) if lots else 0
        if not price or self.last is None:
            self.text += "; trying again"
            return self._pause(now, REST_MS)
        size = instrument.size_text(abs(lots))
        self.text += (
            f"; {self.last.side.value} {size} {coin.name} reduce-only rests at {instrument.price_text(price)}, "
            f"the market is tried again every {REST_MS // 1000} s"
        )
        order = new_order(coin, self.last.side, price, abs(lots), Tif.ALO, Purpose.FLATTEN, now)
        self.closing = order.cloid
        return self._enter(Phase.REST, now, [Place((order,))])

    def _resting(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        order = coin.orders.by_cloid.get(self.closing)
        is_over = order is None or not order.state.is_live or order.state is OrderState.AWAITING_FILLS
        if is_over and order is not None and order.state is OrderState.REJECTED:
            return self._pause(now, UNKNOWN_WAIT_MS)
        if is_over or order is None:
            return self._pause(now)
        if now.mono_ms - self.phase_mono_ms < REST_MS or order.state is not OrderState.OPEN:
            return []
        return cancel(coin, [order], now)

    # -- prove it -----------------------------------------------------------------------------------------------

    def _verify(self, coin: Coin, event: Event | None, now: Instant) -> list[Effect]:
        """First a list without orders, then the position once more: what an order did until it was gone is in it, though the
        stream be deaf. An answer to an earlier question proves nothing.
        """
        if now.mono_ms - self.phase_mono_ms > PROOF_LIMIT_MS:
            return self._pause(now)
        if isinstance(event, RequestFailed) and event.ticket == self.ticket:
            what = "position" if event.what == "account" else "open orders"
            self.text = f"the {what} could not be read ({event.reason}); trying again"
            return self._back_off(now, event.retry_after_ms)
        match event:
            case OpenOrdersObserved(ticket=t) if (
                t == self.ticket and event.asked_mono_ms >= self.phase_mono_ms
            ):
                return self._listed(coin, event, now)
            case AccountObserved(ticket=t) if t == self.ticket:
                return self._shown(coin, event, now)
            case _:
                return []

    def _listed(self, coin: Coin, event: OpenOrdersObserved, now: Instant) -> list[Effect]:
        out = [] if self.spares_foreign else self.sweep.look([coin], event, now)
        here = [o for o in event.orders if o.coin == coin.name]
        left = [o for o in here if parse_cloid(o.cloid)] if self.spares_foreign else here
        # A stop that still rests goes now that nothing is held, and the proof is looked for again.
        if left or not self._is_still_flat(coin):
            self.proof.lost()
            self.text = f"not proven flat yet, {len(left)} orders listed; looking again{self.sweep.text}"
            return self._pause(now, effects=out)
        self.proof.clear(now)
        self.spared = len(here)
        return [AskAccount(self.ticket)]

    def _is_still_flat(self, coin: Coin) -> bool:
        ledger = coin.ledger
        return not coin.live_grid_orders() and not ledger.lots and ledger.version == self.flat_at_version

    def _shown(self, coin: Coin, event: AccountObserved, now: Instant) -> list[Effect]:
        if not self.proof.is_followed_by(event):
            return []
        if lag := self.proof.lag_text(event):
            self.text = f"not proven flat yet, {lag}; looking again{self.sweep.text}"
            return self._pause(now)
        lots = self.shown_lots = dict(event.positions).get(coin.name, 0)
        if lots or not self._is_still_flat(coin):
            self.proof.lost()
            size = coin.config.instrument.size_text(lots)
            self.text = (
                f"not proven flat yet, the exchange shows {size} {coin.name}; looking again{self.sweep.text}"
            )
            return self._pause(now)
        spared = f"; {self.spared} orders that are not GridBot's were left alone" if self.spared else ""
        at = clock_text(now.wall_ms)
        return self.end(f"CONFIRMED FLAT at {at}, 0 orders, position 0 {coin.name}{self.sweep.text}{spared}")

    # -- what remains -------------------------------------------------------------------------------------------

    def _limit(self, coin: Coin) -> str:
        return coin.config.instrument.price_text(self.last.worst) if self.last is not None else "?"

    def _give_up(self, coin: Coin, why: str) -> list[Effect]:
        ours = coin.ledger.lots
        lots = ours if self.shown_lots is None else self.shown_lots
        left = f"{'+' if lots > 0 else ''}{coin.config.instrument.size_text(lots)} {coin.name} ({abs(lots)} lots) left"
        if lots != ours:
            left += f" by the exchange's last answer, {position_text(coin)} by the fills"
        orders = len(coin.live_grid_orders())
        unsettled = f", {orders} orders not settled" if orders else ""
        worst = f", worst price tried {self._limit(coin)}" if self.last is not None else ""
        doing = f" ({self.text.removesuffix('; trying again')})" if self.text else ""
        return self.end(
            f"{why}: {left}{unsettled}{worst}{doing}; still halted, F (`gridbot flatten {coin.name}`) tries again",
            failed=True,
        )
