"""Liquidation: what becomes of positions whose margin has fallen below maintenance.

Below maintenance, orders are cancelled and the positions go to the book as market orders; of a position above 100,000 USDC a
fifth first, and all of it if that wasn't enough. Below two thirds of maintenance the backstop takes positions and what margin
is left. Once the backstop itself is worth less than nothing, the position is closed against those on its other side instead,
the most profitable and leveraged first, at the mark of the check before (auto-deleveraging). (Hyperliquid documentation:
Liquidations, Auto-deleveraging.) Nobody pays a clearance fee, and a debt that is left stays with the backstop.
"""

from __future__ import annotations

from fractions import Fraction

from core.domain.orders import Side
from core.paper.jsonio import Json, JsonObject
from core.paper.market.listing import Listing
from core.paper.venue.accounts import BACKSTOP_ADDRESS, Account
from core.paper.venue.batch import LiquidationEvent
from core.paper.venue.ledger import AUTO_DELEVERAGED, Ledger
from core.paper.venue.margin import Held, Margin
from core.paper.venue.matching import take
from core.paper.venue.orders import HistoryRow, Liquidated, Order, OrderStatus, OrderUpdate, TimeInForce
from core.paper.venue.twap_desk import end_twaps
from core.paper.wiretext import micro_wire, units_wire

CHECK_EVERY_MS = 200

_LARGE_MICRO = 100_000_000_000
_LARGE_DIVISOR = 5
_COOLDOWN_MS = 30_000
_FEE_RESERVE_DIVISOR = 1_000
"""A tenth of a percent of a position's value is kept from its liquidation order's reach, for the fee."""


