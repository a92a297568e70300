"""Begins flattens: one at a time for a coin, whoever asks, and again after a restart that came in the midst of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.commands import ALL_COINS, Action, Command, Origin
from core.domain.effects import AskDepth, Effect, notify
from core.domain.fills import Fill
from core.domain.standing import ends_a_flatten
from core.engine.coin import Coin
from core.engine.flatten import Flatten
from core.engine.flatten_all import FlattenAll
from core.engine.foreign import Sweep
from core.engine.halts import closes_position
from core.engine.procedures import Procedure
from core.engine.standing import note_by_hand

if TYPE_CHECKING:
    from core.engine.engine import Engine


def flattens(running: Iterable[Procedure]) -> Iterator[tuple[str, Flatten]]:
    """Each coin that is being flattened, and how far it is."""
    for procedure in running:
        if isinstance(procedure, Flatten):
            yield procedure.command.coin, procedure
        elif isinstance(procedure, FlattenAll):
            yield from ((name, part) for name, part in procedure.parts.items() if not part.done)


def flatten_refusal(engine: Engine, command: Command, coins: list[Coin]) -> str:
    """Why it can't begin; empty if it can. One that is under way goes on: a second would send its orders twice."""
    if not command.coin and command.value.lower() != ALL_COINS:
        names = ", ".join(coin.name for coin in coins)
        return f"name the coin to flatten, or all of them (ALL, `gridbot flatten --all`): {names}"
    under_way = dict(flattens(engine.desk.running))
    if command.coin in under_way and not engine.desk.of_session(command.coin):
        progress = under_way[command.coin].text
        return f"{command.coin} is being flattened already{f': {progress}' if progress else ''}"
    if not command.coin and any(isinstance(p, FlattenAll) for p in engine.desk.running):
        return "every coin is being flattened already"
    return ""


def new_flatten(
    engine: Engine, command: Command, coins: list[Coin], now: Instant
) -> tuple[Procedure, list[Effect]]:
    """The procedure, and the reads that it begins with."""
    is_session = command.origin is Origin.SESSION
    for coin in coins:
        coin.flattening = not is_session  # a session's own begins again by itself
        coin.wants_new_grid |= not is_session  # whichever halt is latched, what the cells held will be gone
    if command.coin:
        one = _flatten(engine, command, command.id, now)
        return one, one.start()
    parts = {coin.name: _flatten(engine, command, f"{command.id}:{coin.name}", now) for coin in coins}
    return FlattenAll(command, now.mono_ms, parts=parts), [e for part in parts.values() for e in part.start()]


def _flatten(engine: Engine, command: Command, ticket: str, now: Instant) -> Flatten:
    sweep = Sweep("flatten", engine.instance)
    is_session = command.origin is Origin.SESSION
    return Flatten(command, now.mono_ms, sweep=sweep, ticket=ticket, spares_foreign=is_session)


LOOK_AGAIN_MS = 2_000
"""A book that was read so lately is not read again, however many screens ask."""


def look_at_books(coins: Iterable[Coin], now: Instant) -> list[Effect]:
    """Two of the exchange's weight for each, asked only while somebody looks."""
    due = [c for c in coins if c.ledger.lots and now.wall_ms - c.depth_wall_ms >= LOOK_AGAIN_MS]
    return [AskDepth(coin.name) for coin in due]


def flatten_ended(ended: Procedure, coins: Iterable[Coin]) -> None:
    """It is flat, or its operator has been told what is left: a restart begins nothing. ``coins``: those that no other flatten
    is closing.
    """
    for coin in coins:
        coin.flattening = False
        part = ended.parts[coin.name] if isinstance(ended, FlattenAll) else ended
        coin.is_closed |= closes_position(coin.halted) and not part.failed


AGREE_WITHIN_MS = 30_000
"""After a start what is held by the fills and by the exchange must have become the same: else somebody has traded meanwhile
whose fills are not known.
"""


BY_HAND = "the position was traded by hand since"


def heed_trades_by_hand(engine: Engine, coin: Coin, told: Iterable[tuple[Fill, bool]]) -> list[Effect]:
    """What an earlier run was in the midst of closing, or a price's halt wants closed, is not what is held any more, once
    somebody has closed it, or opened something, by hand: it is theirs, however long ago it was that the flatten was asked for.
    ``told``: fills, and whether each is of no order of ours; what came before the last of ours, as of a stop that fired, is
    what was to be closed.
    """
    rows = list(told)
    if coin.flattening and any(is_external and ends_a_flatten(fill) for fill, is_external in rows):
        note_by_hand(coin)
    for_price = closes_position(coin.halted) and not coin.is_closed and not coin.stop_loss.last_mono_ms
    if not (coin.flattening or for_price) or engine.desk.is_flattening(coin.name):
        return []
    since = (
        0
        if coin.flattening
        else max((n for n, (_, is_external) in enumerate(rows, 1) if not is_external), default=0)
    )
    if not any(is_external and ends_a_flatten(fill) for fill, is_external in rows[since:]):
        return []  # a part of it that was closed leaves the rest to be closed
    return _let_go(coin, BY_HAND)


def _let_go(coin: Coin, why: str) -> list[Effect]:
    coin.flattening, coin.is_closed = False, closes_position(coin.halted)
    reason = f"{why}; what is held is left alone, F (`gridbot flatten {coin.name}`) closes it"
    return [notify("flatten_not_resumed", "crit", coin.name, reason=reason)]


def go_on_flattening(engine: Engine, now: Instant) -> list[Effect]:
    """At every tick: what the last run was in the midst of is carried on, once the fills since then are read and agree with
    what the exchange shows.
    """
    if not engine.saw_account or not engine.feed.has_read or engine.desk.stopping:
        return []
    out: list[Effect] = []
    for coin in engine.coins.values():
        halted = engine.halt_reason(coin)
        if coin.left_by_hand:
            coin.left_by_hand = False
            out += _let_go(coin, BY_HAND)
        if not coin.flattening or engine.desk.is_flattening(coin.name) or closes_position(halted):
            continue
        if engine.margined.get(coin.name, 0) != coin.ledger.lots:
            if now.wall_ms - engine.started_wall_ms >= AGREE_WITHIN_MS:
                out += _let_go(coin, "the exchange shows another position than the fills do")
            continue
        id_ = f"flatten:{engine.boot}:{coin.name}"
        out.append(
            notify("flatten_resumed", "warn", coin.name, reason="it was under way when the program ended")
        )
        out += engine.desk.receive(engine, Command(id_, Action.FLATTEN, coin.name, Origin.RESTART), now)
    return out
