"""What the exchange still takes of this address of the network, and of this account: requests, and how long they last."""

from __future__ import annotations

from dataclasses import dataclass

from core.view.states import BudgetMode


@dataclass(frozen=True, slots=True)
class BudgetView:
    """IP weight is of the last minute and of all processes of this host. Requests are of the account, for its life."""

    ip_limit: int = 0
    """Weight a minute; 0 before it is known."""
    ip_left: int = 0
    """What could be spent now. Below zero after cancels that waited for nobody."""
    ip_reserve: int = 0
    """What of it nothing but a cancel or a reduction may take."""
    is_shared: bool = True
    """Counted together with the other processes of this user that ask the same exchange."""
    paused_until_ms: int = 0
    """Our wall clock: until then nothing but cancels and reductions is sent. 0: nothing is held back."""
    paused_why: str = ""
    address_cap: int = 0
    """Orders that the account may have sent in its life; 0 before the exchange has told."""
    address_used: int = 0
    """What it told, and what was sent since then."""
    address_left: int = 0
    address_reserve: int = 0
    """What of it the grid leaves to stops, reductions and operators."""
    cancels_left: int = 0
    """Cancels have a larger cap of their own."""
    actions_last_min: int = 0
    """Orders, modifies and cancels sent, in batches or not, as ``actions_last_hour``."""
    actions_last_hour: int = 0
    hours_to_empty: float | None = None
    """At the present churn, less what trading gives back; ``None``: it doesn't fall."""
    mode: BudgetMode = BudgetMode.NORMAL
    read_ms: int = 0
    """When the exchange last told, our wall clock; 0: not yet."""
