"""What must outlive the program of a coin's grid beside its row: saved in the same commit as what it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.effects import SaveStanding
from core.domain.fills import FillKind
from core.domain.standing import Standing, standing_text, standing_words

if TYPE_CHECKING:
    from core.domain.fills import Fill
    from core.engine.coin import Coin


def words_of(coin: Coin) -> set[Standing]:
    found = {
        Standing.NEW_GRID: coin.wants_new_grid,
        Standing.REDUCED: coin.leaving.has_reduced,
        Standing.ONE_SIDED: coin.skew.is_one_sided,
        Standing.FLATTENING: coin.flattening,
        Standing.CLOSED: coin.is_closed,
    }
    return {word for word, holds in found.items() if holds}


def changed_standing(coin: Coin) -> list[SaveStanding]:
    """The row that the journal lacks, if it does."""
    holds = (
        coin.wants_new_grid,
        coin.leaving.has_reduced,
        coin.skew.is_one_sided,
        coin.flattening,
        coin.is_closed,
    )
    if not coin.saved_standing and not any(holds):
        return []
    text = standing_text(words_of(coin))
    if text == coin.saved_standing:
        return []
    coin.saved_standing = text
    return [SaveStanding(coin.name, text)]


def restore_standing(coin: Coin, text: str) -> None:
    words = standing_words(text)
    coin.wants_new_grid = Standing.NEW_GRID in words
    coin.leaving.has_reduced = Standing.REDUCED in words
    coin.skew.is_one_sided = Standing.ONE_SIDED in words
    # A kill came between the fill and the look at it: what is held is its operator's.
    coin.left_by_hand = Standing.BY_HAND in words
    coin.flattening = Standing.FLATTENING in words and not coin.left_by_hand
    coin.is_closed = Standing.CLOSED in words or coin.left_by_hand
    coin.saved_standing = text


def note_by_hand(coin: Coin) -> None:
    """The journal has written so with the fill itself; it is looked at now."""
    coin.saved_standing = standing_text(standing_words(coin.saved_standing) | {Standing.BY_HAND})


def note_fill(coin: Coin, fill: Fill) -> None:
    """A liquidation takes what the cells held; the journal has written so with the fill itself."""
    if fill.kind is not FillKind.TRADE:
        coin.wants_new_grid = True
        coin.saved_standing = standing_text(standing_words(coin.saved_standing) | {Standing.NEW_GRID})
