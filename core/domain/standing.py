"""What a coin's grid is in the midst of, as words that outlive the program."""

from __future__ import annotations

from enum import StrEnum

from core.domain.fills import Fill, FillKind


class Standing(StrEnum):
    NEW_GRID = "new_grid"
    """What the cells of the present grid held is gone: the next one begins anew."""
    REDUCED = "reduced"
    """Parts of the position were closed because the price left the grid."""
    ONE_SIDED = "one_sided"
    """The reducing side alone is quoted."""

    FLATTENING = "flattening"
    """A flatten is under way: a start goes on with it."""
    BY_HAND = "by_hand"
    """Somebody has closed, added to or opened the position by hand while a flatten was under way: no start goes on with it.
    Only the journal writes it, with the fill itself; what looks at the fill next takes it back or acts on it.
    """
    CLOSED = "closed"
    """What a halt wanted closed was proven closed: what is held since is the operator's."""


def standing_key(coin: str) -> str:
    return f"standing:{coin}"


def standing_text(words: set[Standing]) -> str:
    return " ".join(sorted(words))


def standing_words(text: str) -> set[Standing]:
    """Raises ``ValueError`` for a word that means nothing."""
    return {Standing(word) for word in text.split()}


def ends_a_flatten(fill: Fill) -> bool:
    """Whether what is held after it, if it is of no order of ours, is not what was being closed: a part of it that was closed
    leaves the rest to be closed.
    """
    return fill.kind is FillKind.TRADE and fill.end_lots * fill.signed_lots >= 0
