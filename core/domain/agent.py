"""Agent wallets (API wallets): keys that sign for an account and can't withdraw from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.clock import DAY_MS

WARN_DAYS = (30, 14, 7, 3, 1)
"""An agent's end is told of when so many days are left."""

REDUCE_ONLY_MS = DAY_MS
"""With less left nothing is added to a position: when the agent has ended, nobody could close it."""


class RoleKind(StrEnum):
    """What an address is to the exchange (``userRole``)."""

    USER = "user"
    AGENT = "agent"
    SUB_ACCOUNT = "subAccount"
    VAULT = "vault"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Role:
    """``master``: the account that an agent signs for, or whose sub-account it is, in lower case; empty for the others."""

    kind: RoleKind
    master: str = ""


@dataclass(frozen=True, slots=True)
class NamedAgent:
    """One row of ``extraAgents``. ``valid_until_ms``: venue time; ``None``: without an end."""

    name: str
    address: str
    valid_until_ms: int | None


@dataclass(frozen=True, slots=True)
class AgentObserved:
    """What the exchange lists of the agent that signs for the account.

    ``is_listed`` is False for the unnamed agent, whose end the exchange doesn't tell, and for one that ended or was revoked.
    """

    address: str
    is_listed: bool = False
    name: str = ""
    valid_until_ms: int | None = None

    def left_ms(self, venue_ms: int) -> int | None:
        """Until it ends; ``None`` if that isn't known, or it has no end."""
        return None if self.valid_until_ms is None else self.valid_until_ms - venue_ms


def warned_of(left_ms: int) -> int:
    """The least of ``WARN_DAYS`` that isn't passed yet, 0 while there are more days left than any of them."""
    return min((days for days in WARN_DAYS if left_ms <= days * DAY_MS), default=0)


def left_text(left_ms: int) -> str:
    """``6 days``, ``5 h``, ``12 min``: rounded down, so that nobody is told of more than there is."""
    if left_ms >= 2 * DAY_MS:
        return f"{left_ms // DAY_MS} days"
    if left_ms >= 2 * 3_600_000:
        return f"{left_ms // 3_600_000} h"
    return f"{max(0, left_ms) // 60_000} min"
