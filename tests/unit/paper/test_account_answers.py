"""What /info tells of agents, sub-accounts and approvals."""

from __future__ import annotations

from typing import Any

import pytest

from core.paper.answers.info import Info
from core.paper.answers.tape import Tape
from core.paper.config import AnswerSettings
from core.paper.jsonio import MalformedRequestError
from core.paper.venue.venue import Venue
from tests.unit.paper.world import ALICE, FUNDS_MICRO, NOW_MS, UNIVERSE

AGENT = "0x" + "a9" * 20
NAMED = "0x" + "a8" * 20
STRANGER = "0x" + "57" * 20
DAY_MS = 86_400_000


class Desk:
    def __init__(self, **venue: Any) -> None:
        self.venue = Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, **venue)
        self._info = Info(self.venue, Tape(UNIVERSE.listings, 10), AnswerSettings())

    def ask(self, kind: str, user: str = ALICE, now_ms: int = NOW_MS, **request: Any) -> Any:
        return self._info.answer({"type": kind, "user": user, **request}, now_ms)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.venue.see(ALICE)
    return desk


def test_an_agent_has_a_role_until_its_time_is_up_and_never_an_account(desk: Desk) -> None:
    account = desk.venue.see(ALICE)
    desk.venue.agents.approve(account, AGENT, "", NOW_MS)
    assert desk.ask("userRole", AGENT) == {"role": "agent", "data": {"user": ALICE}}
    assert desk.ask("clearinghouseState", AGENT)["marginSummary"]["accountValue"] == "0.0"
    assert desk.ask("userRole", AGENT, NOW_MS + 91 * DAY_MS) == {"role": "missing"}
    assert not desk.venue.knows(AGENT)


def test_named_agents_alone_are_listed(desk: Desk) -> None:
    account = desk.venue.see(ALICE)
    desk.venue.agents.approve(account, AGENT, "", NOW_MS)
    desk.venue.agents.approve(account, NAMED, f"grid valid_until {NOW_MS + DAY_MS}", NOW_MS)
    row = {"name": "grid", "address": NAMED, "validUntil": NOW_MS + DAY_MS}
    assert desk.ask("extraAgents") == [row]
    assert desk.ask("webData2")["agentAddress"] == AGENT
    assert desk.ask("extraAgents", now_ms=NOW_MS + DAY_MS) == []


def test_sub_accounts_are_told_with_their_states(desk: Desk) -> None:
    assert desk.ask("subAccounts") is None
    sub = desk.venue.create_sub_account(desk.venue.see(ALICE), "second", 0)
    (row,) = desk.ask("subAccounts")
    assert (row["name"], row["subAccountUser"], row["master"]) == ("second", sub.user, ALICE)
    assert row["clearinghouseState"]["withdrawable"] == "0.0"
    assert row["spotState"] == {"balances": []}
    assert desk.ask("subAccounts2")[0]["dexToClearinghouseState"][0][0] == ""
    assert desk.ask("userRole", sub.user) == {"role": "subAccount", "data": {"master": ALICE}}


def test_approved_builders_and_reserved_requests_are_told(desk: Desk) -> None:
    account = desk.venue.see(ALICE)
    account.builder_fees[STRANGER] = 25
    account.requests, account.reserved_requests = 5, 30
    assert desk.ask("maxBuilderFee", builder=STRANGER) == 25
    assert desk.ask("maxBuilderFee", builder=AGENT) == 0
    assert desk.ask("approvedBuilders") == [STRANGER]
    limits = desk.ask("userRateLimit")
    assert (limits["nRequestsUsed"], limits["nRequestsSurplus"]) == (0, 25)


def test_where_strangers_get_no_account_their_answers_are_empty() -> None:
    desk = Desk(opens_accounts=False)
    assert desk.ask("userRole", STRANGER) == {"role": "missing"}
    state = desk.ask("clearinghouseState", STRANGER)
    assert (state["marginSummary"]["accountValue"], state["assetPositions"]) == ("0.0", [])
    for kind in ("openOrders", "frontendOpenOrders", "historicalOrders", "userFills"):
        assert desk.ask(kind, STRANGER) == []
    assert desk.ask("orderStatus", STRANGER, oid=1) == {"status": "unknownOid"}
    assert desk.ask("spotClearinghouseState", STRANGER) == {"balances": []}
    assert not desk.venue.knows(STRANGER)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("l2Book", {"coin": "BTC", "nSigFigs": 1}),
        ("l2Book", {"coin": "BTC", "nSigFigs": 6}),
        ("l2Book", {"coin": "BTC", "nSigFigs": 4, "mantissa": 2}),
        ("l2Book", {"coin": "BTC", "nSigFigs": 5, "mantissa": 3}),
        ("l2Book", {"coin": 7}),
        ("candleSnapshot", {"coin": "BTC"}),
        ("candleSnapshot", {"req": {"coin": "BTC", "interval": "7m", "startTime": 0, "endTime": 1}}),
        ("candleSnapshot", {"req": {"coin": "NOPE", "interval": "1m", "startTime": 0}}),
        ("recentTrades", {"coin": "NOPE"}),
        ("activeAssetData", {"coin": "NOPE"}),
        ("userFills", {"aggregateByTime": "yes"}),
        ("userFillsByTime", {}),
        ("openOrders", {"dex": 7}),
        ("marginTable", {"id": 0}),
        ("perpDexLimits", {"dex": ""}),
        ("perpDexStatus", {}),
        ("maxBuilderFee", {}),
        ("tokenDetails", {"tokenId": "0x12"}),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(desk: Desk, kind: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequestError):
        desk.ask(kind, **arguments)
