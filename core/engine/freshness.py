"""Whether an answer is of now: a node of the exchange may lag by half a minute, and what it shows proves nothing.

Of the answers that a proof rests on the account's alone carries its time; a list of orders has none. So the account is asked
for after the list: a node that was behind with the one is behind with the other.
"""

from __future__ import annotations

from core.domain.events import AccountObserved

LAG_MS = 2_000
"""An answer that is so much older than its question, by our reckoning of the venue's clock, is of a node that lags."""


def lag_text(seen: AccountObserved, asked_venue_ms: int) -> str:
    """How far behind the exchange's answer is, to a question of that venue time or later; empty if it is of now."""
    behind_ms = asked_venue_ms - seen.venue_ms
    return f"the exchange shows what was {behind_ms / 1000:.0f} s ago" if behind_ms > LAG_MS else ""
