"""What is told of the way that actions take, besides what became of orders: by the order router, and of the key that signs."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.agent import AgentObserved


@dataclass(frozen=True, slots=True)
class DeadManAnswered:
    """The answer to an ``ArmDeadMan``, or with 0 to a ``DisarmDeadMan``: ``error`` is empty if it was done. ``is_definite``: an
    error that left all as it was.
    """

    until_ms: int
    error: str = ""
    is_definite: bool = True


@dataclass(frozen=True, slots=True)
class KeyShared:
    """Nonces were refused one after the other: another program signs with this key. ``reason`` in a few words."""

    reason: str


RouterEvent = DeadManAnswered | KeyShared | AgentObserved
