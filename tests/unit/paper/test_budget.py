"""How many requests an address may send."""

from __future__ import annotations

import pytest

from core.paper.config import PaperConfig, RequestSettings
from core.paper.venue import budget
from core.paper.venue.accounts import Account
from core.paper.venue.budget import charge, request_cap, requests_surplus, requests_used
from core.paper.venue.refusals import RefusedError
from tests.unit.paper.desk import NOOP, OK, Desk, orders, refused
from tests.unit.paper.paper_client import new_wallet, order
from tests.unit.paper.world import NOW_MS

_WORDS = (
    "Too many cumulative requests sent ({} > {}) for cumulative volume traded ${}. "
    "Place taker orders to free up 1 request per USDC traded."
)


def _spent(volume_micro: int = 0, requests: int = 10_000) -> Account:
    return Account("0x1", volume=volume_micro, requests=requests)


def test_the_cap_is_ten_thousand_and_one_for_every_whole_dollar_traded() -> None:
    assert request_cap(_spent()) == 10_000
    assert request_cap(_spent(2_854_574_593_578)) == 2_864_574


def test_over_the_budget_the_venues_words_name_use_cap_and_volume() -> None:
    """The amounts of a recorded refusal."""
    account = _spent(87_456_460_000, 97_459)
    account.throttled_ms = NOW_MS - 9_999
    with pytest.raises(RefusedError) as refused_:
        charge(account, 1, NOW_MS, is_cancel=False)
    assert str(refused_.value) == _WORDS.format(97_460, 97_456, "87456.46")


def test_one_request_in_ten_seconds_still_passes_and_refusals_do_not_put_it_off() -> None:
    account = _spent()
    charge(account, 1, NOW_MS, is_cancel=False)
    for later_ms in (1, 5_000, 9_999):
        with pytest.raises(RefusedError):
            charge(account, 1, NOW_MS + later_ms, is_cancel=False)
    assert account.requests == 10_001
    charge(account, 1, NOW_MS + 10_000, is_cancel=False)
    assert account.requests == 10_002


def test_a_batch_that_would_exceed_the_budget_is_refused_whole() -> None:
    account = _spent(requests=9_999)
    with pytest.raises(RefusedError, match=r"\(10001 > 10000\)"):
        charge(account, 2, NOW_MS, is_cancel=False)
    assert account.requests == 9_999
    charge(account, 1, NOW_MS, is_cancel=False)


def test_a_batch_may_be_the_one_request_in_ten_seconds_where_the_setting_says_so() -> None:
    desk = Desk(PaperConfig(requests=RequestSettings(throttles_batches=False)))
    wallet = new_wallet()
    desk.account(wallet).requests = 10_000
    pair = order(True, "99000", "0.1"), order(True, "98000", "0.1")
    assert len(desk.place(wallet, *pair)) == 2
    assert desk.act(wallet, orders(*pair)) == refused(_WORDS.format(10_004, 10_000, "0.0"))


def test_cancels_have_twice_the_room_or_a_hundred_thousand_more() -> None:
    poor = _spent(requests=19_999)
    charge(poor, 1, NOW_MS, is_cancel=True)
    with pytest.raises(RefusedError, match=r"\(20002 > 20000\)"):
        charge(poor, 2, NOW_MS, is_cancel=True)
    rich = _spent(190_000_000_000, 299_999)
    charge(rich, 1, NOW_MS, is_cancel=True)
    with pytest.raises(RefusedError, match=r"\(300002 > 300000\)"):
        charge(rich, 2, NOW_MS, is_cancel=True)


def test_reserved_requests_come_off_what_counts_as_used() -> None:
    account = _spent(requests=30)
    account.reserved_requests = 100
    assert (requests_used(account), requests_surplus(account)) == (0, 70)
    account.requests = 130
    assert (requests_used(account), requests_surplus(account)) == (30, 0)


def test_a_unified_account_has_a_cap_for_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "DAILY_ACTIONS", 2)
    account = Account("0x1", abstraction="unifiedAccount")
    for _ in range(2):
        charge(account, 1, NOW_MS, is_cancel=False)
    with pytest.raises(RefusedError, match="Too many actions sent today"):
        charge(account, 1, NOW_MS, is_cancel=False)
    charge(account, 1, NOW_MS + 86_400_000, is_cancel=False)


def test_a_refusal_for_the_day_leaves_the_one_request_in_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "DAILY_ACTIONS", 0)
    account = Account("0x1", requests=10_000, abstraction="unifiedAccount")
    with pytest.raises(RefusedError, match="Too many actions sent today"):
        charge(account, 1, NOW_MS, is_cancel=False)
    account.abstraction = "disabled"
    charge(account, 1, NOW_MS, is_cancel=False)


def test_a_batch_counts_its_items_and_what_fails_counts_too() -> None:
    desk = Desk()
    wallet = new_wallet()
    desk.place(wallet, order(True, "99000", "0.1"), order(True, "99000", "0.00001"))
    assert desk.account(wallet).requests == 2
    desk.act(wallet, {"type": "cancel", "cancels": [{"a": 0, "o": 1}] * 3})
    assert desk.account(wallet).requests == 5


def test_an_expired_action_costs_five_times_as_much_and_leaves_its_nonce() -> None:
    desk = Desk()
    wallet = new_wallet()
    answer = desk.act(
        wallet, orders(order(True, "99000", "0.1")), expiresAfter=desk.now_ms - 1, nonce=desk.now_ms
    )
    assert answer == refused("Action already expired")
    assert desk.account(wallet).requests == 5
    assert desk.act(wallet, NOOP, expiresAfter=desk.now_ms, nonce=desk.now_ms) == OK


def test_who_has_spent_its_budget_is_refused_on_the_wire_and_may_still_cancel() -> None:
    desk = Desk()
    wallet = new_wallet()
    (status,) = desk.place(wallet, order(True, "99000", "0.1"))
    desk.account(wallet).requests = 10_000
    assert desk.act(wallet, NOOP) == OK
    assert desk.act(wallet, NOOP) == refused(_WORDS.format(10_002, 10_000, "0.0"))
    cancels = [{"a": 0, "o": status["resting"]["oid"]}]
    answer = desk.act(wallet, {"type": "cancel", "cancels": cancels})
    assert answer["response"]["data"]["statuses"] == ["success"]


def test_without_limits_requests_are_counted_but_never_refused() -> None:
    desk = Desk(PaperConfig(limits=False))
    wallet = new_wallet()
    desk.account(wallet).requests = 1_000_000
    assert desk.act(wallet, NOOP) == OK
    assert desk.act(wallet, NOOP) == OK
    assert desk.account(wallet).requests == 1_000_002


def test_more_than_two_hundred_items_are_too_many_and_cost_their_nonce() -> None:
    desk = Desk()
    wallet = new_wallet()
    cancels = [{"a": 0, "o": oid} for oid in range(201)]
    answer = desk.act(wallet, {"type": "cancel", "cancels": cancels}, nonce=desk.now_ms)
    assert answer == refused("Signed action over weight limit of 200.")
    assert desk.act(wallet, NOOP, nonce=desk.now_ms) == refused(
        f"Invalid nonce: duplicate nonce {desk.now_ms}"
    )
