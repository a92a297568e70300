"""Settings that are edited into nonsense while a bot runs (P25), and a key that is another network's (P26)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.runtime.keys.places import KeyPlace
from core.runtime.usage import UsageError
from gridbot_tui import plans
from gridbot_tui.cli import run_cli
from tests.e2e.program import Exchange, Process, gridbot, status, wait_until
from tests.unit.runtime.agents import Wallet, plan_of_agent
from tests.unit.runtime.stage import running, venue

Start = Callable[..., Process]


BAD = {
    "num_grids = 3\ngrid_spacin_pct = 0.001\n": "grid_spacing_pct",
    "num_grids = 3\ngrid_spacing_pct = 0.00001\n": "grid_spacing_pct",
    "num_grids = 3\ngrid_spacing_pct = 0.001 0.002\n": "line 2",
}
"""A word that is mistyped, a grid that would lose money by its fees, no TOML; and what their sentences say."""


def test_p25_an_edited_file_changes_nothing_that_runs_and_a_bad_one_starts_nothing(
    start: Start, exchange: Exchange, home: Path
) -> None:
    config = home / "gridbot.toml"
    config.write_text("num_grids = 3\n")
    flags = ("--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    bot = start(*flags)
    bot.wait_for("grid_built")
    account = str(bot.events("session_start")[0]["account"])
    wait_until(lambda: len(exchange.truth(account)["orders"]) == 6, 15, "the grid rests")
    for written, says in BAD.items():
        config.write_text(written)
        checked = gridbot(home, "config", "check")
        assert (checked.returncode, says in checked.stderr + checked.stdout) == (2, True), checked
    fills = status(home / "state")["coins"]["BTC"]["fills"]
    wait_until(lambda: status(home / "state")["coins"]["BTC"]["fills"] > fills, 40, "it trades on as before")
    assert bot.stop() == 0, bot.err.read_text()
    for written, says in BAD.items():
        config.write_text(written)
        refused = gridbot(home, *flags)
        assert refused.returncode == 2
        assert "gridbot.toml" in refused.stderr
        assert says in refused.stderr
        assert "Traceback" not in refused.stderr
    assert exchange.truth(account)["orders"] == []


async def test_p26_an_agent_of_the_testnet_places_nothing_on_the_mainnet(tmp_path: Path) -> None:
    account, agent = Wallet(), Wallet()
    async with venue() as mainnet:  # where nobody has approved it
        mainnet.server.exchange.venue.see(account.address)
        mainnet.user = account.address
        asked = replace(plan_of_agent(tmp_path, mainnet.url, account, agent), network="mainnet")
        async with running(asked) as run:
            with pytest.raises(UsageError, match="agent") as told:
                await run.task
        assert agent.address in str(told.value)
        assert await mainnet.cloids() == set()


def test_p26_a_key_that_is_kept_for_the_testnet_is_none_for_the_mainnet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setitem(plans.OFFICIAL_URLS, "mainnet", "http://127.0.0.1:9")
    account, agent = Wallet(), Wallet()
    KeyPlace("testnet", account.address).keep(agent.key)
    assert run_cli(["keys", "show", "--network", "mainnet", "--account", account.address]) == 2
    told = capsys.readouterr()
    assert "mainnet" in told.err
    assert agent.address not in told.err + told.out
