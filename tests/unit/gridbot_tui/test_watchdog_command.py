"""``gridbot watchdog`` finds the settings, the key and the state dir that a run with the same options has."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runtime.keys import find_sources
from core.runtime.keys.places import KeyPlace
from core.runtime.statedir import StateDir, state_root
from gridbot_tui import watchdog_command
from gridbot_tui.cli import run_cli
from gridbot_tui.plans import preview_of
from gridbot_tui.run_flags import Network, RunFlags
from tests.unit.runtime.agents import Wallet
from tests.unit.runtime.config import FOR_TESTNET

URL = "http://127.0.0.1:3001"


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[StateDir, Path | None]]:
    """State dirs and settings files of the watchdogs that were started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)
    found: list[tuple[StateDir, Path | None]] = []

    async def watch(state: StateDir, _after_s: float, _fd: int | None, config: Path | None) -> None:
        found.append((state, config))

    monkeypatch.setattr(watchdog_command, "_watch", watch)
    return found


@pytest.mark.parametrize(
    ("network", "url", "has_dir"),
    [("paper", URL, False), ("paper", URL, True), ("testnet", "", False), ("testnet", "", True)],
)
def test_its_state_dir_and_key_are_those_of_a_run_with_the_same_options(
    seen: list[tuple[StateDir, Path | None]], tmp_path: Path, network: Network, url: str, has_dir: bool
) -> None:
    account, agent, config = Wallet().address, Wallet(), tmp_path / "other.toml"
    KeyPlace(network, account, tmp_path / "agent.key").keep(agent.key)
    own = f'state_dir = "{tmp_path / "own"}"\n' if has_dir else ""
    config.write_text(
        f'user_address = "{account}"\nkey_file = "{tmp_path / "agent.key"}"\n{own}{FOR_TESTNET}\n'
    )
    options = ["--network", network, "--config", str(config), *(["--exchange-url", url] if url else [])]
    assert run_cli(["watchdog", *options]) == 0
    ((state, file),) = seen
    assert state.path == preview_of(RunFlags(network, False, (), config, url, None))[2].path
    assert file == config
    (source,) = find_sources(watchdog_command._query(state, network, file), {})
    assert source.address == agent.address


def test_named_by_nothing_it_takes_the_only_instance_there_is(
    seen: list[tuple[StateDir, Path | None]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["watchdog"]) == 2
    assert "nothing has run here yet" in capsys.readouterr().err
    journal = state_root() / "paper" / "0xab" / "journal.db"
    journal.parent.mkdir(parents=True)
    journal.touch()
    assert run_cli(["watchdog"]) == 0
    assert seen[0][0].path == journal.parent


def test_a_state_dir_that_is_named_goes_before_the_settings(
    seen: list[tuple[StateDir, Path | None]], tmp_path: Path
) -> None:
    Path("gridbot.toml").write_text(f'state_dir = "{tmp_path / "own"}"\n')
    assert run_cli(["watchdog", "--state-dir", str(tmp_path / "named")]) == 0
    assert run_cli(["watchdog"]) == 0
    assert [state.path for state, _ in seen] == [tmp_path / "named", tmp_path / "own"]
