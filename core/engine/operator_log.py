"""How things stood before a command and after it, in a few words, for the operator's log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.domain.commands import OF_THE_DOOR, Action, Command
from core.domain.effects import Effect, Notify, SaveAction
from core.engine.coin import Coin
from core.engine.grid_desk import SET

if TYPE_CHECKING:
    from core.engine.engine import Engine

STARTED = "started"
OPERATOR_EVENT = "operator"
_OPEN_COMMANDS = 256
"""Commands that may be under way at once; past that the oldest loses what it stood at."""


@dataclass(slots=True)
class OperatorLog:
    """Remembers how things stood when each command came in, and adds that to its rows and its event."""

    _before: dict[str, str] = field(default_factory=dict)

    def came_in(self, engine: Engine, command: Command, coins: Iterable[Coin]) -> None:
        self._before[command.id] = standing(engine, command, coins)
        while len(self._before) > _OPEN_COMMANDS:
            del self._before[next(iter(self._before))]

    def written(self, engine: Engine, effects: list[Effect], coins: Iterable[Coin]) -> list[Effect]:
        """The effects of a command, its rows and its event with how things stood."""
        out: list[Effect] = []
        rows: dict[str, SaveAction] = {}
        for effect in effects:
            if isinstance(effect, SaveAction):
                id_ = effect.command.id
                after = standing(engine, effect.command, coins) if effect.outcome != STARTED else ""
                rows[id_] = replace(effect, before=self._before.get(id_, ""), after=after)
                out.append(rows[id_])
            elif isinstance(effect, Notify) and (row := rows.get(_command_of(effect))) is not None:
                self._before.pop(row.command.id, None)
                told = (("before", row.before), ("after", row.after))
                out.append(replace(effect, fields=(*effect.fields, *told)))
            else:
                out.append(effect)
        return out


def _command_of(event: Notify) -> str:
    """The id of the command that an ``operator`` event is about; empty for any other event."""
    return str(dict(event.fields).get("id", "")) if event.name == OPERATOR_EVENT else ""


def standing(engine: Engine, command: Command, coins: Iterable[Coin]) -> str:
    """``BTC +0.1875, 30 orders, halted: operator``, one part for each coin; what a setting was, for a command that sets one."""
    if command.action in OF_THE_DOOR or command.refusal:
        return ""
    if command.action is Action.RESET_BREAKER:
        stopped = [b.name.value for b in engine.breakers if b.reason]
        return f"breakers with a reason: {', '.join(stopped)}" if stopped else "breakers closed"
    return "; ".join(_of_coin(engine, command, coin) for coin in coins)


def _of_coin(engine: Engine, command: Command, coin: Coin) -> str:
    lots = coin.ledger.lots
    held = f"{'+' if lots > 0 else ''}{coin.config.instrument.size_text(lots)}" if lots else "flat"
    if command.action in SET:
        return f"{coin.name} {coin.overrides.text(coin.config.grid) or 'as configured'}"
    if command.action in (Action.MARGIN_ADD, Action.MARGIN_PREVIEW):
        return f"{coin.name} {held}, margin {coin.held.used_usd if coin.held else 'unknown'}"
    reason = engine.halt_reason(coin)
    return f"{coin.name} {held}, {len(coin.live_grid_orders())} orders, {f'halted: {reason}' if reason else 'not halted'}"
