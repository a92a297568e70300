"""Actions as they are sent: message-pack, which is hashed and signed, and JSON, which is posted, of equal keys in equal order.

What of an order doesn't change from one sending to the next is written once and kept: all but its cloid.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from core.domain.instrument import Instrument
from core.domain.orders import Order, Side, Tif
from core.exchange.actions import Action, Instruments, order_kind

KEPT_MAX = 8_192
"""So many orders' texts are kept, 300 bytes each: the levels of all coins for hours. One more, and all are forgotten."""

_CLOID_HEAD = "\xd9\x22"
"""What message-pack has before a string of 34 characters."""

_BOOLEANS = (("\xc2", "false"), ("\xc3", "true"))

_Kind = tuple[str, Side, bool, Tif, int]
"""Coin, side, whether it only reduces, time in force and trigger: what an order has in common with those beside it."""

_Terms = tuple[int, int, str, Side, bool, Tif, int]
"""Price, lots and kind: what of an order is on the wire, but its cloid."""

_Texts = tuple[str, str]
"""Message-pack, as latin-1, and JSON. Of an item, up to its cloid; the latter begins with the end of the item before it."""


class Encoded(NamedTuple):
    """One action in both forms."""

    kind: str
    packed: bytes
    json: str


def encode(action: Action) -> Encoded:
    """Any action, as the SDK writes it."""
    return Encoded(action["type"], _pack(action), orjson.dumps(action).decode())


class ActionWriter:
    """Writes the actions that carry many items. Not thread-safe: what it keeps belongs to the core's loop."""

    __slots__ = ("_assets", "_frames", "_instruments", "_kept")

    def __init__(self, instruments: Instruments) -> None:
        """``instruments`` don't change as long as this lives."""
        self._instruments = instruments
        self._kept: dict[_Terms, _Texts] = {}
        self._frames: dict[_Kind, _Frame] = {}
        self._assets: dict[str, _Texts] = {}

    def orders(self, orders: Sequence[Order]) -> Encoded:
        """``order_action``; at least one."""
        if len(orders) == 1:
            cloid, (pack, text) = orders[0].cloid, self._text(orders[0])
            packed = f"\x83\xa4type\xa5order\xa6orders\x91{pack}{cloid}\xa8grouping\xa2na"
            text = f'{{"type":"order","orders":[{text[3:]}{cloid}"}}],"grouping":"na"}}'
            return Encoded("order", packed.encode("latin-1"), text)
        return _joined(
            "order",
            (f"\x83\xa4type\xa5order\xa6orders{_array(len(orders))}", "\xa8grouping\xa2na"),
            ('{"type":"order","orders":[', '"}],"grouping":"na"}'),
            self._texts(orders),
            [order.cloid for order in orders],
        )

    def modifies(self, pairs: Sequence[tuple[Order, Order]]) -> Encoded:
        """``modify_action``; at least one pair."""
        found = []
        for (old, _), (pack, text) in zip(pairs, self._texts([new for _, new in pairs]), strict=True):
            assert old.order_id is not None, old
            replaced = f"\x82\xa3oid{_uint(old.order_id)}\xa5order{pack}"
            found.append((replaced, f'"}}}},{{"oid":{old.order_id},"order":{text[3:]}'))
        return _joined(
            "batchModify",
            (f"\x82\xa4type\xabbatchModify\xa8modifies{_array(len(found))}", ""),
            ('{"type":"batchModify","modifies":[', '"}}]}'),
            found,
            [new.cloid for _, new in pairs],
        )

    def cancels(self, named: Sequence[tuple[str, str]]) -> Encoded:
        """``cancel_action``; at least one."""
        return _joined(
            "cancelByCloid",
            (f"\x82\xa4type\xadcancelByCloid\xa7cancels{_array(len(named))}", ""),
            ('{"type":"cancelByCloid","cancels":[', '"}]}'),
            [self._assets.get(coin) or self._asset(coin) for coin, _ in named],
            [cloid for _, cloid in named],
        )

    def _texts(self, orders: Sequence[Order]) -> list[_Texts]:
        kept = self._kept
        try:
            return [kept[o.price, o.lots, o.coin, o.side, o.reduce_only, o.tif, o.trigger] for o in orders]
        except KeyError:
            return [self._text(o) for o in orders]

    def _text(self, o: Order) -> _Texts:
        terms = o.price, o.lots, o.coin, o.side, o.reduce_only, o.tif, o.trigger
        return self._kept.get(terms) or self._written(terms)

    def _written(self, terms: _Terms) -> _Texts:
        """``order_wire`` up to the cloid."""
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
            self._frames.clear()
        price, lots, coin, *_ = terms
        kind = terms[2:]
        frame = self._frames.get(kind)
        if frame is None:
            frame = self._frames[kind] = _Frame(self._instruments[coin], *kind[1:])
        found = self._kept[terms] = frame.around(price, lots)
        return found

    def _asset(self, coin: str) -> _Texts:
        asset = self._instruments[coin].asset_id
        found = f"\x82\xa5asset{_uint(asset)}\xa5cloid{_CLOID_HEAD}", f'"}},{{"asset":{asset},"cloid":"'
        self._assets[coin] = found
        return found


