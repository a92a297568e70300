"""Orders as we know them, and the evidence that moves them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: what a fill adds to the position, per lot."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def wire(self) -> str:
        """``B`` or ``A``, as Hyperliquid writes it."""
        return "B" if self is Side.BUY else "A"

    @staticmethod
    def from_wire(letter: str) -> Side:
        match letter:
            case "B":
                return Side.BUY
            case "A":
                return Side.SELL
            case _:
                raise ValueError(f"{letter!r} is not a side; Hyperliquid writes B or A")


class Tif(StrEnum):
    """Time in force, as on the wire. ALO = add liquidity only (post-only)."""

    ALO = "Alo"
    IOC = "Ioc"
    GTC = "Gtc"


class Purpose(StrEnum):
    GRID = "grid"
    FLATTEN = "flatten"
    REDUCE = "reduce"
    """A part of the position, closed by a rule while the grid goes on."""
    STOP = "stop"
    """Protection: rests at the exchange until the price is there, and outlives the program."""


class OrderState(StrEnum):
    """Where an order stands by the evidence we have.

    SENT, OPEN, CANCELLING, UNKNOWN and AWAITING_FILLS may still trade or hold a slot; the others are terminal. A terminal
    order can still receive a late fill: fills are the exchange's, states are our reading.
    """

    SENT = "sent"
    OPEN = "open"
    CANCELLING = "cancelling"
    UNKNOWN = "unknown"
    AWAITING_FILLS = "awaiting_fills"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    NEVER_PLACED = "never_placed"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL

    @property
    def is_live(self) -> bool:
        return self not in _TERMINAL


_TERMINAL = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.NEVER_PLACED})


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A level of the grid: generation of the grid, side, and index of the cell that it serves."""

    generation: int
    side: Side
    index: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order we decided to send (the intent), and what became of it.

    ``price`` in price units, ``lots`` the size sent, ``filled`` the lots that journalled fills add up to. ``times`` are
    venue-clock milliseconds. ``reason`` is the venue's or our words for the last change.
    """

    cloid: str
    coin: str
    side: Side
    price: int
    lots: int
    tif: Tif
    reduce_only: bool
    purpose: Purpose
    slot: Slot | None
    created_ms: int
    expires_ms: int
    ledger_version: int
    state: OrderState = OrderState.SENT
    order_id: int | None = None
    filled: int = 0
    final_filled: int | None = None
    """What the venue says traded in the end, once it says so; fills may still be on their way to us."""
    reason: str = ""
    trigger: int = 0
    """The mark price, in price units, at which it goes to the market; 0: it is no trigger order."""

    @property
    def remaining(self) -> int:
        """Lots that may still change our position, 0 once terminal."""
        if not self.state.is_live:
            return 0
        return max(0, (self.lots if self.final_filled is None else self.final_filled) - self.filled)

    def moved(self, state: OrderState, reason: str = "") -> Order:
        return replace(self, state=state, reason=reason or self.reason)
