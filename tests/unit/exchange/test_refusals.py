"""The exchange's words, as its documentation and captures have them, and what kind of refusal each is."""

from __future__ import annotations

import pytest

from core.domain.causes import Cause, Failure
from core.exchange.answers import whole_failure
from core.exchange.refusals import http_cause, one_cause, whole_cause


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("User or API Wallet 0x5e9ee1089755c3435139848e47e6635505d5a13a does not exist.", Cause.AUTH),
        ("L1 error: User or API Wallet 0x5e9e does not exist.", Cause.AUTH),
        ("Must deposit before performing actions. User: 0x5e9e", Cause.AUTH),
        ("Unable to recover signer.", Cause.AUTH),
        ("Invalid nonce: duplicate nonce 1764221206959", Cause.NONCE),
        ("Invalid nonce: nonce too low 1776584283874 < 1776584799101", Cause.NONCE),
        ("Nonce mismatch.", Cause.NONCE),
        ("Action already expired", Cause.EXPIRED),
        (
            "Too many cumulative requests sent (97460 > 97456) for cumulative volume traded $87457.46. "
            "Place taker orders to free up 1 request per USDC traded.",
            Cause.RATE_ADDRESS,
        ),
        ("Signed action over weight limit of 200.", Cause.MALFORMED),
        ("The exchange is under maintenance", Cause.MAINTENANCE),
        ("what we don't know", Cause.REFUSED),
    ],
)
def test_a_whole_request_that_is_refused(words: str, cause: Cause) -> None:
    assert whole_cause(words) is cause
    assert whole_failure({"status": "err", "response": words}) == Failure(cause, words)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("Price must be divisible by tick size. asset=0", Cause.TICK),
        ("Order has invalid price.", Cause.TICK),
        ("Order must have minimum value of $10. asset=0", Cause.MIN_NOTIONAL),
        ("Insufficient margin to place order. asset=0", Cause.MARGIN),
        ("Order would cause position to exceed margin tier limit at current leverage", Cause.MARGIN),
        ("Reduce only order would increase position. asset=0", Cause.REDUCE_ONLY),
        (
            "Post only order would have immediately matched, bbo was 77479@77480. asset=0",
            Cause.POST_ONLY,
        ),
        ("Only post-only orders allowed immediately after network upgrade", Cause.POST_ONLY_MODE),
        ("Only post-only orders allowed immediately after a network upgrade", Cause.POST_ONLY_MODE),
        ("Order could not immediately match against any resting orders. asset=0", Cause.NO_LIQUIDITY),
        ("No liquidity available for market order. asset=0", Cause.NO_LIQUIDITY),
        ("Order would increase open interest while open interest is capped asset=0", Cause.OPEN_INTEREST),
        ("Order would increase open interest too quickly", Cause.OPEN_INTEREST),
        ("Price too far from oracle asset=4", Cause.PRICE_BAND),
        ("Order price cannot be more than 95% away from the reference price", Cause.PRICE_BAND),
        ("Order value too large. Max is $5000000.", Cause.SIZE),
        ("Order has zero size.", Cause.SIZE),
        ("Order was never placed, already canceled, or filled. asset=0", Cause.GONE),
        ("badAloPxRejected", Cause.POST_ONLY),
        ("perpMarginRejected", Cause.MARGIN),
        ("positionIncreaseAtOpenInterestCapRejected", Cause.OPEN_INTEREST),
        ("tooManyOpenOrdersRejected", Cause.TOO_MANY_ORDERS),
        ("open", Cause.REFUSED),
    ],
)
def test_one_order_or_cancel_that_is_refused_is_business(words: str, cause: Cause) -> None:
    assert one_cause(words) is cause
    assert cause.is_answer
    if cause is not Cause.REFUSED:
        assert whole_failure({"status": "err", "response": words}) is None, "also if it is told of all"


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (429, Cause.RATE_IP),
        (500, Cause.SERVER),
        (502, Cause.SERVER),
        (503, Cause.MAINTENANCE),
        (422, Cause.MALFORMED),
        (301, Cause.SERVER),
    ],
)
def test_an_http_status_other_than_200_is_no_answer(status: int, cause: Cause) -> None:
    assert http_cause(status) is cause
    assert not cause.is_answer
    assert cause.was_sent


def test_only_what_never_left_counts_as_unsent() -> None:
    assert [c for c in Cause if not c.was_sent] == [Cause.UNSENT, Cause.LOCAL, Cause.STORAGE, Cause.CROSSED]


def test_an_answer_order_by_order_is_no_failure() -> None:
    assert whole_failure({"status": "ok", "response": {"type": "order", "data": {"statuses": []}}}) is None
