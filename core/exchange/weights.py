"""What each request weighs of the 1200 a minute that the exchange takes of one address (its documentation: rate limits)."""

from __future__ import annotations

from typing import Any

DEFAULT_WEIGHT = 20
"""Of every question that isn't listed, also of one that nobody knows."""

WEIGHTS = {
    "l2Book": 2,
    "allMids": 2,
    "clearinghouseState": 2,
    "orderStatus": 2,
    "spotClearinghouseState": 2,
    "exchangeStatus": 2,
    "userRole": 60,
}

ROWS_PER_WEIGHT = {
    "recentTrades": 20,
    "historicalOrders": 20,
    "userFills": 20,
    "userFillsByTime": 20,
    "fundingHistory": 20,
    "userFunding": 20,
    "nonUserFundingUpdates": 20,
    "userNonFundingLedgerUpdates": 20,
    "twapHistory": 20,
    "userTwapSliceFills": 20,
    "userTwapSliceFillsByTime": 20,
    "delegatorHistory": 20,
    "delegatorRewards": 20,
    "validatorStats": 20,
    "candleSnapshot": 60,
}
"""Answers that cost one more for every so many rows. Transfers are asked for by another name than the documentation has."""

ITEMS_PER_WEIGHT = 40


def read_weight(kind: str) -> int:
    """Of a question, before its answer is known."""
    return WEIGHTS.get(kind, DEFAULT_WEIGHT)


def rows_weight(kind: str, answer: Any) -> int:
    """What an answer costs beyond its question; a part of so many rows counts as a whole."""
    rows = ROWS_PER_WEIGHT.get(kind)
    return -(-len(answer) // rows) if rows and isinstance(answer, list) else 0


def action_weight(items: int) -> int:
    """Of an action of so many orders, changes or cancels."""
    return 1 + items // ITEMS_PER_WEIGHT
