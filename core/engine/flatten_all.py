"""Flatten of every coin: one command, one receipt with a line for each coin."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.domain.clock import Instant
from core.domain.effects import Effect
from core.domain.events import Event
from core.engine.coin import Coin
from core.engine.flatten import Flatten
from core.engine.procedures import ProcedureBase


@dataclass(slots=True)
class FlattenAll(ProcedureBase):
    """Each coin is closed beside the others; it ends when the last has ended."""

    parts: dict[str, Flatten] = field(default_factory=dict)
    """By coin."""

    def advance(self, coins: list[Coin], event: Event | None, now: Instant) -> list[Effect]:
        out: list[Effect] = []
        for coin in coins:
            part = self.parts[coin.name]
            if not part.done:
                out += part.advance([coin], event, now)
        self.text = "\n".join(f"{name}: {part.text}" for name, part in self.parts.items())
        self.done = all(part.done for part in self.parts.values())
        self.failed = any(part.failed for part in self.parts.values())
        return out
