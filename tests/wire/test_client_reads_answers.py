"""Answers of ``/exchange``: definite only where the exchange said so about that order, else unsettled."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.causes import Cause
from core.domain.events import Refused, Resting, Traded, Unsettled, Waiting
from core.domain.orders import Order
from core.exchange.answers import NOT_PLACED, cancel_results, place_results, whole_refusal
from tests.unit.exchange.samples import INSTRUMENTS, cloid, order

_DATA = Path(__file__).parent / "data" / "client"


def _recorded(name: str) -> Any:
    return orjson.loads((_DATA / f"{name}.json").read_bytes())


def _ok(*statuses: Any) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": list(statuses)}}}


def _results(answer: Any, *orders: Order) -> list[Any]:
    found = place_results(answer, orders, INSTRUMENTS)
    assert [name for name, _ in found] == [each.cloid for each in orders]
    return [result for _, result in found]


_ETH = order(1, coin="ETH", lots=200)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exchange_order_resting", Resting(77738308)),
        ("exchange_order_filled", Traded(77747314, 200)),
        ("exchange_order_reduce_only_shrunk_fill", Traded(62014444172, 200)),
        (
            "exchange_order_error_min_notional",
            Refused("Order must have minimum value of $10. asset=4", Cause.MIN_NOTIONAL),
        ),
        (
            "exchange_order_error_reduce_only",
            Refused("Reduce only order would increase position. asset=4", Cause.REDUCE_ONLY),
        ),
    ],
)
def test_a_recorded_answer_settles_its_order(name: str, expected: object) -> None:
    assert _results(_recorded(name), _ETH) == [expected]


def test_a_partly_filled_ioc_tells_what_traded() -> None:
    (result,) = _results(_recorded("exchange_order_filled"), order(1, coin="ETH", lots=500))
    assert result == Traded(77747314, 200)


@pytest.mark.parametrize(
    ("name", "cause"),
    [("exchange_rate_limited", Cause.RATE_ADDRESS), ("exchange_cancel_over_200", Cause.MALFORMED)],
)
def test_a_recorded_refusal_of_the_whole_request_refuses_every_order(name: str, cause: Cause) -> None:
    results = _results(_recorded(name), order(1), order(2))
    assert results == [Refused(_recorded(name)["response"], cause)] * 2


@pytest.mark.parametrize("text", NOT_PLACED)
def test_a_refusal_that_comes_before_any_order_is_definite(text: str) -> None:
    (result,) = _results({"status": "err", "response": f"{text} 5 < 6"}, order(1))
    assert result == Refused(f"{text} 5 < 6", result.cause)
    assert result.cause is not Cause.REFUSED


@pytest.mark.parametrize(
    "text",
    [
        "Internal error",
        "timed out",
        "",
        "order Invalid nonce",
        "Invalid nonce: duplicate nonce 7",
        None,
        {"a": 1},
        5,
    ],
)
def test_a_refusal_in_other_words_settles_nothing(text: object) -> None:
    (result,) = _results({"status": "err", "response": text}, order(1))
    assert isinstance(result, Unsettled)


def test_one_error_for_a_batch_refuses_all_of_it() -> None:
    assert (
        _results(_ok({"error": "Order has invalid price."}), order(1), order(2))
        == [Refused("Order has invalid price.", Cause.TICK)] * 2
    )


@pytest.mark.parametrize(
    "statuses",
    [
        [],
        [{"resting": {"oid": 1}}],
        [{"resting": {"oid": 1}}] * 3,
        [{"error": None}],
        [{"error": "Price must be divisible by tick size. asset=0"}],
        [{"error": {"text": "no"}}],
        ["error"],
    ],
)
def test_a_list_of_another_length_settles_nothing(statuses: list[Any]) -> None:
    assert all(isinstance(result, Unsettled) for result in _results(_ok(*statuses), order(1), order(2)))


@pytest.mark.parametrize(
    "status",
    [
        None,
        "waitingForTrigger",
        "waitingForFill",
        "success",
        {},
        [],
        7,
        {"error": None},
        {"error": 5},
        {"resting": {}},
        {"resting": {"oid": None}},
        {"resting": {"oid": "5"}},
        {"resting": {"oid": True}},
        {"resting": {"oid": -5}},
        {"resting": {"oid": 5.0}},
        {"resting": {"oid": 5, "cloid": cloid(9)}},
        {"resting": {"oid": 5, "cloid": None}},
        {"resting": {"oid": 5}, "error": "no"},
        {"resting": {"oid": 5}, "filled": {"oid": 5, "totalSz": "0.0003"}},
        {"filled": {"oid": 5}},
        {"filled": {"oid": True, "totalSz": "0.0003"}},
        {"filled": {"oid": 5, "totalSz": 0.0003}},
        {"filled": {"oid": 5, "totalSz": "NaN"}},
        {"filled": {"oid": 5, "totalSz": "3e-4"}},
        {"filled": {"oid": 5, "totalSz": "0.0"}},
        {"filled": {"oid": 5, "totalSz": "-0.0003"}},
        {"filled": {"oid": 5, "totalSz": "0.000301"}},
        {"filled": {"oid": 5, "totalSz": "0.00031"}},
        {"filled": {"oid": 5, "totalSz": "0.0003", "cloid": cloid(9)}},
        {"unheardOf": {"oid": 5}},
    ],
    ids=str,
)
def test_a_status_that_is_not_plainly_about_this_order_settles_nothing(status: object) -> None:
    (result,) = _results(_ok(status), order(1, lots=30))
    assert isinstance(result, Unsettled)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        "<html>Bad Gateway</html>",
        [],
        5,
        {},
        {"status": "ok"},
        {"status": "ok", "response": None},
        {"status": "ok", "response": {"type": "default"}},
        {"status": "ok", "response": {"type": "cancel", "data": {"statuses": [{"resting": {"oid": 1}}]}}},
        {"status": "ok", "response": {"type": "order", "data": {"statuses": {"resting": {"oid": 1}}}}},
        {"status": "OK", "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 1}}]}}},
    ],
    ids=str,
)
def test_an_answer_of_another_shape_settles_nothing(answer: object) -> None:
    assert all(isinstance(result, Unsettled) for result in _results(answer, order(1), order(2)))
    assert all(text for _, text in cancel_results(answer, [cloid(1)]))


def test_a_recorded_answer_to_cancels_tells_each_apart() -> None:
    gone = "Order was never placed, already canceled, or filled. asset=4"
    found = cancel_results(_recorded("exchange_cancel_mixed"), ["a", "b", "c"])
    assert found == (("a", ""), ("b", gone), ("c", gone))


def test_a_recorded_refusal_of_a_cancel_action_confirms_none() -> None:
    text = _recorded("exchange_cancel_over_200")["response"]
    assert cancel_results(_recorded("exchange_cancel_over_200"), ["a", "b"]) == (("a", text), ("b", text))


def test_fewer_statuses_than_cancels_confirm_none() -> None:
    found = cancel_results(_recorded("exchange_cancel_mixed"), ["a", "b"])
    assert all(text for _, text in found)


@pytest.mark.parametrize(
    "status", [{"error": ""}, {"error": None}, None, "", "Success", True, {"success": 1}]
)
def test_only_the_word_success_confirms_a_cancel(status: object) -> None:
    answer = {"status": "ok", "response": {"type": "cancel", "data": {"statuses": [status]}}}
    ((_, text),) = cancel_results(answer, ["a"])
    assert text


def test_a_refusal_without_words_is_a_refusal() -> None:
    ((_, text),) = cancel_results({"status": "err", "response": ""}, ["a"])
    assert text
    assert whole_refusal({"status": "err"})
    assert whole_refusal({"status": "ok"}) is None


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "ok", "order", "0.0001", "err"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["oid", "error", "resting", "filled", "totalSz", "cloid"]), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(data=st.data())
def test_damage_never_raises_and_never_invents_an_order_id(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["exchange_order_resting", "exchange_order_filled"]))
    answer = copy.deepcopy(_recorded(name))
    holders = [
        answer,
        answer["response"],
        answer["response"]["data"],
        answer["response"]["data"]["statuses"][0],
    ]
    holder = data.draw(st.sampled_from(holders))
    holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(_JSON)
    (result,) = _results(answer, _ETH)
    if isinstance(result, Resting | Traded):
        assert f'"oid":{result.order_id}' in orjson.dumps(answer).decode()
    assert cancel_results(answer, ["a"])


def test_an_answer_nested_a_thousand_deep_settles_nothing() -> None:
    deep = orjson.loads("[" * 1000 + "]" * 1000)
    for answer in (deep, _ok(deep), {"status": "err", "response": deep}):
        assert all(isinstance(result, Unsettled) for result in _results(answer, order(1)))
        assert all(text for _, text in cancel_results(answer, ["a"]))


def test_a_trigger_order_that_waits_has_been_taken() -> None:
    (result,) = _results(_ok("waitingForTrigger"), order(1, trigger=800_000))
    assert result == Waiting()


def test_a_trigger_order_that_rests_by_another_wording_has_been_taken() -> None:
    (result,) = _results(_ok({"resting": {"oid": 5}}), order(1, trigger=800_000))
    assert result == Resting(5)
