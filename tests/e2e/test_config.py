"""``gridbot config check`` and ``show`` as programs use them: exit codes, one line a problem, JSON, no key anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.program import gridbot
from tests.unit.runtime.config import FOR_MAINNET, FOR_TESTNET

KEY = "0x" + "5c" * 32


def test_check_lists_all_at_once_and_ends_with_2(home: Path) -> None:
    (home / "gridbot.toml").write_text(
        "num_gird = 5\nleverage = 'lots'\n[coins.BTC]\ngrid_spacing_pct = 0.0001\n"
    )
    done = gridbot(home, "config", "check", env={"HL_AGENT_KEY": KEY})
    assert (done.returncode, done.stderr) == (2, "")
    *problems, verdict = done.stdout.splitlines()
    assert [line.split(":")[0] for line in problems] == [f"gridbot.toml line {n}" for n in (1, 2, 4)]
    assert verdict == "3 things are wrong; judged for paper"


@pytest.mark.parametrize(
    ("network", "wanted"), [("paper", ""), ("testnet", FOR_TESTNET), ("mainnet", FOR_MAINNET)]
)
def test_check_says_which_network_it_judged_for(home: Path, network: str, wanted: str) -> None:
    done = gridbot(home, "config", "check", "--network", network, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["network"]) == (2 if wanted else 0, not wanted, network)
    assert {problem["key"] for problem in found["problems"]} == {
        line.split(" = ")[0] for line in wanted.splitlines()
    }


def test_show_prints_each_setting_with_its_origin_and_never_a_key(home: Path) -> None:
    (home / "gridbot.toml").write_text(f"{FOR_MAINNET}\n[coins.BTC]\nnum_grids = 7\n")
    line = len(FOR_MAINNET.splitlines()) + 2
    env = {"HL_AGENT_KEY": KEY, "HL_PRIVATE_KEY": KEY, "HL_LEVERAGE": "3"}
    done = gridbot(home, "config", "show", "--network", "mainnet", "--coin", "BTC", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ")}
    assert lines["num_grids"].endswith(f"gridbot.toml line {line}")
    assert lines["leverage"].endswith("HL_LEVERAGE")
    assert lines["coins"].endswith("--coin")
    assert lines["trailing_pct"].endswith("default")
    shown = gridbot(home, "config", "show", "--json", env=env).stdout
    assert json.loads(shown)["coins"]["BTC"]["num_grids"]["line"] == line
    assert KEY[2:] not in done.stdout + shown


def test_show_of_what_would_be_refused_says_so_and_ends_with_2(home: Path) -> None:
    done = gridbot(home, "config", "show", "--network", "mainnet")
    assert done.returncode == 2
    assert "  investment_usd " in done.stdout
    assert done.stderr.count("\n") == 1
    assert "`gridbot config check --network mainnet` lists all that is wrong" in done.stderr
    (home / "gridbot.toml").write_text("leverage = 'lots'")
    assert gridbot(home, "config", "show").stdout == ""


def test_what_the_preview_prints_lets_the_start_on_mainnet_go_on_to_the_key(home: Path) -> None:
    (home / "gridbot.toml").write_text(FOR_MAINNET)
    mark = json.loads(gridbot(home, "preview", "--json").stdout)["fingerprint"]
    start = ("--no-ui", "--for", "5s", "--network", "mainnet", "--live")
    refused = gridbot(home, *start)
    assert refused.returncode == 2
    assert "no preview of these settings was seen" in refused.stderr
    seen = gridbot(home, *start, "--preview", mark)
    assert seen.returncode == 2
    assert "mainnet needs an agent wallet" in seen.stderr
    changed = gridbot(home, *start, "--preview", mark, env={"HL_LEVERAGE": "3"})
    assert f"--preview {mark} is not of these settings" in changed.stderr
