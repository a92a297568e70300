"""One cloid on two coins."""

from __future__ import annotations

from tests.unit.paper.paper_client import act, info, new_wallet, order, place, running


def test_a_cloid_is_looked_for_on_the_coin_that_is_named() -> None:
    wallet, cloid = new_wallet(), "0x" + "0" * 31 + "a"
    with running(market="synthetic") as url:
        place(url, wallet, order(True, "100000", "0.001", c=cloid))
        place(url, wallet, order(True, "4000", "0.01", a=1, c=cloid))
        cancels = [{"asset": asset, "cloid": cloid} for asset in (0, 0, 1, 99)]
        answer = act(url, wallet, {"type": "cancelByCloid", "cancels": cancels})
        assert [status == "success" for status in answer["response"]["data"]["statuses"]] == [
            True,
            False,
            True,
            False,
        ]
        assert info(url, type="openOrders", user=wallet.address) == []
