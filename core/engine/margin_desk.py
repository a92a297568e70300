"""Margin by command: what an addition to an isolated position would do to its liquidation, and the addition itself."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.clock import Instant
from core.domain.effects import AskAccount, Effect, MoveMargin
from core.domain.events import AccountObserved, Event, MarginMoved, RequestFailed
from core.domain.margin import HeldMargin, MarginMode, liquidation_price
from core.domain.units import InexactNumberError, decimal_text, parse_units
from core.engine.coin import Coin
from core.engine.procedures import ProcedureBase

LIMIT_MS = 30_000
MICRO_DIGITS = 6
MOST_USD = 10**9


def amount_micro(value: str) -> int:
    """Micro-USD of what was typed; 0 if it is no amount to add."""
    try:
        micro = parse_units(value, MICRO_DIGITS)
    except InexactNumberError:
        return 0
    return micro if 0 < micro <= MOST_USD * 10**MICRO_DIGITS else 0


def margin_refusal(coin: Coin, value: str) -> str:
    """Why margin can't be added; empty if it can."""
    if not amount_micro(value):
        return f"{value!r} is no amount to add; write USD above 0 with at most {MICRO_DIGITS} decimals"
    if coin.held is None:
        return f"{coin.name} has no position on the exchange, so there is nothing to add margin to"
    if coin.held.leverage.mode is MarginMode.CROSS:
        return (
            f"{coin.name} uses cross margin: all of the account stands behind it already; deposit, or close and set "
            "margin_mode = isolated"
        )
    return ""


def preview_text(coin: Coin, micro: int) -> str:
    held = coin.held
    assert held is not None, "refused before"
    more = Decimal(micro).scaleb(-MICRO_DIGITS)
    mark = held.value_usd / abs(held.size)
    after = liquidation_price(held.size, mark, held.used_usd + more, coin.config.instrument.tiers)
    return (
        f"{coin.name} {held.leverage}, position {decimal_text(held.size)}: {decimal_text(more)} USD more make a margin of "
        f"{held.used_usd + more:.2f} USD (now {held.used_usd:.2f}) and move the liquidation price from "
        f"{_price(coin, held.liquidation)} to {_price(coin, after)}"
    )


def _price(coin: Coin, price: Decimal | None) -> str:
    if price is None or price <= 0:
        return "none"
    instrument = coin.config.instrument
    units = instrument.price_units(price)
    return decimal_text(instrument.price_decimal(instrument.round_price_down(units)))


@dataclass(slots=True)
class AddMargin(ProcedureBase):
    """Send it once, then look at what the exchange shows."""

    micro: int = 0
    before: HeldMargin | None = None
    doubt: str = ""
    is_sent: bool = False

    def start(self) -> list[Effect]:
        self.text = "waiting for the exchange's answer"
        return [MoveMargin(self.command.coin, self.micro, self.command.id)]

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        (coin,) = coins
        ticket = self.command.id
        match event:
            case MarginMoved(ticket=t, error=error, is_definite=True) if t == ticket and error:
                return self.end(f"the exchange refused it: {error}", failed=True)
            case MarginMoved(ticket=t, error=error) if t == ticket:
                self.doubt, self.is_sent = error, True
                return [AskAccount(ticket)]
            case AccountObserved(ticket=t) if t == ticket and self.is_sent:
                return self._looked(coin)
            case RequestFailed(ticket=t, reason=reason) if t == ticket:
                return self.end(
                    f"{self._what()}, but the account can't be read: {reason}", failed=bool(self.doubt)
                )
        if self.elapsed_ms(now) > LIMIT_MS:
            return self.end(
                "no answer from the exchange; `gridbot status` shows the margin once it is read", failed=True
            )
        return []

    def _what(self) -> str:
        usd = decimal_text(Decimal(self.micro).scaleb(-MICRO_DIGITS))
        return (
            f"it is not known whether {usd} USD were added ({self.doubt})"
            if self.doubt
            else f"added {usd} USD"
        )

    def _looked(self, coin: Coin) -> list[Effect]:
        held, before = coin.held, self.before
        if held is None or before is None:
            return self.end(f"{self._what()}; {coin.name} has no position now", failed=bool(self.doubt))
        return self.end(
            f"{self._what()}; margin {held.used_usd:.2f} USD (was {before.used_usd:.2f}), liquidation price "
            f"{_price(coin, held.liquidation)} (was {_price(coin, before.liquidation)})",
            failed=bool(self.doubt),
        )
