"""Parked slots: levels of a grid that an operator wants empty until he says otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.clock import Instant
from core.domain.commands import Action, Command
from core.domain.effects import Effect, SaveParked, notify
from core.domain.orders import Order, Purpose, Side
from core.engine.coin import Coin
from core.engine.intents import cancel_one

_TAKEN_BY = "`gridbot cancel-all` (key O) or a flatten (key F) takes it"


def slot_text(side: Side, index: int) -> str:
    return f"{side.value} {index}"


def park_refusal(command: Command, coins: list[Coin]) -> str:
    """Why an order can't be parked, or a slot unparked; empty if it can."""
    if command.action is Action.UNPARK:
        return _unpark_refusal(command, coins)
    found = find(command, coins)
    if found is None:
        for coin in coins:
            if any(command.value in (s.order.cloid, str(s.order.order_id)) for s in coin.strangers.listed):
                return f"{command.value} is not an order of this GridBot, so it has no slot: {_TAKEN_BY}"
        return f"{command.value or 'no order'} is not in the books: select a live order of the grid"
    coin, order = found
    if order.state.is_terminal:
        return f"{order.cloid} has ended already ({order.state.value})"
    if order.purpose is Purpose.STOP:
        return f"{order.cloid} is the stop that protects the position of {coin.name}: it goes when nothing is held"
    if order.slot is None:
        return f"{order.cloid} closes the position and works no slot of the grid"
    return ""


def _unpark_refusal(command: Command, coins: list[Coin]) -> str:
    parked = [text for coin in coins for text in coin.parked.texts]
    if not parked:
        return "no slot is parked"
    if command.value and command.value not in parked:
        return f"{command.value} is not parked; parked are {', '.join(parked)}"
    return ""


def find(command: Command, coins: Iterable[Coin]) -> tuple[Coin, Order] | None:
    for coin in coins:
        order = coin.orders.by_cloid.get(command.value)
        if order is not None:
            return coin, order
    return None


def park(command: Command, coins: list[Coin], now: Instant) -> tuple[list[Effect], str]:
    """Cancel the order, and leave its slot empty. Only if ``park_refusal`` has none."""
    found = find(command, coins)
    assert found is not None
    coin, order = found
    assert order.slot is not None
    side, index = order.slot.side, order.slot.index
    coin.parked.slots.add((side, index))
    name, price = slot_text(side, index), coin.config.instrument.price_text(order.price)
    out: list[Effect] = [
        _saved(coin),
        notify("slot_parked", "warn", coin.name, slot=name, price=price, cloid=order.cloid),
    ]
    text = (
        f"{coin.name} {name} at {price}: its cancel is sent, and it stays empty until it is unparked "
        f"(`gridbot unpark {coin.name}`)"
    )
    return [*out, *cancel_one(coin, order, now)], text


def unpark(command: Command, coins: list[Coin]) -> tuple[list[Effect], str]:
    out: list[Effect] = []
    freed: list[str] = []
    for coin in coins:
        gone = {slot for slot in coin.parked.slots if not command.value or slot_text(*slot) == command.value}
        if gone:
            coin.parked.slots -= gone
            names = ", ".join(slot_text(*slot) for slot in sorted(gone))
            out += [_saved(coin), notify("slot_unparked", "info", coin.name, slots=names)]
            freed.append(f"{coin.name} {names}")
    return out, f"quoted again: {'; '.join(freed)}"


def _saved(coin: Coin) -> SaveParked:
    return SaveParked(coin.name, coin.parked.saved())
