"""What the exchange takes of us: requests of an account in its life, and IP weight of this host within a minute."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """Of one address: ``cap`` is 10,000 and one for each USDC ever traded, ``used`` all orders and cancels ever sent."""

    cap: int
    used: int
    traded_usd: Decimal = Decimal(0)
    """All that it has ever traded."""

    @property
    def left(self) -> int:
        """Orders that may still be sent. Cancels go on for longer: twice the cap, or 100,000 beyond it if that is less."""
        return max(0, self.cap - self.used)


NEW_ADDRESS = RequestBudget(10_000, 0)
"""Of an address that has never sent anything."""


@dataclass(frozen=True, slots=True)
class IpWeight:
    """What the exchange takes of this host over REST within a minute. ``limit`` 0: not known yet."""

    limit: int = 0
    left: int = 0
    """Below zero after cancels that waited for nobody."""
    reserve: int = 0
    """What of it only cancels and reductions may take."""
    paused_ms: int = 0
    """For how much longer nothing else is sent."""
    paused_why: str = ""
    is_shared: bool = False
    """Counted together with the other processes of this user."""
    proof_wait_ms: int = 0
    """How long a read that a start, a stop or a command needs would wait for weight; 0: it goes at once."""


NO_WEIGHT = IpWeight()


@dataclass(frozen=True, slots=True)
class RequestBudgetObserved:
    """How many requests the exchange has counted of the account, and how many it takes."""

    budget: RequestBudget
