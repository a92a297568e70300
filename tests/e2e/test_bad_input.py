"""Bad input gets a sentence with the fix on stderr, exit code 2, no traceback, and nothing half-started."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gridbot_tui.cli import run_cli
from tests.e2e.program import Exchange, Process, gridbot, installed_gridbot
from tests.unit.runtime.config import FOR_MAINNET

Start = Callable[..., Process]
WRITTEN = {
    f"HL_{name.upper()}": value.strip('"')
    for name, value in (line.split(" = ") for line in FOR_MAINNET.split("\n"))
}
SHORT = ("--no-ui", "--for", "20s")
"""An end for a run that should never have begun, late enough for a busy machine to refuse it first."""


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        (("--no-ui", "--bogus"), {}, "--bogus"),
        (("frobnicate",), {}, "frobnicate"),
        (("--no-ui", "--for", "banana"), {}, "write 90s, 5m or 1h"),
        (SHORT, {"HL_NUM_GRIDZ": "3"}, "did you mean HL_NUM_GRIDS?"),
        (SHORT, {"HL_NUM_GRIDS": "many"}, "HL_NUM_GRIDS: num_grids 'many'"),
        (SHORT, {"HL_GRID_SPACING_PCT": "0.0001"}, "would lose money; use at least"),
        (SHORT, {"HL_INVESTMENT_USD": "1"}, "minimum of 10 USD"),
        ((*SHORT, "--config", "none.toml"), {}, "none.toml doesn't exist"),
        ((*SHORT, "--exchange-url", "ftp://x"), {}, "write http://127.0.0.1:3001"),
        ((*SHORT, "--exchange-url", "https://api.hyperliquid.xyz"), {}, "is not a paper exchange"),
        ((*SHORT, "--network", "testnet"), {}, "investment_usd is not written, and on testnet"),
        ((*SHORT, "--network", "testnet"), WRITTEN, "needs an agent wallet"),
        ((*SHORT, "--network", "mainnet", "--live"), {}, "investment_usd is not written, and on mainnet"),
        ((*SHORT, "--network", "mainnet", "--live"), WRITTEN, "no preview of these settings was seen"),
        (("preview", "--network", "mainnet"), {}, "investment_usd is not written, and on mainnet"),
        (SHORT, {"HL_BASE_URL": "https://api.hyperliquid.xyz"}, "is not a paper exchange"),
        (SHORT, {"HL_PER_COIN_CONFIG": "per_coin.yaml"}, "only gridbot.toml is read"),
        ((*SHORT, "--network", "mainnet"), {}, "add --live"),
        ((*SHORT, "--live"), {}, "--live means mainnet"),
        (SHORT, {"HL_AGENT_KEY": "0x1234"}, "not 32 bytes of hex"),
        (("exchange", "--listen", "3001"), {}, "write 127.0.0.1:3001"),
        (("exchange", "--market", "replay:none.csv.gz"), {}, "no recording at none.csv.gz"),
        (("exchange", "--speed", "0"), {}, "--speed 0 is not from 1 to 1000"),
        (("exchange", "--speed", "1e9"), {}, "--speed 1e+09 is not from 1 to 1000"),
        (("exchange", "--speed", "nan"), {}, "--speed nan is not from 1 to 1000"),
        (("exchange", "--speed", "abc"), {}, "`gridbot exchange --help` lists its flags"),
        (("exchange", "--funds", "abc"), {}, "--funds 'abc' is no amount of USDC"),
        (("exchange", "--funds", "nan"), {}, "funds are NaN USDC"),
        (("exchange", "--funds", "1e30"), {}, "can't be above 1000000000"),
        (("exchange", "--funds", "0.0000001"), {}, "USDC has six decimals"),
        (("exchange", "--market", "synthetic", "--once"), {}, "--once is for recordings"),
        (("exchange", "synthetic"), {}, "`gridbot exchange` can't use synthetic"),
        (("status",), {}, "start one with `gridbot`"),
    ],
)
def test_it_is_refused_with_the_fix(
    home: Path,
    arguments: tuple[str, ...],
    env: dict[str, str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In this process, which has loaded the program already; whole processes follow below."""
    for name in [name for name in os.environ if name.startswith(("HL_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": str(home), **env}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    code = run_cli(list(arguments))
    stdout, stderr = capfd.readouterr()
    assert (code, stdout) == (2, ""), stderr
    assert stderr.startswith("gridbot: ")
    assert stderr.count("\n") == 1
    assert words in stderr
    assert "0x1234" not in stderr


@pytest.mark.parametrize(
    ("arguments", "env", "words"),
    [
        (("--no-ui", "--coin", "DOGE"), {}, "has no coin 'DOGE'; it has BTC"),
        (("--no-ui", "--coin", "xyz:TSLA"), {}, "has no dex 'xyz', so no coin of it"),
        (SHORT, {"HL_AGENT_KEY": "0x1234"}, "not 32 bytes of hex"),
        (("exchange", "synthetic"), {}, "`gridbot exchange` can't use synthetic"),
    ],
)
def test_a_process_that_is_refused_ends_with_one_sentence_and_2(
    home: Path, arguments: tuple[str, ...], env: dict[str, str], words: str
) -> None:
    """One of them by the script that users run, which says no more than the program does."""
    run = installed_gridbot if arguments == SHORT else gridbot
    done = run(home, *arguments, env=env)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("gridbot: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert "0x1234" not in done.stderr


def test_a_key_of_the_config_file_is_named_with_its_line(home: Path) -> None:
    (home / "gridbot.toml").write_text("investment_usd = 500\n\n[coins.BTC]\nnum_gridz = 3\n")
    done = gridbot(home, *SHORT)
    assert done.returncode == 2
    assert "gridbot.toml line 4: num_gridz is not a setting; did you mean num_grids?" in done.stderr


def test_a_port_in_use_is_named(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = gridbot(home, "exchange", "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "in use" in done.stderr


def test_a_corrupt_recording_is_named_with_its_line(home: Path) -> None:
    with gzip.open(home / "hl_BTC_trades.csv.gz", "wt") as file:
        file.write(
            "time,recv,px,sz,side,tid\n1757015216253,1,109755.0,0.1,B,1\n1757015216254,1,nonsense,0.1,B,2\n"
        )
    with gzip.open(home / "hl_BTC_bbo.csv.gz", "wt") as file:
        file.write("time,recv,bid_px,bid_sz,ask_px,ask_sz\n1757015216253,1,109755.0,1.0,109756.0,1.0\n")
    done = gridbot(home, "exchange", "--market", "replay:hl_BTC_trades.csv.gz", "--listen", "127.0.0.1:0")
    assert done.returncode == 2
    assert "hl_BTC_trades.csv.gz" in done.stderr
    assert "line 3" in done.stderr


def test_a_state_dir_in_use_names_the_pid(start: Start, exchange: Exchange, home: Path) -> None:
    state = str(home / "state")
    bot = start("--no-ui", "--exchange-url", exchange.url, "--state-dir", state)
    bot.wait_for("grid_built")
    done = gridbot(home, "--no-ui", "--exchange-url", exchange.url, "--state-dir", state)
    assert done.returncode == 2
    assert f"pid {bot.popen.pid}" in done.stderr
    assert bot.stop(signal.SIGTERM) == 0


def test_a_state_dir_of_another_account_is_refused_and_left_as_it_was(home: Path) -> None:
    state = home / "state"
    assert gridbot(home, "--no-ui", "--for", "4s", "--state-dir", str(state)).returncode == 0
    before = (state / "journal.db").read_bytes()
    key = "0x" + "11" * 32
    done = gridbot(home, *SHORT, "--state-dir", str(state), env={"HL_AGENT_KEY": key})
    assert done.returncode == 2
    assert "belongs to account" in done.stderr
    assert "1111111111" not in done.stderr
    assert (state / "journal.db").read_bytes() == before


def test_another_programs_database_is_refused_and_left_as_it_was(home: Path) -> None:
    state = home / "state"
    state.mkdir()
    with sqlite3.connect(state / "journal.db") as db:
        db.execute("CREATE TABLE theirs (a)")
    before = (state / "journal.db").read_bytes()
    done = gridbot(home, *SHORT, "--state-dir", str(state))
    assert done.returncode == 2
    assert "not GridBot's journal" in done.stderr
    assert (state / "journal.db").read_bytes() == before


def test_a_damaged_journal_is_exit_code_4_and_kept(home: Path) -> None:
    state = home / "state"
    state.mkdir()
    (state / "journal.db").write_bytes(
        b"not a database, but long enough to look like a file of some kind" * 100
    )
    done = gridbot(home, *SHORT, "--state-dir", str(state))
    assert done.returncode == 4
    assert "The file is kept" in done.stderr


def test_a_state_dir_that_is_a_file_is_refused(home: Path) -> None:
    (home / "state").write_text("")
    done = gridbot(home, *SHORT, "--state-dir", str(home / "state"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a directory" in done.stderr