class Liquidator:
    def __init__(self, ledger: Ledger, margin: Margin) -> None:
        self._ledger = ledger
        self._margin = margin
        self._checked_ms = 0
        self._marks: dict[str, int] = {}
        """At the check before."""

    def check(self, now_ms: int) -> None:
        """Liquidate whoever must be; does nothing within 200 ms of the last check."""
        if now_ms - self._checked_ms < CHECK_EVERY_MS:
            return
        self._checked_ms = now_ms
        marks: dict[str, int] = {}
        for account in list(self._ledger.holders.values()):
            self._check_account(account, marks)
        self._marks = marks

    def set_clock_back(self, now_ms: int) -> None:
        self._checked_ms = min(self._checked_ms, now_ms)

    def _check_account(self, account: Account, marks: dict[str, int]) -> None:
        dexs = self._ledger.universe.dexs
        for dex in dexs:
            for held in self._margin.held(account, dex):
                marks[held.listing.coin] = held.mark
                if not held.leverage.is_cross and held.margin_used < held.maintenance:
                    self._liquidate(account, [held], held.margin_used, is_cross=False)
        for dex in dexs[:1] if account.is_unified else dexs:
            value, maintenance = (
                self._margin.cross_value(account, dex),
                self._margin.cross_maintenance(account, dex),
            )
            if maintenance and value < maintenance:
                self._liquidate(account, self._cross(account, dex), value, is_cross=True)

    def _cross(self, account: Account, dex: str) -> list[Held]:
        """Largest first."""
        held = [h for h in self._margin.together(account, dex) if h.leverage.is_cross]
        return sorted(held, key=lambda h: h.value, reverse=True)

    def _liquidate(self, account: Account, positions: list[Held], value: int, *, is_cross: bool) -> None:
        maintenance = sum(held.maintenance for held in positions)
        before = [held.position.lots for held in positions]
        notional = sum(held.value for held in positions)
        self._cancel_orders(account, positions, is_cross=is_cross)
        if 3 * value < 2 * maintenance:
            self._hand_over(account, positions, value, is_cross=is_cross)
        else:
            self._sell_positions(account, positions, value, is_cross=is_cross)
        if before != [held.position.lots for held in positions]:
            rows: list[Json] = [
                _position_row(held.listing, lots) for held, lots in zip(positions, before, strict=True)
            ]
            self._tell(account, rows, notional, value, is_cross=is_cross)

    def _sell_positions(self, account: Account, positions: list[Held], value: int, *, is_cross: bool) -> None:
        is_cooling = self._ledger.block_ms - account.partly_liquidated_ms < _COOLDOWN_MS
        for held in positions:
            if not self._ledger.books[held.listing.coin].is_open:
                continue
            is_partial = held.value > _LARGE_MICRO and not is_cooling
            lots = abs(held.position.lots)
            self._sell_off(account, held, -(-lots // _LARGE_DIVISOR) if is_partial else lots, value)
            if is_partial:
                account.partly_liquidated_ms = self._ledger.block_ms
            if not is_cross:
                return
            dex = held.listing.dex
            value = self._margin.cross_value(account, dex)
            if value >= self._margin.cross_maintenance(account, dex):
                return

    def _cancel_orders(self, account: Account, positions: list[Held], *, is_cross: bool) -> None:
        """All that share the margin; of an isolated position those of its coin."""
        listings = self._ledger.universe.listings
        coins = {held.listing.coin for held in positions}
        dexs = {held.listing.dex for held in positions}

        def is_meant(coin: str) -> bool:
            return coin in coins or (is_cross and (account.is_unified or listings[coin].dex in dexs))

        for order in list(account.open_orders.values()):
            if order.is_open and is_meant(order.coin):
                self._ledger.cancel(order, OrderStatus.LIQUIDATED_CANCELED)
        end_twaps(self._ledger, account, is_meant)

    def _sell_off(self, account: Account, held: Held, lots: int, value: int) -> None:
        """A market order that reaches as far as the margin behind the position does."""
        ledger, instrument = self._ledger, held.listing.instrument
        side = Side.SELL if held.position.lots > 0 else Side.BUY
        reach = max(0, value - held.value // _FEE_RESERVE_DIVISOR) // abs(held.position.lots)
        price = held.mark + side.sign * reach
        price = instrument.round_price_up(price) if side is Side.SELL else instrument.round_price_down(price)
        order = Order(
            oid=ledger.new_order_id(),
            user=account.user,
            coin=held.listing.coin,
            side=side,
            price=price,
            lots=lots,
            remaining=lots,
            tif=TimeInForce.LIQUIDATION_MARKET,
            reduce_only=True,
            cloid=None,
            created_ms=ledger.block_ms,
            status=OrderStatus.OPEN,
            status_ms=ledger.block_ms,
        )
        ledger.batch.updates.append(OrderUpdate(order, lots, OrderStatus.OPEN, ledger.block_ms))
        ledger.liquidated = Liquidated(account.user, held.mark, "market")
        take(ledger.books[order.coin], order, ledger, instrument)
        ledger.liquidated = None
        ledger.record(order, OrderStatus.CANCELED if order.remaining else OrderStatus.FILLED)

    def _hand_over(self, account: Account, positions: list[Held], value: int, *, is_cross: bool) -> None:
        """Positions and what is left of the margin, be it less than nothing, go to the backstop."""
        ledger = self._ledger
        dexs = self._sharing(account, positions[0].listing.dex)
        cash = self._cross_cash(account, dexs)
        insured = all(
            self._margin.cross_value(ledger.backstop, dex) + value >= 0
            for dex in {held.listing.dex for held in positions}
        )
        for held in positions:
            ledger.liquidated = Liquidated(account.user, held.mark, "backstop")
            if not insured:
                self._deleverage(account, held)
            coin = held.listing.coin
            if lots := account.lots(coin):
                ledger.move_position(account, ledger.backstop, coin, lots, held.mark)
        ledger.liquidated = None
        for dex, now in self._cross_cash(account, dexs).items():
            self._pay_backstop(account, dex, now if is_cross else now - cash[dex])
        if is_cross and account.is_unified:
            ledger.backstop.spot += account.spot
            account.spot = 0

    def _deleverage(self, account: Account, held: Held) -> None:
        coin = held.listing.coin
        price = self._marks.get(coin, held.mark)
        for winner in self._ranked(account, held, price):
            lots = account.lots(coin)
            if not lots:
                return
            moved = min(abs(lots), abs(winner.lots(coin))) * (1 if lots > 0 else -1)
            self._ledger.move_position(account, winner, coin, moved, price, AUTO_DELEVERAGED)

    def _ranked(self, account: Account, held: Held, price: int) -> list[Account]:
        """Those on the other side, by (mark / entry) * (notional / account value)."""
        coin, sign = held.listing.coin, 1 if held.position.lots > 0 else -1
        ranks: list[tuple[Fraction, Account]] = []
        for other in self._ledger.holders.values():
            position = other.positions.get(coin)
            if other is account or position is None or position.lots * sign >= 0:
                continue
            if (value := self._margin.value(other)) > 0:
                gain = Fraction(price * position.lots, position.cost)
                ranks.append((gain * Fraction(abs(position.lots) * price, value), other))
        return [other for _, other in sorted(ranks, key=lambda rank: rank[0], reverse=True)]

    def _sharing(self, account: Account, dex: str) -> tuple[str, ...]:
        """The dexs that share their margin with ``dex``."""
        return self._ledger.universe.dexs if account.is_unified else (dex,)

    def _cross_cash(self, account: Account, dexs: tuple[str, ...]) -> dict[str, int]:
        return {dex: self._margin.cross_cash(account, dex) for dex in dexs}

    def _pay_backstop(self, account: Account, dex: str, micro: int) -> None:
        account.pay(dex, -micro)
        self._ledger.backstop.pay(dex, micro)
        self._ledger.touch(account)
        self._ledger.touch(self._ledger.backstop)

    def _tell(self, account: Account, rows: list[Json], notional: int, value: int, *, is_cross: bool) -> None:
        ledger = self._ledger
        ledger.counters.liquidations += 1
        delta: JsonObject = {
            "type": "liquidation",
            "liquidatedNtlPos": micro_wire(notional),
            "accountValue": micro_wire(value),
            "leverageType": "Cross" if is_cross else "Isolated",
            "liquidatedPositions": rows,
        }
        ledger.note(HistoryRow(account.user, ledger.block_ms, ledger.block_hash(), delta))
        ledger.batch.liquidations.append(
            LiquidationEvent(ledger.counters.liquidations, BACKSTOP_ADDRESS, account.user, notional, value)
        )


def _position_row(listing: Listing, lots: int) -> JsonObject:
    return {"coin": listing.coin, "szi": units_wire(lots, listing.instrument.sz_decimals)}