class _Frame:
    """What orders of one kind have around their prices."""

    __slots__ = ("_ends", "_instrument", "_sized", "_starts")

    def __init__(self, instrument: Instrument, side: Side, reduce_only: bool, tif: Tif, trigger: int) -> None:
        packed_side, is_buy = _BOOLEANS[side is Side.BUY]
        packed_reduce, reduce = _BOOLEANS[reduce_only]
        asset, kind = instrument.asset_id, order_kind(instrument, tif, trigger)
        packed_kind, kind_text = _pack(kind).decode("latin-1"), orjson.dumps(kind).decode()
        self._instrument = instrument
        self._starts = (
            f"\x87\xa1a{_uint(asset)}\xa1b{packed_side}\xa1p",
            f'"}},{{"a":{asset},"b":{is_buy},"p":"',
        )
        self._ends = (
            f"\xa1r{packed_reduce}\xa1t{packed_kind}\xa1c{_CLOID_HEAD}",
            f'","r":{reduce},"t":{kind_text},"c":"',
        )
        self._sized: dict[int, _Texts] = {}
        """What is behind the price, by size."""

    def around(self, price: int, lots: int) -> _Texts:
        """``order_wire`` up to the cloid."""
        packed_end, end = self._sized.get(lots) or self._of_size(lots)
        packed_start, start = self._starts
        text = self._instrument.price_text(price)
        return f"{packed_start}{_short(text)}{packed_end}", f"{start}{text}{end}"

    def _of_size(self, lots: int) -> _Texts:
        text = self._instrument.size_text(lots)
        packed_end, end = self._ends
        found = self._sized[lots] = f"\xa1s{_short(text)}{packed_end}", f'","s":"{text}{end}'
        return found


def _short(text: str) -> str:
    """Message-pack of fewer than 32 characters."""
    assert len(text) < 32, text  # it has another head for more
    return chr(0xA0 + len(text)) + text


def _joined(kind: str, packed_ends: _Texts, ends: _Texts, found: list[_Texts], cloids: list[str]) -> Encoded:
    """Of both forms what is before and behind all items, and between it each item with its cloid behind it."""
    packs = [packed_ends[1]] * (2 * len(found) + 1)
    packs[1::2] = cloids
    texts = packs.copy()
    packs[0:-1:2], texts[0:-1:2] = [pack for pack, _ in found], [text for _, text in found]
    packs[0] = packed_ends[0] + packs[0]
    texts[0], texts[-1] = ends[0] + texts[0][texts[0].index("{") :], ends[1]
    return Encoded(kind, "".join(packs).encode("latin-1"), "".join(texts))


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
