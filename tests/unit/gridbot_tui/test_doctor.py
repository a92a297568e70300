"""``gridbot doctor``: every precondition of a start with its fix, and the exit code that a start would end with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.agent import AgentObserved
from core.runtime.doctor import examine
from core.runtime.doctor_account import agent_finding, clock_finding
from core.runtime.exit_code import ExitCode
from core.runtime.keys.places import KeyPlace
from core.runtime.statedir import StateDir, state_root
from gridbot_tui import plans
from gridbot_tui.cli import run_cli
from tests.unit.gridbot_tui.test_keeping import made
from tests.unit.runtime.agents import DAY_MS, Wallet, now_ms
from tests.unit.runtime.config import FOR_TESTNET
from tests.unit.runtime.stage import Venue, venue

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def testnet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Venue]:
    """A paper exchange that stands in for testnet."""
    async with venue() as exchange:
        monkeypatch.setitem(plans.OFFICIAL_URLS, "testnet", exchange.url)
        yield exchange


async def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and each check by its name."""
    code = await asyncio.to_thread(run_cli, ["doctor", "--json", *arguments])
    return code, {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def written(account: str) -> None:
    Path("gridbot.toml").write_text(f'user_address = "{account}"\n{FOR_TESTNET}\n')


def test_it_answers_before_the_first_start_too_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A start needs no state dir, so that none is there is nothing to fix."""
    assert run_cli(["doctor"]) == 0
    said = capsys.readouterr().out
    assert f"ok   state dir: {state_root()}/paper/default isn't there yet, the first start makes it" in said
    for name in ("config", "signing", "disk", "key", "alerts", "metrics", "terminal"):
        assert f"ok   {name}" in said
    assert not state_root().exists()
    (tmp_path / "file").touch()
    assert run_cli(["doctor", "--state-dir", str(tmp_path / "file" / "state")]) == 2
    assert "FIX  state dir" in capsys.readouterr().out


def test_of_several_state_dirs_it_is_of_the_one_that_a_start_would_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made(state_root() / "paper" / "one")
    assert run_cli(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state_dir"] == str(state_root() / "paper" / "one")
    made(state_root() / "paper" / "two")
    assert run_cli(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state_dir"] == str(state_root() / "paper" / "default")


def test_it_tells_each_precondition_and_exits_as_a_start_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = made(tmp_path / "state")
    named = ["--state-dir", str(state.path)]
    assert run_cli(["doctor", *named]) == 0
    assert capsys.readouterr().out.count("ok   ") == 16
    state.journal.write_bytes(b"x" * 9_999)
    assert run_cli(["doctor", "--json", *named]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert {check["name"] for check in found["checks"] if not check["ok"]} == {"journal"}
    assert run_cli(["doctor", "--rebuild-from-exchange", "--json", *named]) == 0
    assert json.loads(capsys.readouterr().out)["instance_kept"] is False
    assert run_cli(["doctor", *named]) == 0


def test_settings_that_are_wrong_and_a_key_that_others_may_read_are_found_beside_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("gridbot.toml").write_text("num_gridz = 3\n")
    state = StateDir(tmp_path / "state")
    state.prepare()
    state.key.write_text("0x" + "1" * 64)
    state.key.chmod(0o644)
    assert run_cli(["doctor", "--json", "--state-dir", str(state.path)]) == 2
    found = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert "did you mean num_grids?" in found["config"]["text"]
    assert "gridbot config check --network paper" in found["config"]["fix"]
    assert "may be read by others" in found["key"]["text"]
    assert found["key"]["fix"] == f"Fix: chmod 600 {state.key}"


async def test_an_approved_agent_is_ready_to_start(
    testnet: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    account, agent = Wallet(), Wallet()
    testnet.server.exchange.venue.see(account.address)
    KeyPlace("testnet", account.address).keep(agent.key)
    written(account.address)
    assert (await account.approve(testnet.http, testnet.url, agent, "bot"))["status"] == "ok"
    code, found = await told(capsys, "--network", "testnet")
    assert code == 0, found
    assert all(check["ok"] for check in found.values()), found
    assert agent.address in found["key"]["text"]
    assert "testnet" in found["config"]["text"]
    assert "(bot) is approved for another 89 days" in found["agent"]["text"]
    assert "in the standard mode" in found["account"]["text"]
    assert found["requests"]["text"].startswith("9,999 requests are left of 10,000")
    assert {"exchange", "clock", "ip weight", "dead man's switch"} <= found.keys()


async def test_an_agent_that_is_not_approved_is_what_there_is_to_fix(
    testnet: Venue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, other, agent = Wallet(), Wallet(), Wallet()
    for each in (account, other):
        testnet.server.exchange.venue.see(each.address)
    KeyPlace("testnet", account.address).keep(agent.key)
    written(account.address)
    assert (await other.approve(testnet.http, testnet.url, agent))["status"] == "ok"
    code, found = await told(capsys, "--network", "testnet")
    assert code == 2
    assert [name for name, check in found.items() if not check["ok"]] == ["agent"]
    assert f"is an agent, but of {other.address}" in found["agent"]["text"]


async def test_an_account_in_a_mode_that_is_not_known_and_a_unified_one(
    testnet: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    account, agent = Wallet(), Wallet()
    kept = testnet.server.exchange.venue.see(account.address)
    KeyPlace("testnet", account.address).keep(agent.key)
    written(account.address)
    await account.approve(testnet.http, testnet.url, agent)
    kept.abstraction = "unifiedAccount"
    code, found = await told(capsys, "--network", "testnet")
    assert code == 0
    assert "in the unified mode: all dexs and the spot wallet share one balance" in found["account"]["text"]
    kept.abstraction = "portfolioMargin"
    code, found = await told(capsys, "--network", "testnet")
    assert code == 2
    assert "is in the mode portfolioMargin" in found["account"]["text"]
    assert "Switch it" in found["account"]["fix"]


async def test_without_a_key_or_an_exchange_it_says_so(
    testnet: Venue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, agent = Wallet(), Wallet()
    written(account.address)
    code, found = await told(capsys, "--network", "testnet")
    assert code == 2
    assert f"there is no key for {account.address}" in found["key"]["text"]
    KeyPlace("testnet", account.address).keep(agent.key)
    monkeypatch.setitem(plans.OFFICIAL_URLS, "testnet", "http://127.0.0.1:1")
    code, found = await told(capsys, "--network", "testnet")
    assert code == 5
    assert "cannot be reached" in found["exchange"]["text"]
    assert "a start tries for a minute" in found["exchange"]["fix"]


async def test_another_exchange_is_asked_if_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    async with venue() as exchange:
        code, found = await told(capsys, "--exchange-url", exchange.url)
    assert code == 0
    assert exchange.url in found["exchange"]["text"]
    assert found["clock"]["ok"]


@pytest.mark.parametrize(
    ("ahead_ms", "says"),
    [(30_400, "is 30 s ahead of"), (-30_400, "is 30 s behind"), (3e9, "is 3,000,000 s ahead of")],
)
def test_a_clock_that_is_off_has_a_sentence_of_its_own(ahead_ms: float, says: str) -> None:
    found = clock_finding(ahead_ms)
    assert says in found.says
    assert "timedatectl set-ntp true" in found.fix
    assert found.exit_code is ExitCode.USAGE
    assert clock_finding(900).ok
    assert clock_finding(-900).ok


@pytest.mark.parametrize(
    ("left_ms", "is_ok", "says"),
    [
        (90 * DAY_MS, True, "89 days"),
        (8 * DAY_MS, True, "7 days"),
        (6 * DAY_MS, False, "5 days"),
        (5 * HOUR_MS, False, "4 h"),
    ],
)
def test_an_agent_that_ends_within_a_week_is_to_be_rotated(left_ms: int, is_ok: bool, says: str) -> None:
    now = now_ms()
    found = agent_finding(AgentObserved("0xa1", True, "bot", now + left_ms - 1), now)
    assert (found.ok, found.exit_code) == (is_ok, ExitCode.CLEAN)
    assert says in found.says
    assert is_ok or "keys rotate" in found.fix


def test_the_unnamed_agent_is_told_of_as_one_whose_end_nobody_knows() -> None:
    assert "doesn't tell when it ends" in agent_finding(AgentObserved("0xa1"), now_ms()).says


def test_a_state_dir_that_cannot_be_had_is_named_as_it_was_given_with_its_own_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = StateDir(tmp_path / "no" / "such")
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    (found,) = examine(given)
    assert found.fix.startswith(f"Make {given.path}, as a directory of yours")
    given.path.parent.mkdir()
    given.path.write_text("")
    (found,) = examine(given)
    assert (found.says, found.fix) == (f"{given.path} is not a directory", "Name another with --state-dir")


async def test_what_lists_all_that_is_wrong_looks_at_the_same_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = await told(capsys, "--config", "/no/such.toml")
    assert code == ExitCode.USAGE
    assert "`gridbot config check --network paper --config /no/such.toml`" in found["config"]["fix"]
