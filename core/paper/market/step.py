"""What a market does to the venue, however it came by it: prints, books and quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.domain.orders import Side
from core.paper.market.listing import Universe


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """One print, in price units and lots; ``aggressor`` is the taker's side."""

    price: int
    lots: int
    aggressor: Side


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask, in price units and lots."""

    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


@dataclass(frozen=True, slots=True)
class Depth:
    """A book snapshot, best level first: (price, lots). A side may be empty."""

    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class LevelChange:
    """The market shows ``lots`` at a price from now on; 0 takes the level away."""

    side: Side
    price: int
    lots: int


@dataclass(frozen=True, slots=True)
class MarketStep:
    """What the market does to one coin at once: prints first, then single levels, then the deeper book, then the best quote,
    which has the last word.

    ``oracle`` and ``mark`` are prices that the market states itself, in price units; None leaves them to the venue.
    ``is_open`` False closes trading (a session market): the book is empty until a step opens it again.
    """

    coin: str
    trades: tuple[MarketTrade, ...]
    depth: Depth | None
    quote: Quote | None
    oracle: int | None = None
    mark: int | None = None
    is_open: bool = True
    levels: tuple[LevelChange, ...] = ()


class Market(Protocol):
    """A market that is walked step by step. It does no waiting and reads no clock; the server paces it."""

    @property
    def name(self) -> str:
        """Identifies the market across restarts: a saved place is only good for the same name."""

    @property
    def universe(self) -> Universe:
        """The coins that it moves, and their rules."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever runs it should know, in sentences."""

    @property
    def warning(self) -> str:
        """What is wrong with it at the moment, as a sentence; empty if nothing is."""

    @property
    def hidden_depth(self) -> bool:
        """Whether there is liquidity behind the last level that it shows."""

    @property
    def has_ended(self) -> bool:
        """Whether no step will ever follow."""

    def scene(self) -> tuple[MarketStep, ...]:
        """Every coin's book as it stands before the next step: what a (re)started exchange begins with."""

    def wait_ms(self) -> int | None:
        """Market milliseconds between the last step and the next one; None if there is none yet, or ever."""

    def advance(self) -> MarketStep:
        """Take the next step."""

    @property
    def place(self) -> str:
        """Where the market stands, as text that opens it again at the same step."""

    def resume(self, place: str) -> None:
        """Go on at a saved ``place``; one that makes no sense is ignored."""

    @property
    def progress(self) -> float | None:
        """The part of a finite market that is behind it, 0 to 1; None if it has no end."""

    @property
    def laps(self) -> int:
        """How often it came to an end and began anew."""
