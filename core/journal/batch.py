"""What one transaction of the journal writes, and what was new of it."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field
from decimal import Decimal

from core.domain.effects import (
    Effect,
    LiftHalt,
    RevokeAdjustment,
    SaveAction,
    SaveAdjustment,
    SaveCheckpoint,
    SaveDay,
    SaveDayMark,
    SaveDeadMan,
    SaveFeatures,
    SaveGrid,
    SaveHalt,
    SaveHistory,
    SaveOrder,
    SaveOverrides,
    SaveParked,
    SavePnlPeak,
    SavePosition,
    SaveStanding,
)
from core.domain.events import FillConflict
from core.domain.fills import Adjustment, Fill, ForeignFill, Funding
from core.domain.grid import GridRow
from core.domain.holdings import CellPart
from core.domain.orders import Order
from core.domain.standing import standing_key
from core.domain.transfers import Transfer
from core.view import HistoryPoint

DEAD_MAN_UNTIL = "dead_man_until_ms"
"""Its row of ``meta``."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The position that the fold starts from: what the account held before the first journalled fill."""

    coin: str
    lots: int
    cost: int
    time_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class CashMark:
    """What a dex held in cash (``totalRawUsd``, USD) at a venue time around which nothing moved."""

    account: str
    dex: str
    time_ms: int
    raw_usd: Decimal


@dataclass(slots=True)
class Batch:
    """What one transaction writes."""

    now_ms: int
    fills: list[Fill] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    grids: list[GridRow] = field(default_factory=list)
    halts: list[SaveHalt | LiftHalt] = field(default_factory=list)
    """Latched and lifted in the order given: a halt that follows a lift stays."""
    actions: list[SaveAction] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    boots: list[tuple[str, int, str]] = field(default_factory=list)
    """Boot nonce, pid and version of a start."""
    meta: dict[str, str] = field(default_factory=dict)
    nonce_ceiling: tuple[str, int] | None = None
    foreign: list[ForeignFill] = field(default_factory=list)
    funding: list[Funding] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    cash_marks: list[CashMark] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    """Adjustments that count no more."""
    positions: list[SavePosition] = field(default_factory=list)
    checkpoints: list[SaveCheckpoint] = field(default_factory=list)
    days: list[SaveDay] = field(default_factory=list)
    history: list[HistoryPoint] = field(default_factory=list)

    def take(self, effect: Effect) -> bool:
        """Add the row that an effect asks for; whether it asked for one."""
        match effect:
            case SaveOrder(order):
                self.orders.append(order)
            case SaveGrid(grid):
                self.grids.append(grid)
            case SaveHalt() | LiftHalt():
                self.halts.append(effect)
            case SaveAction():
                self.actions.append(effect)
            case SavePnlPeak(pnl):
                self.meta["pnl_peak"] = str(pnl)
            case SaveOverrides(coin, text):
                self.meta[f"override:{coin}"] = text
            case SaveFeatures(coin, text):
                self.meta[f"features:{coin}"] = text
            case SaveDayMark(coin, text):
                self.meta[f"day:{coin}"] = text
            case SaveDeadMan(until_ms):
                self.meta[DEAD_MAN_UNTIL] = str(until_ms)
            case SaveStanding(coin, text):
                self.meta[standing_key(coin)] = text
            case SaveParked(coin, text):
                self.meta[f"parked:{coin}"] = text
            case SaveDay():
                self.days.append(effect)
            case SaveHistory(point):
                self.history.append(point)
            case SaveAdjustment(adjustment):
                self.adjustments.append(adjustment)
            case RevokeAdjustment(id_):
                self.revoked.append(id_)
            case SavePosition():
                self.positions.append(effect)
            case SaveCheckpoint():
                self.checkpoints.append(effect)
            case _:
                return False
        return True

    @property
    def rows(self) -> int:
        """How many rows it asks for."""
        lists: tuple[Sized, ...] = (
            *(self.fills, self.orders, self.grids, self.halts, self.actions, self.anchors, self.boots),
            *(self.meta, self.foreign, self.funding, self.adjustments, self.revoked),
            *(self.positions, self.checkpoints, self.days, self.transfers, self.cash_marks, self.history),
        )
        return sum(map(len, lists)) + (self.nonce_ceiling is not None)

    @property
    def is_empty(self) -> bool:
        return self.rows == 0


@dataclass(frozen=True, slots=True)
class Committed:
    """What was new of a batch, in the order given, and refused duplicates of fills by coin."""

    new_fills: tuple[Fill, ...]
    duplicates: tuple[tuple[str, int], ...]
    new_foreign: tuple[ForeignFill, ...] = ()
    new_funding: tuple[Funding, ...] = ()
    conflicts: tuple[FillConflict, ...] = ()
    """Duplicates whose content is not that of the row that stands."""
    matched: tuple[tuple[str, int], ...] = ()
    """By how much the matched profit of each coin's grid grew, micro-USDC."""
    new_transfers: tuple[Transfer, ...] = ()
    parts: tuple[CellPart, ...] = ()
    """What of the new fills was taken from cells whose orders they aren't."""
