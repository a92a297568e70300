"""Two clients that others wrote, one listening at /ws and one asking over REST, see the same account at rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from typed_hyperliquid import Hyperliquid

from core.paper.config import PaperConfig
from tests.unit.paper.paper_client import new_wallet, running, until

_LOOSE = PaperConfig(speed=120, limits=False)


class _Listener:
    """What the SDK's WebSocket tells about a user: fills, the last status of each order, the position that fills add up to."""

    def __init__(self, url: str, user: str) -> None:
        self.fills: dict[int, Any] = {}
        self.heard = 0
        self.statuses: dict[int, str] = {}
        self._info = Info(url)
        self._info.subscribe({"type": "userFills", "user": user}, self._on_fills)
        self._info.subscribe({"type": "orderUpdates", "user": user}, self._on_orders)

    def close(self) -> None:
        self._info.disconnect_websocket()

    def _on_fills(self, message: Any) -> None:
        for fill in message["data"]["fills"]:
            self.heard += 1
            self.fills[fill["tid"]] = fill

    def _on_orders(self, message: Any) -> None:
        for row in message["data"]:
            self.statuses[row["order"]["oid"]] = row["status"]

    @property
    def open_oids(self) -> set[int]:
        return {oid for oid, status in self.statuses.items() if status == "open"}

    @property
    def position(self) -> Decimal:
        signs = {"B": 1, "A": -1}
        return sum((signs[f["side"]] * Decimal(f["sz"]) for f in self.fills.values()), start=Decimal(0))


@contextmanager
def _listening(url: str, user: str) -> Iterator[_Listener]:
    listener = _Listener(url, user)
    try:
        yield listener
    finally:
        listener.close()


def _trade(exchange: Exchange, info: Info) -> None:
    """Two-sided quotes around a moving market, takers, moves and cancels; some stay."""
    for turn in range(12):
        mid = round(float(info.all_mids()["BTC"]))
        near = [
            {
                "coin": "BTC",
                "is_buy": is_buy,
                "sz": 0.003,
                "limit_px": mid - offset if is_buy else mid + offset,
            }
            for offset in (1, 5, 20)
            for is_buy in (True, False)
        ]
        orders: Any = [{**o, "order_type": {"limit": {"tif": "Gtc"}}, "reduce_only": False} for o in near]
        statuses = exchange.bulk_orders(orders)["response"]["data"]["statuses"]
        resting = [status["resting"]["oid"] for status in statuses if "resting" in status]
        if turn % 3 == 0:
            exchange.market_open("BTC", turn % 2 == 0, 0.002)
        if turn % 2 == 0 and resting:
            limit: Any = {"limit": {"tif": "Gtc"}}
            exchange.modify_order(resting[-1], "BTC", False, 0.002, mid + 400, limit)
        for oid in resting[: turn % 3]:
            exchange.cancel("BTC", oid)
    for row in info.open_orders(exchange.wallet.address)[6:]:
        exchange.cancel("BTC", row["oid"])


async def test_a_listener_and_an_asker_agree_at_rest() -> None:
    wallet = new_wallet()
    with running(_LOOSE) as url, _listening(url, wallet.address) as heard:
        exchange, info = Exchange(wallet, url), Info(url, skip_ws=True)
        _trade(exchange, info)
        for row in info.open_orders(wallet.address):
            exchange.cancel("BTC", row["oid"])
        low = round(float(info.all_mids()["BTC"]) * 0.9)
        exchange.order("BTC", True, 0.002, low, {"limit": {"tif": "Gtc"}})
        async with Hyperliquid.new(wallet, mainnet=False, base_url=url) as asker:
            fills = await asker.info.user_fills(user=wallet.address)
            orders = await asker.info.open_orders(user=wallet.address)
            history = info.historical_orders(wallet.address)
            state = await asker.info.clearinghouse_state(user=wallet.address)
        until(lambda: heard.open_oids == {row["oid"] for row in orders} and len(heard.fills) == len(fills))
        assert len(fills) > 10
        assert heard.heard == len(fills), "no fill came twice"
        assert {f["tid"]: (f["oid"], f["px"], f["sz"], f["fee"]) for f in fills} == {
            tid: (f["oid"], Decimal(f["px"]), Decimal(f["sz"]), Decimal(f["fee"]))
            for tid, f in heard.fills.items()
        }
        assert heard.statuses == {row["order"]["oid"]: row["status"] for row in history}
        positions = {row["position"]["coin"]: row["position"]["szi"] for row in state["assetPositions"]}
        assert heard.position == positions.get("BTC", Decimal(0))
