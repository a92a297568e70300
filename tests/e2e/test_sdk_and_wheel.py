"""The official SDK, unmodified, on ``gridbot exchange``; and what an installed wheel holds."""

from __future__ import annotations

import secrets
import subprocess
import sys
import zipfile
from pathlib import Path

from eth_account import Account
from hyperliquid.exchange import Exchange as SdkExchange
from hyperliquid.info import Info as SdkInfo
from hyperliquid.utils.types import Cloid

from tests.e2e.program import Exchange, wait_until

PROJECT = Path(__file__).resolve().parents[2]


def test_the_official_sdk_places_queries_cancels_and_reads_fills(exchange: Exchange) -> None:
    wallet = Account.from_key("0x" + secrets.token_hex(32))
    info = SdkInfo(exchange.url, skip_ws=True)
    sdk = SdkExchange(wallet, exchange.url)
    mid = float(info.all_mids()["BTC"])

    cloid = Cloid.from_str("0x" + secrets.token_hex(16))
    placed = sdk.order("BTC", True, 0.001, round(mid * 0.95), {"limit": {"tif": "Alo"}}, cloid=cloid)
    oid = placed["response"]["data"]["statuses"][0]["resting"]["oid"]
    assert info.query_order_by_oid(wallet.address, oid)["order"]["status"] == "open"
    assert info.query_order_by_cloid(wallet.address, cloid)["order"]["order"]["oid"] == oid
    assert [order["oid"] for order in info.open_orders(wallet.address)] == [oid]

    assert sdk.cancel_by_cloid("BTC", cloid)["response"]["data"]["statuses"] == ["success"]
    assert info.open_orders(wallet.address) == []

    bought = sdk.market_open("BTC", True, 0.002)
    assert float(bought["response"]["data"]["statuses"][0]["filled"]["totalSz"]) == 0.002
    wait_until(lambda: bool(info.user_fills(wallet.address)), 5, "the fill over REST")
    assert sum(float(fill["sz"]) for fill in info.user_fills(wallet.address)) == 0.002
    position = info.user_state(wallet.address)["assetPositions"][0]["position"]
    assert (position["coin"], position["szi"]) == ("BTC", "0.002")
    assert len(exchange.truth(wallet.address)["fills"]) == len(info.user_fills(wallet.address))


def test_the_wheel_holds_three_packages_the_styles_and_the_recording(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"gridbot_tui", "widgets", "core"}
    assert "gridbot_tui/gridbot.tcss" in names
    assert any(
        name.startswith("core/paper/market/data/") and name.endswith("_trades.csv.gz") for name in names
    )
