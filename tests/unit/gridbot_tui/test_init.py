"""``gridbot init``: from nothing to a bot that may start, by answers on stdin; broken off it goes on where it was."""

from __future__ import annotations

import asyncio
import io
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.exchange.signing import Signer
from core.runtime.keys import approval
from core.runtime.keys.places import KeyPlace
from core.runtime.settings import load_settings
from gridbot_tui import plans
from gridbot_tui.cli import run_cli
from tests.unit.exchange.samples import until
from tests.unit.runtime.agents import Wallet
from tests.unit.runtime.stage import STILL, Venue, venue

PROPOSALS = "\n" * 9


async def fund(exchange: Venue, account: Wallet) -> None:
    body = {"user": account.address, "usd": "10000"}
    async with exchange.http.post(f"{exchange.url}/paper/fund", json=body) as answer:
        assert answer.status == 200, await answer.text()


def written() -> str:
    return Path("gridbot.toml").read_text()


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(approval, "POLL_S", 0.3)
    monkeypatch.setattr(sys, "stdin", io.StringIO(PROPOSALS))


@pytest.fixture
async def testnet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Venue]:
    async with venue(replace(STILL, open_accounts=False)) as exchange:
        monkeypatch.setitem(plans.OFFICIAL_URLS, "testnet", exchange.url)
        yield exchange


async def test_it_ends_with_an_approved_agent_a_doctor_without_a_fix_and_a_preview(
    testnet: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Wallet()
    await fund(testnet, account)
    place = KeyPlace("testnet", account.address)

    async def approve() -> None:
        await until(place.plain.exists, 10)
        agent = Wallet(place.plain.read_text())
        assert (await account.approve(testnet.http, testnet.url, agent, "bot"))["status"] == "ok"

    arguments = ["init", "--network", "testnet", "--account", account.address]
    code, _ = await asyncio.gather(asyncio.to_thread(run_cli, arguments), approve())
    told = capsys.readouterr()
    assert code == 0, told
    key = place.plain.read_text()
    assert f"approve the agent {Signer(key, False).address} for {account.address}" in told.err
    assert "app.hyperliquid-testnet.xyz/API" in told.err
    assert "FIX" not in told.out
    assert "preview" in told.out
    assert key[2:] not in told.out + told.err + written()
    assert stat.S_IMODE(place.plain.stat().st_mode) == 0o600
    common = load_settings({}, {}, Path("gridbot.toml"), network="testnet").common
    assert common.user_address == account.address
    assert (common.max_symbol_notional, common.daily_pnl_stop) == (Decimal(1000), Decimal(-50))
    assert not KeyPlace("mainnet", account.address).directory.exists(), "no other network gets any of it"


async def test_without_an_approval_all_stays_and_the_same_command_goes_on(
    testnet: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Wallet()
    await fund(testnet, account)
    arguments = ["init", "--network", "testnet", "--account", account.address]
    assert await asyncio.to_thread(run_cli, [*arguments, "--wait", "0.1s"]) == 2
    assert "The settings and the key stay; the same command goes on" in capsys.readouterr().err
    key = KeyPlace("testnet", account.address).plain.read_text()
    await account.approve(testnet.http, testnet.url, Wallet(key), "bot")
    assert await asyncio.to_thread(run_cli, arguments) == 0
    assert KeyPlace("testnet", account.address).plain.read_text() == key
    assert "is there and is used as it is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "answers", "says"),
    [
        ("", [], "(coin) [BTC]: \ngridbot: no answer for coin"),
        (PROPOSALS, ["--answer", "user_address=0x1"], "name the account with --account"),
        ("\nlots\n", [], "investment_usd lots"),
        (PROPOSALS, ["--answer", "grid_spacing_pct=0.0001"], "would lose money"),
        (PROPOSALS, ["--answer", "colour=red"], "--answer 'colour=red' is none"),
        (PROPOSALS, ["--answer", "num_grids=few"], "--answer num_grids=few"),
    ],
)
def test_an_answer_that_does_not_pass_is_refused_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    answers: list[str],
    says: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert run_cli(["init", "--network", "testnet", "--account", Wallet().address, *answers]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_paper_needs_no_agent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["init", "--network", "paper"]) == 0
    told = capsys.readouterr()
    assert "gridbot run --network paper" in told.err
    assert "user_address" not in written()


async def test_mainnet_gets_a_key_of_its_own_and_leaves_testnets_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an exchange of the loopback that is taken for mainnet. To start there takes --live and a confirmation besides."""
    account, other = Wallet(), Wallet()
    of_testnet = KeyPlace("testnet", account.address).keep(other.key)
    place = KeyPlace("mainnet", account.address)
    async with venue(replace(STILL, open_accounts=False)) as exchange:
        monkeypatch.setitem(plans.OFFICIAL_URLS, "mainnet", exchange.url)
        await fund(exchange, account)

        async def approve() -> None:
            await until(place.plain.exists, 10)
            agent = Wallet(place.plain.read_text())
            assert (await account.approve(exchange.http, exchange.url, agent, "bot"))["status"] == "ok"

        arguments = ["init", "--network", "mainnet", "--account", account.address]
        code, _ = await asyncio.gather(asyncio.to_thread(run_cli, arguments), approve())
        told = capsys.readouterr()
        assert code == 0, told
        assert "app.hyperliquid.xyz/API" in told.err
        assert "gridbot run --network mainnet --live" in told.err
        assert place.plain.read_text() != other.key == of_testnet.read_text()
        assert "live_account" not in written(), "no file confirms by itself that real money is meant"
        for flags, says in (
            ([], "add --live if that is meant"),
            (["--live"], f'set live_account = "{account.address}"'),
        ):
            start = ["run", "--no-ui", "--network", "mainnet", *flags]
            assert await asyncio.to_thread(run_cli, start) == 2
            assert says in capsys.readouterr().err
        assert not (await exchange.truth())["orders"]
