"""The bytes of actions: message-pack, which is hashed and signed, and JSON, which is posted, of equal keys in equal order.

What of an order doesn't change from one sending to the next is written once and kept: all but its cloid.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from core.domain.instrument import Instrument
from core.domain.orders import Order, Side
from core.exchange.actions import Action, Instruments, order_wire

KEPT_MAX = 8_192
"""So many orders' texts are kept, 300 bytes each: the levels of all coins for hours. One more, and all are forgotten."""

_CLOID_HEAD = "\xd9\x22"
"""What message-pack has before a string of 34 characters."""

_FLAGS = (("\xc2", "false"), ("\xc3", "true"))
_SHORT = [chr(0xA0 + length) for length in range(32)]

_Terms = tuple[str, str, int, int, bool, str, int]
"""What of an order is on the wire, but its cloid."""

_Texts = tuple[str, str]
"""Message-pack, as latin-1, and JSON, up to the cloid; the latter begins with the end of the item before it."""


class Encoded(NamedTuple):
    """One action in both forms."""

    kind: str
    packed: bytes
    json: bytes


def encode(action: Action) -> Encoded:
    """Any action, as the SDK writes it."""
    return Encoded(action["type"], _pack(action), orjson.dumps(action))


class ActionWriter:
    """Writes the actions that carry many items. Not thread-safe: what it keeps belongs to the core's loop."""

    __slots__ = ("_assets", "_instruments", "_kept")

    def __init__(self, instruments: Instruments) -> None:
        """``instruments`` don't change as long as this lives."""
        self._instruments = instruments
        self._kept: dict[_Terms, _Texts] = {}
        self._assets: dict[str, _Texts] = {}

    def orders(self, orders: Sequence[Order]) -> Encoded:
        """``order_action``; at least one."""
        if len(orders) == 1:
            pack, text = self._text(orders[0])
            count, pack, text = "\x91", pack + orders[0].cloid, text + orders[0].cloid
        else:
            packs, texts = zip(*self._texts(orders), strict=True)
            cloids = [order.cloid for order in orders]
            count, pack, text = _array(len(packs)), _mixed(packs, cloids), _mixed(texts, cloids)
        packed = f"\x83\xa4type\xa5order\xa6orders{count}{pack}\xa8grouping\xa2na"
        text = f'{{"type":"order","orders":[{text[3:]}"}}],"grouping":"na"}}'
        return Encoded("order", packed.encode("latin-1"), text.encode())

    def modifies(self, pairs: Sequence[tuple[Order, Order]]) -> Encoded:
        """``modify_action``; at least one pair."""
        news = [new for _, new in pairs]
        heads, starts = [], []
        for (old, _), (pack, text) in zip(pairs, self._texts(news), strict=True):
            assert old.order_id is not None, old
            heads.append(f"\x82\xa3oid{_uint(old.order_id)}\xa5order{pack}")
            starts.append(f'"}}}},{{"oid":{old.order_id},"order":{text[3:]}')
        cloids = [new.cloid for new in news]
        packed = f"\x82\xa4type\xabbatchModify\xa8modifies{_array(len(news))}{_mixed(heads, cloids)}"
        text = f'{{"type":"batchModify","modifies":[{_mixed(starts, cloids)[4:]}"}}}}]}}'
        return Encoded("batchModify", packed.encode("latin-1"), text.encode())

    def cancels(self, named: Sequence[tuple[str, str]]) -> Encoded:
        """``cancel_action``; at least one."""
        packs, texts = zip(*[self._assets.get(coin) or self._asset(coin) for coin, _ in named], strict=True)
        cloids = [cloid for _, cloid in named]
        packed = f"\x82\xa4type\xadcancelByCloid\xa7cancels{_array(len(cloids))}{_mixed(packs, cloids)}"
        text = f'{{"type":"cancelByCloid","cancels":[{_mixed(texts, cloids)[3:]}"}}]}}'
        return Encoded("cancelByCloid", packed.encode("latin-1"), text.encode())

    def _texts(self, orders: Sequence[Order]) -> list[_Texts]:
        kept = self._kept
        try:
            return [kept[o.coin, o.side, o.price, o.lots, o.reduce_only, o.tif, o.trigger] for o in orders]
        except KeyError:
            return [self._text(o) for o in orders]

    def _text(self, order: Order) -> _Texts:
        terms = (
            order.coin,
            order.side,
            order.price,
            order.lots,
            order.reduce_only,
            order.tif,
            order.trigger,
        )
        found = self._kept.get(terms)
        if found is None:
            found = _written(order, self._instruments[order.coin])
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[terms] = found
        return found

    def _asset(self, coin: str) -> _Texts:
        asset = self._instruments[coin].asset_id
        found = f"\x82\xa5asset{_uint(asset)}\xa5cloid{_CLOID_HEAD}", f'"}},{{"asset":{asset},"cloid":"'
        self._assets[coin] = found
        return found


def _written(order: Order, instrument: Instrument) -> _Texts:
    """``order_wire`` up to the cloid."""
    if order.trigger:
        wire = order_wire(order, instrument)
        wire["c"] = ""
        return _pack(wire)[:-1].decode("latin-1") + _CLOID_HEAD, '"},' + orjson.dumps(wire)[:-2].decode()
    price, size = instrument.price_text(order.price), instrument.size_text(order.lots)
    assert len(price) < 32 > len(size), order  # message-pack has other heads for longer ones
    packed_side, side = _FLAGS[order.side is Side.BUY]
    packed_reduce, reduce = _FLAGS[order.reduce_only]
    packed = (
        f"\x87\xa1a{_uint(instrument.asset_id)}\xa1b{packed_side}\xa1p{_SHORT[len(price)]}{price}"
        f"\xa1s{_SHORT[len(size)]}{size}\xa1r{packed_reduce}\xa1t\x81\xa5limit\x81\xa3tif\xa3{order.tif}\xa1c{_CLOID_HEAD}"
    )
    text = (
        f'"}},{{"a":{instrument.asset_id},"b":{side},"p":"{price}","s":"{size}","r":{reduce},'
        f'"t":{{"limit":{{"tif":"{order.tif}"}}}},"c":"'
    )
    return packed, text


def _mixed(parts: Sequence[str], cloids: list[str]) -> str:
    """Each part with its cloid behind it."""
    both = [""] * (2 * len(parts))
    both[0::2], both[1::2] = parts, cloids
    return "".join(both)


def _pack(value: Any) -> bytes:
    import msgpack

    packed: bytes = msgpack.packb(value)
    return packed


@lru_cache(1_000)
def _uint(value: int) -> str:
    return _pack(value).decode("latin-1")


def _array(length: int) -> str:
    """Message-pack's header of an array."""
    return chr(0x90 + length) if length < 16 else f"\xdc{chr(length >> 8)}{chr(length & 0xFF)}"
