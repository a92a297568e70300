"""One paper exchange mirrors another over loopback: equal books, fills by the source's trades, its death and its return."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from core.domain.instrument import Instrument
from core.paper.config import MirrorSettings, PaperConfig, SourceUnreachableError, UnknownMarketError
from core.paper.embedded import EmbeddedExchange
from core.paper.market.listing import Universe
from core.paper.mirror.decode import decode_book, decode_prices, decode_rules, decode_volumes
from tests.unit.paper.paper_client import STILL, info, new_wallet, order, place, running, until

QUICK = MirrorSettings(stale_after_s=0.5)

_SOURCE = """
import asyncio, sys
from core.paper.config import PaperConfig
from core.paper.server.http import PaperServer

async def main():
    server = PaperServer(PaperConfig(speed=1e-6, port=int(sys.argv[1])))
    print(await server.start(), flush=True)
    await server.serve_until(asyncio.Event())

asyncio.run(main())
"""


@contextmanager
def _mirror(source: str, query: str = "") -> Iterator[tuple[str, EmbeddedExchange]]:
    exchange = EmbeddedExchange(PaperConfig(market=f"mirror:{source}{query}", mirror=QUICK))
    try:
        yield exchange.start(), exchange
    finally:
        exchange.stop()


def _book(url: str, coin: str = "BTC") -> list[list[tuple[str, str]]]:
    return [
        [(row["px"], row["sz"]) for row in side] for side in info(url, type="l2Book", coin=coin)["levels"]
    ]


def _trade(url: str, user: str, side: str, size: str) -> None:
    requests.post(f"{url}/paper/fund", json={"user": user, "usd": 10_000_000}, timeout=5).raise_for_status()
    answer = requests.post(
        f"{url}/paper/trade", json={"user": user, "coin": "BTC", "side": side, "size": size}, timeout=5
    )
    assert answer.status_code == 200, answer.text


def _truth(url: str, user: str) -> Any:
    return requests.get(f"{url}/paper/truth", params={"user": user}, timeout=5).json()


def _same_books(source: str, mirror: str) -> bool:
    return _book(source) == _book(mirror)


def test_when_the_source_comes_to_rest_the_books_and_the_prints_are_equal(tmp_path: Path) -> None:
    rows = [f"{1000 + 40 * n},{65_000 + 7 * (n % 11)},0.0{n % 9 + 1},{'BA'[n % 2]}" for n in range(50)]
    recording = tmp_path / "x_BTC_trades.csv"
    recording.write_text("\n".join(["time,px,sz,side", *rows]))
    config = PaperConfig(market=f"replay:{recording}", speed=1, loops=False)
    source = EmbeddedExchange(config)
    try:
        url = source.start()
        with _mirror(url) as (mirror, exchange):
            assert info(mirror, type="meta")["universe"] == info(url, type="meta")["universe"]
            until(lambda: (stats := source.stats()) is not None and stats.progress == 1)
            until(lambda: _same_books(url, mirror))
            last = info(url, type="recentTrades", coin="BTC")
            until(lambda: info(mirror, type="recentTrades", coin="BTC")[0]["px"] == last[0]["px"])
            newest = [
                (row["px"], row["sz"], row["side"]) for row in info(mirror, type="recentTrades", coin="BTC")
            ]
            assert newest == [(row["px"], row["sz"], row["side"]) for row in last]
            stats = exchange.stats()
            assert stats is not None
            assert stats.warning == ""
    finally:
        source.stop()


def test_a_users_resting_order_is_filled_by_a_trade_at_the_source() -> None:
    wallet, someone = new_wallet(), new_wallet()
    with running(STILL) as source, _mirror(source, "?coins=BTC") as (mirror, _):
        bid = _book(source)[0][0][0]
        behind = place(mirror, wallet, order(True, str(int(float(bid)) - 1), "0.01"))[0]["resting"]["oid"]
        at_best = place(mirror, wallet, order(True, str(int(float(bid))), "0.01"))[0]["resting"]["oid"]
        _trade(source, someone.address.lower(), "A", "6")
        fills = until(lambda: _truth(mirror, wallet.address.lower())["fills"])
        assert {fill["oid"] for fill in fills} <= {behind, at_best}
        assert all(not fill["crossed"] for fill in fills)
        audit = requests.get(f"{mirror}/paper/audit", timeout=5).json()
        assert (audit["position_residual"], audit["money_residual"]) == ("0", "0")


def test_liquidity_that_a_user_took_is_not_there_again() -> None:
    wallet, someone = new_wallet(), new_wallet()
    with running(STILL) as source, _mirror(source) as (mirror, _):
        (ask, size), second = _book(source)[1][:2]
        limit = str(int(float(ask)))
        (status,) = place(mirror, wallet, order(True, limit, "0.02", "Ioc"))
        assert status["filled"]["totalSz"] == "0.02"
        left = _book(mirror)[1][0]
        assert float(left[1]) == pytest.approx(float(size) - 0.02)
        _trade(source, someone.address.lower(), "A", "0.001")
        until(lambda: _book(source)[0] == _book(mirror)[0])
        assert _book(mirror)[1][:2] == [left, second]
        _trade(source, someone.address.lower(), "B", "0.001")
        until(lambda: _same_books(source, mirror))


def _start_source(port: int) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", _SOURCE, str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_source_that_is_killed_is_shown_as_stale_and_its_return_is_followed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wallet = new_wallet()
    first, source = _start_source(0)
    second: subprocess.Popen[str] | None = None
    try:
        with caplog.at_level(logging.WARNING), _mirror(source) as (mirror, exchange):
            shown = _book(source)
            assert _book(mirror) == shown
            limit = str(int(float(shown[0][0][0])) - 1000)
            (placed,) = place(mirror, wallet, order(True, limit, "0.01"))
            first.send_signal(signal.SIGKILL)
            first.wait(10)
            until(lambda: (stats := exchange.stats()) is not None and stats.warning)
            until(lambda: _book(mirror) == [[(f"{limit}.0", "0.01")], []])
            assert caplog.text.count("can't be reached (Connection refused)") == 1, "told once"
            told = requests.get(f"{mirror}/paper/market", timeout=5).json()
            assert "its quotes are withdrawn until it is back" in told["warning"]
            (refused,) = place(mirror, wallet, order(True, str(int(float(limit)) + 900), "0.01", "Ioc"))
            assert "could not immediately match" in refused["error"]
            second, _ = _start_source(int(source.rsplit(":", 1)[1]))
            until(lambda: (stats := exchange.stats()) is not None and not stats.warning, timeout_s=30)
            until(lambda: _book(mirror)[1] == shown[1])
            orders = _truth(mirror, wallet.address.lower())["orders"]
            assert [row["oid"] for row in orders] == [placed["resting"]["oid"]]
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait(10)
                assert process.stdout is not None
                process.stdout.close()


def test_coins_can_be_named_and_what_the_source_does_not_trade_is_refused() -> None:
    with running(market="synthetic:BTC=jumps,xyz:TSLA=reverting", speed=1) as source:
        with _mirror(source, "?coins=xyz:TSLA") as (mirror, _):
            (asset,) = info(mirror, type="meta", dex="xyz")["universe"]
            assert (asset["name"], asset["marginMode"]) == ("xyz:TSLA", "strictIsolated")
            assert info(mirror, type="meta")["universe"] == []
            until(lambda: info(mirror, type="recentTrades", coin="xyz:TSLA"))
        with pytest.raises(UnknownMarketError, match=r"doesn't trade DOGE\. Fix: name coins of its meta"):
            EmbeddedExchange(PaperConfig(market=f"mirror:{source}?coins=BTC,DOGE")).start()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "{source}/elsewhere"])
def test_a_source_that_does_not_answer_is_named(url: str) -> None:
    with running(STILL) as source, pytest.raises(SourceUnreachableError, match="Fix: start it"):
        EmbeddedExchange(PaperConfig(market=f"mirror:{url.format(source=source)}")).start()


def test_a_source_without_tls_is_told_apart_from_one_that_is_not_there() -> None:
    with running(STILL) as source, pytest.raises(SourceUnreachableError, match="has no TLS that can be used"):
        EmbeddedExchange(PaperConfig(market=f"mirror:{source.replace('http:', 'https:')}")).start()


def test_a_frame_that_cannot_be_used_is_told_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    with running(STILL) as source, caplog.at_level(logging.WARNING), _mirror(source) as (mirror, _):
        faults = [{"kind": "ws_corrupt", "probability": 1.0, "count": 2}]
        answer = requests.post(f"{source}/paper/faults", data=json.dumps(faults), timeout=5)
        assert answer.status_code == 200, answer.text
        for side in "ABAB":
            _trade(source, new_wallet().address.lower(), side, "0.01")
        until(lambda: "can't be used" in caplog.text)
        for side in "ABAB":
            _trade(source, new_wallet().address.lower(), side, "0.01")
        until(lambda: _same_books(source, mirror))


def _recorded(name: str) -> Any:
    return json.loads((Path(__file__).parent / "data" / "recorded" / name).read_text())


def test_what_mainnet_was_recorded_to_tell_is_understood() -> None:
    bitcoin, ether = Universe.of(decode_rules(_recorded("info_meta__sdk.json"))).instruments.values()
    assert [(i.coin, i.asset_id, i.sz_decimals) for i in (bitcoin, ether)] == [("BTC", 0, 5), ("ETH", 1, 4)]
    book = _recorded("info_l2Book__sdk.json")
    bids, asks = decode_book(book["levels"], Instrument(book["coin"], 4, 1, 50))
    assert (bids.levels, asks.levels[0]) == (((211_100, 1_344), (211_050, 1_411)), (211_240, 3_523))
    contexts = dict(_recorded("ws_all_dexs_asset_ctxs__nautilus.json")["data"]["ctxs"])[""]
    assert decode_prices(contexts[0], bitcoin) == (776_050, 775_620)
    assert decode_volumes(contexts)[0] == Decimal("1516669192.1953897476")
