"""``gridbot keys``: taken in without being shown, told of without being shown, rotated while the bot runs."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.domain.agent import AgentObserved
from core.exchange.rest import RestError
from core.runtime.agents import NotAnAgentError, Pair
from core.runtime.keys import approval, keystore
from core.runtime.keys.places import KeyPlace
from core.runtime.private_file import write_private
from core.runtime.statedir import StateLock
from core.runtime.usage import UsageError
from gridbot_tui import plans
from gridbot_tui.cli import run_cli
from tests.unit.exchange.samples import until
from tests.unit.runtime.agents import Wallet, plan_of_agent
from tests.unit.runtime.stage import Venue, running, venue

PASSPHRASE = "correct horse"
COST = keystore.WORK
"""Of the program itself: the tests below take another, of which a keystore is quickly made."""


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keystore, "WORK", 2)
    monkeypatch.setattr(approval, "POLL_S", 0.3)


@pytest.fixture
async def exchange() -> AsyncIterator[Venue]:
    async with venue() as found:
        yield found


@pytest.fixture
def account(exchange: Venue) -> Wallet:
    wallet = Wallet()
    exchange.server.exchange.venue.see(wallet.address)
    exchange.user = wallet.address
    return wallet


def pipe(text: str) -> str:
    """A descriptor with a line to read."""
    reads, writes = os.pipe()
    os.write(writes, f"{text}\n".encode())
    os.close(writes)
    return str(reads)


def test_a_key_is_kept_in_a_keystore_under_a_passphrase(capsys: pytest.CaptureFixture[str]) -> None:
    account, agent = Wallet(), Wallet()
    flags = ["--network", "testnet", "--account", account.address]
    secret = ["--key-fd", pipe(agent.key), "--passphrase-fd", pipe(PASSPHRASE)]
    assert run_cli(["keys", "import", *flags, *secret]) == 0
    place = KeyPlace("testnet", account.address)
    told = capsys.readouterr()
    assert (
        told.out
        == f"{agent.address}, an agent's key of {account.address} on testnet, is in {place.keystore}\n"
    )
    assert agent.key[2:] not in told.out + told.err + place.keystore.read_text()
    assert stat.S_IMODE(place.keystore.stat().st_mode) == 0o600
    assert keystore.unlock(place.keystore.read_text(), PASSPHRASE, "x") == agent.key


def test_the_keystore_of_an_import_costs_whoever_guesses_as_much_as_other_wallets_ask(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert COST == 2**18
    account, agent = Wallet(), Wallet()
    flags = ["--network", "testnet", "--account", account.address]
    assert (
        run_cli(["keys", "import", *flags, "--key-fd", pipe(agent.key), "--passphrase-fd", pipe(PASSPHRASE)])
        == 0
    )
    crypto = json.loads(KeyPlace("testnet", account.address).keystore.read_text())["crypto"]
    cost = crypto["kdfparams"]
    assert (crypto["kdf"], cost["n"], cost["r"], cost["dklen"]) == ("scrypt", keystore.WORK, 8, 32)


def test_a_key_that_is_piped_in_needs_a_passphrase_or_the_word_that_it_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, agent = Wallet(), Wallet()
    flags = ["keys", "import", "--network", "testnet", "--account", account.address]
    monkeypatch.setattr(sys, "stdin", io.StringIO(agent.key + "\n"))
    assert run_cli(flags) == 2
    assert "give it with --passphrase-fd; or add --plain" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.StringIO(agent.key + "\n"))
    assert run_cli([*flags, "--plain"]) == 0
    assert KeyPlace("testnet", account.address).plain.read_text() == agent.key


def test_the_accounts_own_key_a_short_passphrase_and_what_is_no_key_are_refused_and_nothing_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account = Wallet()
    flags = ["keys", "import", "--network", "mainnet", "--account", account.address]
    for key, passphrase, says in (
        (account.key, PASSPHRASE, "the key of the account itself, which can withdraw: none of it was kept"),
        (Wallet().key, "short", "at least 8 characters"),
        (
            account.key[:-1],
            PASSPHRASE,
            "the key can't be used: the key is not 32 bytes of hex (0x and 64 digits); give the agent's private key",
        ),
    ):
        assert run_cli([*flags, "--key-fd", pipe(key), "--passphrase-fd", pipe(passphrase)]) == 2
        told = capsys.readouterr().err
        assert says in told
        assert key[2:40] not in told
    assert not (tmp_path / "xdg").exists()


@pytest.mark.parametrize("form", ["{}", "--account={}", "{}x"])
def test_a_key_as_an_argument_is_refused_without_repeating_it(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = Wallet().key
    for argument in (form.format(key), form.format(key[2:])):
        assert run_cli(["keys", "import", "--network", "testnet", argument]) == 2
        told = capsys.readouterr()
        assert "an argument looks like a private key" in told.err
        assert key[2:20] not in told.err + told.out


async def test_show_tells_whose_key_it_is_and_for_how_long_never_the_key(
    exchange: Venue, account: Wallet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Wallet()
    monkeypatch.setitem(plans.OFFICIAL_URLS, "testnet", exchange.url)
    place = KeyPlace("testnet", account.address)
    place.keep(keystore.lock(agent.key, PASSPHRASE))
    flags = ["keys", "show", "--network", "testnet", "--account", account.address]
    await account.approve(exchange.http, exchange.url, agent, "bot")
    assert await asyncio.to_thread(run_cli, flags) == 0
    told = capsys.readouterr().out
    assert told.startswith(
        f"{agent.address}, from {place.keystore} (keystore), for {account.address} on testnet: "
    )
    assert "approved as bot, for another 89 days" in told
    await account.approve(exchange.http, exchange.url, None, "bot")
    assert await asyncio.to_thread(run_cli, [*flags, "--json"]) == 2
    row = json.loads(capsys.readouterr().out)
    assert (row["address"], row["kind"]) == (agent.address, "keystore")
    assert "is not an agent of" in row["trouble"]
    monkeypatch.setitem(plans.OFFICIAL_URLS, "testnet", "http://127.0.0.1:1")
    assert await asyncio.to_thread(run_cli, flags) == 5
    assert "cannot be reached" in capsys.readouterr().out


def test_without_an_account_or_a_key_each_command_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (["import", "--key-fd", pipe(Wallet().key)], ["rotate"]):
        assert run_cli(["keys", *words, "--network", "testnet"]) == 2
        assert "write user_address" in capsys.readouterr().err
    for command in ("show", "rotate"):
        assert run_cli(["keys", command, "--network", "testnet", "--account", Wallet().address]) == 2
        assert "there is no key for 0x" in capsys.readouterr().err
    assert run_cli(["keys", "show", "--network", "testnet", "--account", "0x12"]) == 2
    assert "must be an address" in capsys.readouterr().err


# -- rotating -----------------------------------------------------------------------------------------------------


def flags_of(exchange: Venue, account: Wallet, tmp_path: Path) -> list[str]:
    return [
        *("keys", "rotate", "--network", "paper", "--account", account.address),
        *("--exchange-url", exchange.url, "--state-dir", str(tmp_path / "state")),
    ]


async def approve_what_is_told(exchange: Venue, account: Wallet, place: KeyPlace, name: str = "two") -> str:
    """As somebody who reads the address of the new agent from the screen."""
    await until(place.next.exists, 10)
    text = place.next.read_text()
    key = keystore.unlock(text, PASSPHRASE, "x") if text.startswith("{") else text
    agent = Wallet(key)
    assert (await account.approve(exchange.http, exchange.url, agent, name))["status"] == "ok"
    return agent.address


@pytest.mark.parametrize("is_locked", [True, False])
async def test_a_running_bot_signs_with_the_new_key_and_so_does_the_next_start(
    exchange: Venue, account: Wallet, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_locked: bool
) -> None:
    first, place = Wallet(), KeyPlace("paper", account.address)
    place.keep(keystore.lock(first.key, PASSPHRASE) if is_locked else first.key)
    await account.approve(exchange.http, exchange.url, first, "one")
    one = plan_of_agent(tmp_path, exchange.url, account, first)
    secret = ["--passphrase-fd", pipe(PASSPHRASE)] if is_locked else []
    with StateLock(one.state):
        async with running(one) as run:
            await run.resting(6)
            before = await exchange.cloids()
            rotating = asyncio.to_thread(run_cli, [*flags_of(exchange, account, tmp_path), *secret])
            code, address = await asyncio.gather(rotating, approve_what_is_told(exchange, account, place))
            told = capsys.readouterr()
            assert code == 0, told.err
            assert f"{address} signs now, in place of {first.address}" in told.out
            assert f"the new agent is {address}; approve it for {account.address}" in told.err
            assert await exchange.cloids() == before
            await account.approve(exchange.http, exchange.url, None, "one")
            assert (await run.stop()).exit_code == 0
    assert not await exchange.cloids()
    kept = place.present
    assert kept is not None
    assert keystore.is_keystore(kept.read_text()) is is_locked
    assert not place.next.exists()
    assert sorted(place.directory.iterdir()) == [kept]
    assert not list((tmp_path / "state").glob("handover-*"))


async def test_an_approval_that_does_not_come_leaves_all_as_it_is_and_the_same_command_goes_on(
    exchange: Venue, account: Wallet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, place = Wallet(), KeyPlace("paper", account.address)
    place.keep(first.key)
    flags = flags_of(exchange, account, tmp_path)
    assert await asyncio.to_thread(run_cli, [*flags, "--wait", "0.1s"]) == 2
    told = capsys.readouterr().err
    assert "The present key stays" in told
    assert place.plain.read_text() == first.key
    begun = place.next.read_text()
    await account.approve(exchange.http, exchange.url, Wallet(begun), "two")
    assert await asyncio.to_thread(run_cli, flags) == 0
    assert f"nothing runs on {tmp_path / 'state'}: the next start signs with" in capsys.readouterr().out
    assert place.plain.read_text() == begun


async def test_ctrl_c_keeps_the_new_key_and_says_how_to_go_on(
    exchange: Venue,
    account: Wallet,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = KeyPlace("paper", account.address)
    place.keep(Wallet().key)
    before = place.plain.read_text()

    async def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(approval, "wait_for_approval", interrupted)
    assert await asyncio.to_thread(run_cli, flags_of(exchange, account, tmp_path)) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert place.next.exists()
    assert place.plain.read_text() == before


async def test_a_key_that_no_command_can_change_is_not_rotated(
    exchange: Venue,
    account: Wallet,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HL_AGENT_KEY", Wallet().key)
    assert run_cli(flags_of(exchange, account, tmp_path)) == 2
    assert "the key comes from HL_AGENT_KEY, which no command can change" in capsys.readouterr().err


async def test_the_present_key_does_not_follow_itself(
    exchange: Venue, account: Wallet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An operator who was told that it is done would revoke the only agent."""
    present, place = Wallet(), KeyPlace("paper", account.address)
    place.keep(present.key)
    await account.approve(exchange.http, exchange.url, present, "one")
    flags = flags_of(exchange, account, tmp_path)
    assert await asyncio.to_thread(run_cli, [*flags, "--key-fd", pipe(present.key)]) == 2
    told = capsys.readouterr()
    assert (
        f"{present.address} is the present key already, so nothing was rotated: don't revoke it" in told.err
    )
    assert "Revoke" not in told.out
    assert not place.next.exists()


