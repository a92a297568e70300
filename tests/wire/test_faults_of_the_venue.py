"""Every fault of the exchange itself, through a real server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from hyperliquid.utils.signing import sign_agent

from core.paper.faults.spec import Fault, parse_faults
from tests.unit.paper.paper_client import STILL, new_wallet
from tests.wire.faulty import Stage, hear, stage, subscribe, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Stage]:
    async with stage() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def exchange(server: Stage) -> AsyncIterator[Stage]:
    """With an account that nobody else has used, and no faults afterwards."""
    yield replace(server, wallet=new_wallet())
    await server.faults()


async def _views(exchange: Stage, user: str = "") -> tuple[int, int, float]:
    """Fills, orders and position as the ordinary answers tell them."""
    user = user or exchange.user
    fills = await exchange.info(type="userFills", user=user)
    orders = await exchange.info(type="openOrders", user=user)
    state = await exchange.info(type="clearinghouseState", user=user)
    position = sum(float(row["position"]["szi"]) for row in state["assetPositions"])
    return len(fills), len(orders), position


async def test_views_that_lag_agree_with_each_other_and_come_true_in_the_end(exchange: Stage) -> None:
    await exchange.trade(size="0.01")
    (resting,) = await exchange.place(await exchange.bid())
    before = await _views(exchange)
    assert before == (1, 1, 0.01)
    await exchange.faults({"kind": "rest_lag", "delay_ms": 3_600_000})
    await exchange.trade(size="0.02")
    await exchange.act({"type": "cancel", "cancels": [{"a": 0, "o": resting["resting"]["oid"]}]})
    await exchange.place(await exchange.bid(2000), await exchange.bid(2100))
    assert await _views(exchange) == before
    status = await exchange.info(type="orderStatus", user=exchange.user, oid=resting["resting"]["oid"])
    assert status["order"]["status"] == "open"
    truth = await exchange.truth()
    assert (len(truth["fills"]), len(truth["orders"]), truth["positions"]) == (2, 2, {"BTC": "0.03"})
    state = await exchange.info(type="clearinghouseState", user=exchange.user)
    assert state["time"] < time.time() * 1000 - 3_000_000
    await exchange.faults()
    assert await _views(exchange) == (2, 2, 0.03)


async def test_a_lag_ends_by_itself_after_its_time(exchange: Stage) -> None:
    await exchange.info(type="userFills", user=exchange.user)
    await exchange.faults({"kind": "rest_lag", "delay_ms": 60})
    await exchange.trade()
    assert await _views(exchange) == (0, 0, 0.0)
    started = time.monotonic()
    while await _views(exchange) != (1, 0, 0.01):
        assert time.monotonic() - started < 5
    assert time.monotonic() - started > 0.03


async def test_a_lag_of_one_request_or_one_user_spares_the_others(exchange: Stage) -> None:
    other = new_wallet().address
    for user in (exchange.user, other):
        await exchange.info(type="userFills", user=user)
    await exchange.faults({"kind": "rest_lag", "action": "userFills", "user": exchange.user})
    await exchange.trade()
    assert await _views(exchange) == (0, 0, 0.01)
    body = {"user": other, "coin": "BTC", "side": "B", "size": "0.02"}
    async with exchange.http.post(f"{exchange.url}/paper/trade", json=body) as answer:
        assert answer.status == 200
    assert await _views(exchange, other) == (1, 0, 0.02)


async def test_in_post_only_mode_all_but_post_only_orders_are_refused(exchange: Stage) -> None:
    await exchange.faults({"kind": "post_only_mode"})
    alo, gtc, ioc = [await exchange.bid(tif=tif) for tif in ("Alo", "Gtc", "Ioc")]
    statuses = await exchange.place(alo, gtc, ioc)
    assert "resting" in statuses[0]
    words = "Only post-only orders allowed immediately after network upgrade asset=0"
    assert [status["error"] for status in statuses[1:]] == [words, words]
    await exchange.faults()
    assert "resting" in (await exchange.place(gtc))[0]


async def test_fewer_size_decimals_show_in_meta_and_refuse_finer_orders(exchange: Stage) -> None:
    fine, coarse = await exchange.bid(size="0.00123"), await exchange.bid(size="0.0012")
    assert "resting" in (await exchange.place(fine))[0]
    await exchange.faults({"kind": "meta_change", "coin": "BTC", "sz_decimals": 4})
    assert (await exchange.info(type="meta"))["universe"][0]["szDecimals"] == 4
    assert await exchange.place(fine) == [{"error": "Order has invalid size."}]
    assert "resting" in (await exchange.place(coarse))[0]
    assert [row["sz"] for row in (await exchange.truth())["orders"]] == ["0.0012", "0.00123"]
    await exchange.faults()
    assert (await exchange.info(type="meta"))["universe"][0]["szDecimals"] == 5
    assert "resting" in (await exchange.place(fine))[0]


async def test_a_delisted_coin_loses_its_orders_and_takes_no_more(exchange: Stage) -> None:
    bid = await exchange.bid()
    (placed,) = await exchange.place(bid)
    async with exchange.listening() as socket:
        await subscribe(socket, type="orderUpdates", user=exchange.user)
        await exchange.faults({"kind": "delist", "coin": "BTC"})
        (row,) = (await hear(socket))["data"]
        assert (row["order"]["oid"], row["status"]) == (placed["resting"]["oid"], "delistedCanceled")
    assert (await exchange.info(type="meta"))["universe"][0]["isDelisted"] is True
    assert await exchange.place(bid) == [{"error": "Trading is halted."}]
    assert (await exchange.truth())["orders"] == []
    await exchange.faults()
    assert "isDelisted" not in (await exchange.info(type="meta"))["universe"][0]
    assert "resting" in (await exchange.place(bid))[0]


async def test_a_delisted_coin_settles_positions_at_the_mark(exchange: Stage) -> None:
    await exchange.trade(size="0.02")
    (context,) = (await exchange.info(type="metaAndAssetCtxs"))[1]
    await exchange.faults({"kind": "delist"})
    fill = (await exchange.truth())["fills"][0]
    assert (fill["dir"], fill["side"], fill["sz"], fill["fee"]) == ("Settlement", "A", "0.02", "0.0")
    assert fill["startPosition"] == "0.02"
    assert fill["px"] == context["markPx"]
    assert (await exchange.truth())["positions"] == {}
    async with exchange.http.get(f"{exchange.url}/paper/audit") as answer:
        audit = await answer.json()
    assert (audit["position_residual"], audit["money_residual"]) == ("0", "0")


async def test_an_expired_agent_is_refused_and_its_nonce_stays_unused(exchange: Stage) -> None:
    await exchange.faults({"kind": "agent_expired", "user": exchange.user, "count": 1})
    nonce = int(time.time() * 1000)
    refused = await exchange.act({"type": "noop"}, nonce=nonce)
    assert refused == {"status": "err", "response": f"User or API Wallet {exchange.user} does not exist."}
    assert (await exchange.act({"type": "noop"}, nonce=nonce))["status"] == "ok"
    await exchange.faults({"kind": "agent_expired", "user": "0x" + "9" * 40})
    assert (await exchange.act({"type": "noop"}))["status"] == "ok"


async def test_an_approved_agent_expires_for_good(exchange: Stage) -> None:
    agent = new_wallet()
    approval: dict[str, Any] = {
        "agentAddress": agent.address,
        "agentName": "bot",
        "nonce": int(time.time() * 1000),
    }
    signature = sign_agent(exchange.wallet, approval, False)
    body = {
        "action": {"type": "approveAgent", **approval},
        "nonce": approval["nonce"],
        "signature": signature,
    }
    async with exchange.http.post(f"{exchange.url}/exchange", json=body) as answer:
        assert (await answer.json())["status"] == "ok"
    by_agent = replace(exchange, wallet=agent)
    assert (await by_agent.act({"type": "noop"}))["status"] == "ok"
    await exchange.faults({"kind": "agent_expired", "user": by_agent.user})
    words = f"User or API Wallet {by_agent.user} does not exist."
    assert (await by_agent.act({"type": "noop"}))["response"] == words
    assert (await exchange.act({"type": "noop"}))["status"] == "ok", "its account can still sign"
    await exchange.faults()
    assert (await by_agent.act({"type": "noop"}))["response"] == words
    assert await exchange.info(type="extraAgents", user=exchange.user) == []


@pytest.mark.parametrize("skew_ms", [90_000, -90_000, 3 * 86_400_000, -3 * 86_400_000])
async def test_a_skewed_clock_shows_in_every_time_and_judges_nonces_and_expiry(
    exchange: Stage, skew_ms: int
) -> None:
    await exchange.trade()
    await exchange.faults({"kind": "clock_skew", "delay_ms": skew_ms})
    here = int(time.time() * 1000)

    def is_skewed(shown_ms: int) -> bool:
        return here + skew_ms <= shown_ms < here + skew_ms + 5_000

    await exchange.trade()
    assert is_skewed((await exchange.truth())["fills"][0]["time"])
    assert is_skewed((await exchange.info(type="exchangeStatus"))["time"])
    assert is_skewed((await exchange.info(type="l2Book", coin="BTC"))["time"])
    expired = await exchange.act({"type": "noop"}, expiresAfter=here + skew_ms - 1)
    if abs(skew_ms) > 86_400_000:
        assert (
            expired["response"].startswith("Invalid nonce") or expired["response"] == "Action already expired"
        )
        refused = await exchange.act({"type": "noop"})
        assert f"nonce too {'low' if skew_ms > 0 else 'high'}" in refused["response"]
    else:
        assert expired["response"] == "Action already expired"
        assert (await exchange.act({"type": "noop"}, expiresAfter=here + skew_ms + 5_000))["status"] == "ok"
    await exchange.faults()
    await exchange.trade()
    assert abs((await exchange.truth())["fills"][0]["time"] - time.time() * 1000) < 5_000


async def test_states_begin_and_end_with_their_windows(exchange: Stage) -> None:
    async def is_delisted() -> bool:
        return "isDelisted" in (await exchange.info(type="meta"))["universe"][0]

    async def is_listed() -> bool:
        return not await is_delisted()

    await exchange.faults({"kind": "delist", "after_s": 0.05, "for_s": 0.1})
    assert not await is_delisted()
    await until(is_delisted)
    await until(is_listed)
    assert await exchange.strikes() == [1]


async def test_several_states_hold_together_and_fall_one_by_one(exchange: Stage) -> None:
    rows: list[dict[str, Any]] = [{"kind": "meta_change", "sz_decimals": 3}, {"kind": "delist"}]
    await exchange.faults(*rows)
    (coin,) = (await exchange.info(type="meta"))["universe"]
    assert (coin["szDecimals"], coin["isDelisted"]) == (3, True)
    await exchange.faults(rows[0])
    (coin,) = (await exchange.info(type="meta"))["universe"]
    assert (coin["szDecimals"], coin.get("isDelisted")) == (3, None)


async def test_an_improbable_state_may_never_come(exchange: Stage) -> None:
    await exchange.faults({"kind": "delist", "probability": 0})
    assert "isDelisted" not in (await exchange.info(type="meta"))["universe"][0]
    assert await exchange.strikes() == [0]


async def test_a_server_can_start_with_faults() -> None:
    faults: tuple[Fault, ...] = parse_faults([{"kind": "post_only_mode"}])
    async with stage(STILL, *faults) as exchange:
        assert "error" in (await exchange.place(await exchange.bid(tif="Gtc")))[0]
        assert await exchange.strikes() == [1]


async def test_the_truth_tells_fills_as_they_happened_when_the_clock_is_set_back_between_them(
    exchange: Stage,
) -> None:
    await exchange.trade(size="0.01")
    await exchange.faults({"kind": "clock_skew", "delay_ms": -3_600_000})
    await exchange.trade(size="0.02")
    newest_first = (await exchange.truth())["fills"]
    assert [fill["startPosition"] for fill in newest_first] == ["0.01", "0.0"]
    assert newest_first == await exchange.info(type="userFills", user=exchange.user)
