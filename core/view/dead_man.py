"""The exchange's dead man's switch, as its last answer leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.view.states import DeadManState


@dataclass(frozen=True, slots=True)
class DeadManView:
    """Armed, the exchange cancels everything of the account at ``armed_until_ms``, stops included, unless it is moved on."""

    state: DeadManState = DeadManState.OFF
    after_s: float = 0.0
    """How far ahead it is armed, and how often it is moved on: 0 if it isn't wanted."""
    refresh_s: float = 0.0
    armed_until_ms: int = 0
    """Our wall clock, as the exchange has confirmed; 0: not armed, as far as is known."""
    text: str = ""
    """Why the last request came to nothing, in the exchange's words."""
    traded_usd: Decimal | None = None
    required_usd: Decimal | None = None
    """What the account has traded and what it takes, if the exchange refused it for that."""
    firings_left: int = 10
    """Today, UTC, at most: those that this run has seen are left out, others may have been."""
