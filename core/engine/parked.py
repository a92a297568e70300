"""Which slots of a coin's grid are parked. A slot is a side and a level, whatever the generation of the grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.domain.orders import Order, Side, Slot
from core.engine.risk_engine import Refusal, Rule

PARKED = Refusal(Rule.PARKED, "parked by an operator")


@dataclass(slots=True)
class Parked:
    slots: set[tuple[Side, int]] = field(default_factory=set)

    @property
    def texts(self) -> tuple[str, ...]:
        """As in ``buy 3``."""
        return tuple(f"{side.value} {index}" for side, index in sorted(self.slots))

    def refusals(self, generation: int) -> dict[Slot, Refusal]:
        return {Slot(generation, side, index): PARKED for side, index in self.slots}

    def orders_in(self, live: Iterable[Order]) -> list[Order]:
        """What rests where nothing shall: a cancel that did not take, a change that was under way, an order of another grid."""
        return [o for o in live if o.slot is not None and (o.slot.side, o.slot.index) in self.slots]

    def saved(self) -> str:
        return " ".join(f"{side.value}:{index}" for side, index in sorted(self.slots))

    @staticmethod
    def restored(text: str) -> Parked:
        """What ``saved`` wrote. Raises ``ValueError`` for anything else."""
        found = (word.split(":") for word in text.split())
        return Parked({(Side(side), int(index)) for side, index in found})
