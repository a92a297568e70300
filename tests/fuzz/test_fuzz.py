"""A few thousand bad requests with every run of the tests; ``make fuzz`` throws a hundred thousand."""

from __future__ import annotations

import asyncio

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.paper.config import PaperConfig
from core.paper.exchange import PaperExchange
from core.paper.jsonio import MalformedRequestError, dumps, loads
from core.paper.market.load import load_market
from core.paper.venue.audit import audit
from tests.fuzz import templates
from tests.fuzz.campaign import Campaign, left_behind, living, target
from tests.fuzz.mutations import DECIMALS, NUMBERS, TEXTS

_CASES = 2500


def test_bad_requests_get_answers_and_leave_nothing_behind() -> None:
    with target() as (url, kinds):
        before = living()
        campaign = Campaign(url, kinds, seed=20)
        try:
            report = campaign.run(_CASES)
            found = campaign.ask("/paper/audit")
        finally:
            campaign.close()
        assert left_behind(before) == {}
    assert sum(report.cases.values()) == _CASES
    assert min(report.cases.values()) > 50, "of every kind"
    assert (found["position_residual"], found["money_residual"]) == ("0", "0")


_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([*NUMBERS, *DECIMALS, *TEXTS, *templates.USERS, templates.CLOID]),
)
_trees = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
)
_EXCHANGE = PaperExchange(PaperConfig(limits=False, block_ms=0), load_market("synthetic"))
_KINDS = tuple(_EXCHANGE.info._handlers)
_known = st.sampled_from(
    ["user", "coin", "dex", "oid", "startTime", "endTime", "req", "nSigFigs", "mantissa", "id"]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(_KINDS), st.dictionaries(_known, _trees, max_size=5))
def test_every_info_type_answers_any_arguments_or_calls_them_malformed(
    kind: str, arguments: dict[str, object]
) -> None:
    try:
        answer = _EXCHANGE.ask({**arguments, "type": kind})
    except MalformedRequestError:
        return
    assert orjson.loads(dumps(answer)) == answer


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.randoms(use_true_random=False),
    _trees,
    st.sampled_from(["action", "nonce", "signature", "vaultAddress"]),
)
def test_an_envelope_with_any_field_is_answered_or_malformed(dice: object, tree: object, field: str) -> None:
    envelope = {**templates.envelope(dice), field: tree}  # type: ignore[arg-type]
    try:
        answer = asyncio.run(_EXCHANGE.act(envelope))
    except MalformedRequestError:
        return
    assert orjson.loads(dumps(answer)) == answer
    assert audit(_EXCHANGE.venue).is_balanced


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | _trees.map(lambda tree: orjson.dumps(repr(tree))))
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    try:
        loads(body)
    except MalformedRequestError:
        pass  # The other of the two.