@pytest.mark.parametrize("is_locked", [True, False])
async def test_the_accounts_own_key_does_not_follow_and_none_of_it_is_kept(
    exchange: Venue, account: Wallet, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_locked: bool
) -> None:
    present, place = Wallet(), KeyPlace("paper", account.address)
    place.keep(keystore.lock(present.key, PASSPHRASE) if is_locked else present.key)
    await account.approve(exchange.http, exchange.url, present, "one")
    given = ["--key-fd", pipe(account.key), "--passphrase-fd", pipe(PASSPHRASE), "--wait", "1s"]
    assert await asyncio.to_thread(run_cli, [*flags_of(exchange, account, tmp_path), *given]) == 2
    told = capsys.readouterr()
    assert "the key of the account itself, which can withdraw: none of it was kept" in told.err
    assert account.key[2:] not in told.err + told.out
    assert not place.next.exists()


async def test_the_accounts_own_key_that_lies_there_to_follow_is_not_used_and_its_file_is_named(
    exchange: Venue, account: Wallet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    present, place = Wallet(), KeyPlace("paper", account.address)
    place.keep(present.key)
    write_private(place.next, account.key)
    rotate = [*flags_of(exchange, account, tmp_path), "--wait", "1s"]
    for command in (rotate, ["keys", "show", "--network", "paper", "--account", account.address]):
        assert await asyncio.to_thread(run_cli, command) == 2
        told = capsys.readouterr()
        assert f"{place.next} has the key of the account itself, which can withdraw: delete it" in told.err
        assert account.key[2:] not in told.err + told.out


@pytest.mark.parametrize("is_locked", [True, False])
def test_no_way_to_the_place_of_keys_takes_the_accounts_own(is_locked: bool) -> None:
    account = Wallet()
    place = KeyPlace("paper", account.address)
    text = keystore.lock(account.key, PASSPHRASE) if is_locked else account.key
    for keep in (place.keep, place.keep_next):
        with pytest.raises(UsageError, match="the key of the account itself"):
            keep(text)
    assert not place.directory.exists()


async def test_a_rotation_that_has_begun_is_told_of_and_no_other_begins_over_it(
    exchange: Venue, account: Wallet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A running bot may sign with the key that has been begun with, whoever gave up the command."""
    first, second, place = Wallet(), Wallet(), KeyPlace("paper", account.address)
    place.keep(first.key)
    place.keep_next(second.key)
    flags = flags_of(exchange, account, tmp_path)
    assert await asyncio.to_thread(run_cli, [*flags, "--key-fd", pipe(Wallet().key)]) == 2
    assert f"a rotation to {second.address} has begun" in capsys.readouterr().err
    assert place.next.read_text() == second.key
    await account.approve(exchange.http, exchange.url, first, "one")
    shown = ["keys", "show", *flags[2:6], "--exchange-url", exchange.url]
    assert await asyncio.to_thread(run_cli, shown) == 0
    assert f"a rotation to {second.address} has begun" in capsys.readouterr().out


def test_a_key_that_is_in_two_places_is_not_rotated_in_one_of_them(
    account: Wallet,
    exchange: Venue,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next start would find two that differ. A credential may hold a keystore, which is no file of ours either."""
    key = Wallet().key
    KeyPlace("paper", account.address).keep(key)
    monkeypatch.setenv("HL_AGENT_KEY", key)
    assert run_cli(flags_of(exchange, account, tmp_path)) == 2
    assert "the key comes from HL_AGENT_KEY, which no command can change" in capsys.readouterr().err
    monkeypatch.delenv("HL_AGENT_KEY")
    KeyPlace("paper", account.address).plain.unlink()
    (tmp_path / "agent_key").write_text(keystore.lock(key, PASSPHRASE))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert run_cli(flags_of(exchange, account, tmp_path)) == 2
    assert "the key comes from the systemd credential agent_key" in capsys.readouterr().err


async def test_an_exchange_that_is_not_reached_is_told_of_at_once_and_each_time_its_trouble_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody who waits for an approval looks at the exchange's page, not for the name of a host that is none."""
    garbled, late = RestError("HTTP 502"), NotAnAgentError("never approved", may_come=True)
    looks = [RestError("no such host"), RestError("no such host"), garbled, late, late]
    found = AgentObserved("0x1", is_listed=True)

    async def looked(*_: object) -> AgentObserved:
        if looks:
            raise looks.pop(0)
        return found

    monkeypatch.setattr(approval, "check_agent", looked)
    monkeypatch.setattr(approval, "POLL_S", 0)
    said: list[str] = []
    pair = Pair("0x1", "0x2", "testnet", "http://127.0.0.1:1")
    assert await approval.wait_for_approval(pair, 60, said.append) is found
    assert [text.partition(";")[0] for text in said] == [
        "no such host",
        "HTTP 502",
        "waiting for the approval",
    ]


def test_a_rotation_that_never_reached_the_exchange_ends_as_one_that_could_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plans.OFFICIAL_URLS, "testnet", "http://127.0.0.1:1")
    account = Wallet()
    KeyPlace("testnet", account.address).keep(Wallet().key)
    flags = ["keys", "rotate", "--network", "testnet", "--account", account.address]
    assert run_cli([*flags, "--wait", "0.1s"]) == 5
    told = capsys.readouterr().err
    assert told.count("http://127.0.0.1:1 cannot be reached") == 2
    assert "waiting for the approval" not in told
    assert "The present key stays; the same command goes on" in told
