"""What the exchange tells when it stands alone: where it listens, who gets what, how far it is, and how it ended."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.paper import standalone
from core.paper.config import BooksError, PaperConfig
from core.paper.server.http import PaperServer
from core.paper.standalone import Console, is_loopback, serve
from core.paper.venue.accounts import Account


async def _lines_of(config: PaperConfig, until: str = "Coins:") -> list[str]:
    """All lines of a run that is stopped once a line begins with ``until``."""
    lines: list[str] = []
    stop = asyncio.Event()

    def print_line(line: str) -> None:
        lines.append(line)
        if line.startswith(until):
            stop.set()

    await asyncio.wait_for(serve(config, Console(print_line), stop), 20)
    return lines


async def test_it_says_where_it_listens_how_accounts_are_funded_and_where_they_are_kept(
    tmp_path: Path,
) -> None:
    lines = await _lines_of(PaperConfig(speed=1, store_path=tmp_path / "paper.db", funds_usd=Decimal(500)))
    assert lines[0].startswith("Paper exchange on http://127.0.0.1:")
    assert lines[0].endswith("market replay:bundled at speed 1.")
    assert lines[1].startswith("An account gets 500 USDC when it is first seen; POST http://127.0.0.1:")
    assert lines[1].endswith(f"kept in {tmp_path / 'paper.db'}.")
    assert lines[2] == "Coins: BTC. Hyperliquid's rate limits are in force. SIGTERM or ctrl+c stops it."
    assert lines[-1].startswith("Stopped after 0 s: 0 requests, 0 order changes, ")
    assert lines[-1].endswith(" trades. The books balance.")


async def test_it_tells_what_was_made_of_a_recording_and_what_is_off(tmp_path: Path) -> None:
    path = tmp_path / "hl_NEWCOIN_1m.csv"
    path.write_text("t,o,h,l,c,v\n60000,12,13,11,12.5,1000\n")
    config = PaperConfig(market=f"replay:{path}", limits=False, open_accounts=False)
    lines = await _lines_of(config, until="NEWCOIN is made")
    assert lines[1].startswith("An account is opened by POST")
    assert lines[2].startswith("Coins: NEWCOIN. There are no rate limits.")
    assert lines[3].startswith("The rules of NEWCOIN are not known here")
    assert lines[4].startswith("NEWCOIN is made of candles")


async def test_what_an_account_gets_on_builder_dexs_is_told() -> None:
    lines = await _lines_of(PaperConfig("synthetic:BTC=jumps,xyz:TSLA=session,abc:X=thin"))
    assert lines[1].startswith(
        "An account gets 10000 USDC, and as much on xyz and abc, when it is first seen"
    )


async def test_a_mirror_has_no_speed() -> None:
    source = PaperServer(PaperConfig("synthetic:jumps"))
    url = await source.start()
    try:
        lines = await _lines_of(PaperConfig(f"mirror:{url}", speed=20))
    finally:
        await source.stop()
    assert lines[0].endswith(f"market mirror:{url} at the pace of its source.")


@pytest.mark.parametrize("prints", ["60000,12,1,B\n", "60000,12,1,B\n60000,12,1,A\n"])
async def test_a_recording_without_length_is_at_its_end_as_well(tmp_path: Path, prints: str) -> None:
    path = tmp_path / "a_BTC_trades.csv"
    path.write_text("time,px,sz,side\n" + prints)
    lines = await _lines_of(PaperConfig(f"replay:{path}", loops=False), until="The recording is at its end")
    assert lines[-1].endswith(" trades. The books balance.") or lines[-1].endswith(
        " trade. The books balance."
    )


def test_one_is_not_told_as_many() -> None:
    assert (standalone._many(1, "trade"), standalone._many(0, "trade")) == ("1 trade", "0 trades")


async def test_a_finite_replay_shows_its_progress_and_says_when_it_is_over() -> None:
    shown: list[float] = []
    lines: list[str] = []
    stop = asyncio.Event()

    def print_line(line: str) -> None:
        lines.append(line)
        if line.startswith("The recording is at its end"):
            stop.set()

    config = PaperConfig(speed=3_000, loops=False)
    await asyncio.wait_for(serve(config, Console(print_line, shown.append), stop), 30)
    assert shown == sorted(shown)
    assert shown[-1] == 1
    assert lines[-2].startswith(
        "The recording is at its end. The exchange goes on with the book that it left"
    )
    assert lines[-1].endswith("6645 trades. The books balance.")


async def test_every_minute_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standalone, "_REPORT_EVERY_S", 0.3)
    monkeypatch.setattr(standalone, "_LOOK_EVERY_S", 0.05)
    lines = await _lines_of(PaperConfig(speed=60), until="Last minute")
    assert "0 requests" in lines[3]
    assert lines[3].endswith("0 accounts, 0 WebSocket clients")


async def test_a_market_that_comes_late_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standalone, "_REPORT_EVERY_S", 0.3)
    monkeypatch.setattr(standalone, "_LOOK_EVERY_S", 0.05)
    before = PaperServer.stats

    def late(server: PaperServer) -> Any:
        from dataclasses import replace

        late.ms += 2_000  # type: ignore[attr-defined]
        return replace(before(server), late_ms=late.ms)  # type: ignore[attr-defined]

    late.ms = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(PaperServer, "stats", late)
    lines = await _lines_of(PaperConfig(speed=60), until="Last minute")
    assert "s late, as this machine is too slow for its speed" in lines[3]


async def test_books_that_do_not_balance_are_an_error_at_the_end() -> None:
    server_of: list[PaperServer] = []
    start = PaperServer.start

    async def remember(server: PaperServer) -> str:
        server_of.append(server)
        return await start(server)

    stop = asyncio.Event()

    def print_line(line: str) -> None:
        if line.startswith("Coins"):
            ledger = server_of[0].exchange.venue.ledger
            thief = ledger.accounts["0x" + "ab" * 20] = Account("0x" + "ab" * 20)
            thief.cash[""] = 5
            stop.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PaperServer, "start", remember)
        with pytest.raises(BooksError, match=r"money 5 \(millionths of a USDC\)\. Fix: trust none"):
            await asyncio.wait_for(serve(PaperConfig(), Console(print_line), stop), 20)


@pytest.mark.parametrize(
    ("host", "is_safe"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example", False),
    ],
)
def test_what_others_can_reach_is_known(host: str, is_safe: bool) -> None:
    assert is_loopback(host) is is_safe


async def test_an_address_that_others_can_reach_is_warned_of() -> None:
    lines = await _lines_of(PaperConfig(host="0.0.0.0"))
    assert lines[0].startswith("Warning: 0.0.0.0 is no loopback address. Whoever reaches it can trade here")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (61, "1 min 1 s"), (3600, "1 h 0 min 0 s"), (7384, "2 h 3 min 4 s")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert standalone._duration(seconds) == text
