"""The names of reads that nobody but the engine itself asked for: of fills that are missing somewhere."""

from __future__ import annotations

CHAIN = "chain"
"""A break in the chain of start positions."""

AWAITING_FILLS = "awaiting_fills"
"""Orders have ended and their fills don't add up yet."""

_DRIFT = "drift:"


def drift_ticket(asked_mono_ms: int) -> str:
    """Positions differ from the exchange's; of the read that was asked for then."""
    return f"{_DRIFT}{asked_mono_ms}"


def is_search(ticket: str) -> bool:
    """Whether it is repeated until what is missing is found: none of these may use up what others need."""
    return ticket in (CHAIN, AWAITING_FILLS) or ticket.startswith(_DRIFT)
