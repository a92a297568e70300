"""An exchange without its wire, with an account that has lived: what recorded payloads are held against."""

from __future__ import annotations

from typing import Any

import orjson

from core.domain.orders import Side
from core.paper.config import PaperConfig
from core.paper.exchange import PaperExchange
from core.paper.requests.envelope import decode_envelope
from core.paper.server.publisher import Publisher
from core.paper.server.subscriptions import Channel, Subscribers, decode_subscription
from tests.unit.paper.paper_client import envelope, new_wallet
from tests.unit.paper.still import StillMarket

_HOUR_MS = 3_600_000
_START_MS = 498_611 * _HOUR_MS + 60_000
CLOIDS = [f"0x{number:032x}" for number in range(1, 9)]


class Paper:
    """``frames`` are what WebSocket channels told."""

    def __init__(self) -> None:
        self.now_ms = _START_MS
        self.exchange = PaperExchange(PaperConfig(), StillMarket(), clock_ms=lambda: self.now_ms)
        self.wallet = new_wallet()
        self.user = self.wallet.address.lower()
        account = self.exchange.venue.see(self.user)
        self.exchange.venue.agents.approve(account, "0x" + "a9" * 20, "grid", self.now_ms)
        self.frames: list[dict[str, Any]] = []
        self._subscribers = Subscribers()
        self.publisher = Publisher(self.exchange, self._subscribers, 0.5)
        self.exchange.tick()
        for channel in (
            "orderUpdates",
            "userEvents",
            "userFills",
            "userFundings",
            "allMids",
            "allDexsAssetCtxs",
        ):
            self.subscribe({"type": channel, "user": self.user})
        for channel in ("trades", "l2Book", "bbo"):
            self.subscribe({"type": channel, "coin": "BTC"})
        self._live()

    def send(self, text: str) -> None:
        self.frames.append(orjson.loads(text))

    def heard(self, channel: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["channel"] == channel]

    def info(self, kind: str, **request: Any) -> Any:
        return self.exchange.ask({"type": kind, **request})

    def mine(self, kind: str, **request: Any) -> Any:
        return self.info(kind, user=self.user, **request)

    def act(self, action: dict[str, Any]) -> Any:
        self.now_ms += 1000
        signed = decode_envelope(envelope(self.wallet, action, nonce=self.now_ms))
        answer = self.exchange.api.execute(signed, self.now_ms)
        self.exchange.settle()
        return answer

    def order(self, asset: int, price: str, size: str, tif: str, *, is_buy: bool, **more: Any) -> Any:
        limit = {"limit": {"tif": tif}}
        return self._place(_row(asset, price, size, limit, is_buy=is_buy, **more))

    def _place(self, *rows: dict[str, Any], grouping: str = "na") -> Any:
        return self.act({"type": "order", "orders": list(rows), "grouping": grouping})

    def subscribe(self, request: dict[str, Any]) -> None:
        subscription = decode_subscription(request, self.exchange.venue.universe)
        self._subscribers.add(subscription, self)
        greeting = self.publisher.greeting(subscription)
        if greeting is not None:
            self.send(greeting)

    def leave(self) -> None:
        """Unsubscribe from everything."""
        for channel in Channel:
            for subscription in self._subscribers.of(channel):
                self._subscribers.discard(subscription, self)

    def _live(self) -> None:
        """Positions on both sides, cross and isolated, on two dexs; resting, rejected and cancelled orders; a bracket."""
        account = self.exchange.venue.see(self.user)
        self.order(0, "101000", "0.02", "Ioc", is_buy=True, c=CLOIDS[0])
        self.order(0, "99000", "0.005", "Ioc", is_buy=False, c=CLOIDS[1])
        self.act({"type": "updateLeverage", "asset": 1, "isCross": False, "leverage": 5})
        self.order(1, "3900", "0.5", "Ioc", is_buy=False, c=CLOIDS[2])
        self.order(110_000, "405", "2", "Ioc", is_buy=True, c=CLOIDS[3])
        self.order(0, "99000", "0.01", "Gtc", is_buy=True, c=CLOIDS[4])
        self.order(0, "102000", "0.05", "Gtc", is_buy=False, r=True)
        self.order(0, "99000", "0.01", "Ioc", is_buy=True, c=CLOIDS[5])
        cancelled = self.order(1, "3800", "0.1", "Gtc", is_buy=True, c=CLOIDS[6])
        oid = cancelled["response"]["data"]["statuses"][0]["resting"]["oid"]
        self.cancelled = self.act({"type": "cancel", "cancels": [{"a": 1, "o": oid}, {"a": 1, "o": 4}]})
        other = "0x" + "0b" * 20
        self.exchange.venue.market_order(other, "BTC", Side.SELL, 500, self.exchange.now_ms())
        self.exchange.settle()
        self.order(0, "99000", "0.02", "Ioc", is_buy=False)
        self.order(0, "95000", "0.003", "Gtc", is_buy=True, r=True)
        self._place(
            _row(0, "103000", "0.001", {"limit": {"tif": "Gtc"}}, is_buy=False, c=CLOIDS[7]),
            _row(0, "91000", "0.001", _trigger("90000", "tp"), is_buy=True, r=True),
            _row(0, "112000", "0.001", _trigger("110000", "sl"), is_buy=True, r=True),
            grouping="normalTpsl",
        )
        self.now_ms += _HOUR_MS
        self.exchange.tick()
        self.exchange.venue.fund(self.user, 500_000_000)
        self.exchange.venue.transfers.between_classes(account, 12_000_000, to_perp=False)
        self.exchange.settle()
        self.publisher.flush(1.0)


def _row(
    asset: int, price: str, size: str, kind: dict[str, Any], *, is_buy: bool, **more: Any
) -> dict[str, Any]:
    return {"a": asset, "b": is_buy, "p": price, "s": size, "r": False, "t": kind, **more}


def _trigger(price: str, purpose: str) -> dict[str, Any]:
    return {"trigger": {"isMarket": True, "triggerPx": price, "tpsl": purpose}}
