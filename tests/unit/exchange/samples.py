"""The vocabulary of the edge's and the runtime's tests: instruments, fills, orders, a clock, a tiny server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from core.domain.cloid import make_cloid
from core.domain.fills import Fill, FillSource
from core.domain.instrument import Instrument
from core.domain.orders import Order, OrderState, Purpose, Side, Slot, Tif

BTC = Instrument("BTC", 0, 5, 40)
"""One lot is 0.00001 BTC, one price unit 0.1 USD."""
ETH = Instrument("ETH", 1, 4, 25)
INSTRUMENTS = {"BTC": BTC, "ETH": ETH}
ACCOUNT = "0x" + "5a" * 20
KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"
NOW_MS = 1_769_814_589_170


def cloid(counter: int) -> str:
    return make_cloid("1057a9ce", "b0070001", counter)


def fill(trade_id: int = 1, **changes: Any) -> Fill:
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "coin": "BTC",
        "time_ms": NOW_MS,
        "trade_id": trade_id,
        "order_id": 77,
        "cloid": None,
        "side": Side.BUY,
        "price": 839_590,
        "lots": 30,
        "start_lots": 0,
        "closed_pnl": Decimal(0),
        "fee": Decimal("0.003627"),
        "fee_token": "USDC",
        "crossed": False,
        "direction": "Open Long",
        "hash": "0x" + "7" * 64,
        "source": FillSource.WS,
        "raw": "{}",
    }
    return Fill(**{**values, **changes})


def order(counter: int = 1, **changes: Any) -> Order:
    values: dict[str, Any] = {
        "cloid": cloid(counter),
        "coin": "BTC",
        "side": Side.BUY,
        "price": 839_500,
        "lots": 30,
        "tif": Tif.ALO,
        "reduce_only": False,
        "purpose": Purpose.GRID,
        "slot": Slot(1, Side.BUY, counter),
        "created_ms": NOW_MS,
        "expires_ms": NOW_MS + 5_000,
        "ledger_version": 0,
        "state": OrderState.SENT,
    }
    return Order(**{**values, **changes})


def fill_row(trade_id: int = 1, time_ms: int = NOW_MS, **changes: Any) -> dict[str, Any]:
    """A row of ``userFills`` as the exchange writes it."""
    row = {
        "coin": "BTC",
        "px": "83959.0",
        "sz": "0.0003",
        "side": "B",
        "time": time_ms,
        "startPosition": "0.0",
        "dir": "Open Long",
        "closedPnl": "0.0",
        "hash": "0x" + "7" * 64,
        "oid": 307033479126,
        "crossed": False,
        "fee": "0.003627",
        "tid": trade_id,
        "feeToken": "USDC",
        "twapId": None,
    }
    return {**row, **changes}


async def until(condition: Callable[[], Any], within_s: float = 5.0) -> Any:
    """What ``condition`` returned, once it is true."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        await asyncio.sleep(0.005)
    return found
