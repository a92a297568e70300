"""What a paper exchange is started with, and the errors it can refuse to start with. Cheap to import."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from core.paper.faults.spec import Fault

EMBEDDED_SPEED = 60.0
"""Inside GridBot the market runs an hour a minute, so that a first look shows fills at once."""

MAX_FUNDS_USD = 1_000_000_000
"""What an account can be given at once."""

STANDALONE_SPEED = 1.0
"""By itself the exchange runs in real time."""


class PaperError(Exception):
    """The paper exchange can't start or go on; the text says why and what to do about it."""


class CorruptRecordingError(PaperError):
    """A recording that isn't what its name says. ``line`` counts from 1, the header included; 0 = the file as a whole."""

    def __init__(self, path: Path, line: int, what: str) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where}: {what}. Fix: repair or replace the recording, or name another one.")
        self.path = path
        self.line = line


class UnknownMarketError(PaperError):
    """``market`` names something that this exchange can't run."""


class PortInUseError(PaperError):
    """Someone else listens on the port already."""


class StoreError(PaperError):
    """The exchange's own database can't be opened, or isn't one."""


class SourceUnreachableError(PaperError):
    """The server whose market is to be mirrored doesn't answer."""


class BooksError(PaperError):
    """The exchange's books don't balance: a fault in this program."""


class MarketDiedError(PaperError):
    """The market can't go on because of a fault in this program."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(
            f"The paper market has stopped: {type(cause).__name__}: {cause}. Fix: start it again, and report what is "
            "in the log; accounts and orders of a state directory are kept."
        )


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How the exchange answers where Hyperliquid's own behaviour isn't known."""

    keeps_oldest_fills: bool = True
    """Of more fills than ``userFillsByTime`` may answer with, the oldest are kept; otherwise the newest."""
    recent_trades: int = 10
    """How many ``recentTrades`` tells, and a new subscriber of ``trades``."""
    greets: bool = False
    """Whether a WebSocket begins with the text ``Websocket connection established.``."""
    books_every_s: float = 0.5
    """The least time between two ``l2Book`` frames."""


@dataclass(frozen=True, slots=True)
class RequestSettings:
    """What Hyperliquid asks of requests, where that may change or isn't known."""

    sub_account_volume_usd: int = 100_000
    """What has to be traded before a sub-account can be made."""
    throttles_batches: bool = True
    """Whether the one request in ten seconds that passes beyond the address budget may have a single item only."""
    too_many_requests_body: str = "null"
    """Of the answer with status 429."""
    weight_per_minute: int = 1200
    """REST weight that an IP address may use."""


@dataclass(frozen=True, slots=True)
class OrderSettings:
    """How the exchange handles orders where Hyperliquid's own behaviour isn't known."""

    schedule_cancel_takes_triggers: bool = True
    """Whether a scheduled cancel takes trigger orders that haven't fired as well as resting ones."""
    tells_partial_fills: bool = False
    """Whether a resting order that is filled in part gets a row in ``orderUpdates``; its fills tell in any case."""
    longest_twap_minutes: int = 1_440
    """A TWAP order may take a day; by the documentation of late 2026 seven (10,080)."""
    most_twaps: int = 100
    """TWAP orders that an account may have running. That there is a bound is known, not which."""
    figures_fail_batch: bool = False
    """Whether a price of more than five significant figures fails its whole batch, or the order alone."""


@dataclass(frozen=True, slots=True)
class MoneySettings:
    """How margin and liquidation work where Hyperliquid's own rules aren't known: as strict as they might be."""

    default_leverage: int = 20
    """Of a coin for which none was set; less where the coin allows less."""
    reserves_both_sides: bool = True
    """Resting bids and asks reserve margin each for themselves; otherwise only the side that needs more."""
    refuses_switch_with_orders: bool = True
    """Open orders keep a coin from being switched between cross and isolated, as an open position does."""
    insurance_usd: int = 1_000_000
    """What the backstop liquidator begins with in every dex."""


STRICT_MONEY = MoneySettings()


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """How another server's market is followed."""

    stale_after_s: float = 5.0
    """A source that has been silent for so long has its quotes withdrawn."""
    max_coins: int = 30
    """As many are mirrored if none are named: four subscriptions each, of the thousand that an IP address may have."""


@dataclass(frozen=True, slots=True)
class PaperConfig:
    """``speed`` is market seconds per second. ``port`` 0 takes a free one. Without ``store_path`` all is in memory. A recording
    that doesn't loop stands still at its end.

    Raises:
        PaperError: a value that can't be meant.
    """

    market: str = "replay:bundled"
    speed: float = EMBEDDED_SPEED
    funds_usd: Decimal = Decimal(10_000)
    seed: int = 1
    loops: bool = True
    store_path: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    answers: AnswerSettings = AnswerSettings()
    money: MoneySettings = STRICT_MONEY
    faults: tuple[Fault, ...] = ()
    """In force from the start."""
    requests: RequestSettings = RequestSettings()
    open_accounts: bool = True
    """Whether a stranger becomes a funded account; otherwise only ``POST /paper/fund`` opens one."""
    limits: bool = True
    """Whether there are rate limits, by address and by IP address."""
    block_ms: int = 10
    """Actions that arrive within so long of each other are ordered as one block; 0 takes each as it comes."""
    orders: OrderSettings = OrderSettings()
    mirror: MirrorSettings = MirrorSettings()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and self.speed > 0):
            raise PaperError(
                f"speed is {self.speed}, but must be above 0. Fix: 1 is real time, 60 an hour a minute."
            )
        if not (self.funds_usd.is_finite() and self.funds_usd >= 0):
            raise PaperError(
                f"funds are {self.funds_usd} USDC, but must be a number, and not negative. Fix: 10000 is the default."
            )
        if self.funds_usd > MAX_FUNDS_USD:
            raise PaperError(
                f"funds are {self.funds_usd} USDC, but can't be above {MAX_FUNDS_USD}. Fix: 10000 is the default."
            )
        if self.funds_usd != round(self.funds_usd, 6):
            raise PaperError(
                f"funds are {self.funds_usd} USDC, but USDC has six decimals. Fix: 10000 is the default."
            )
        if self.block_ms < 0:
            raise PaperError(
                f"block_ms is {self.block_ms}, but can't be negative. Fix: 10 is the default, 0 means no blocks."
            )
        if not 0 <= self.port <= 65_535:
            raise PaperError(
                f"port {self.port} doesn't exist. Fix: take one from 1 to 65535, or 0 for any free one."
            )
