"""A key that must never be read anywhere: the real program handles it, breaks with it, and all that it left is searched."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runtime.control_client import ask
from core.runtime.statedir import StateDir
from tests.e2e import program
from tests.e2e.program import Exchange, free_port, gridbot, status, wait_until
from tests.e2e.terminal import Terminal

CRASHES = """
import sys
from core.exchange import signing
def broken(self, *_):
    raise RuntimeError(f"it broke with {key!r} in hand")
key = __import__("os").environ["HL_AGENT_KEY"]
signing.Signer.prepare = broken
signing.Signer.body = broken
from gridbot_tui.cli import run_cli
sys.exit(run_cli(sys.argv[1:]))
"""
BREAKS_WHEN_TOLD = """
import os, sys
from core.exchange.sender import Sender
key, whole = os.environ["HL_AGENT_KEY"], Sender.send
async def broken(self, *given, **named):
    if os.path.exists("break"):
        os.unlink("break")
        raise RuntimeError(f"it broke with {key!r} in hand")
    return await whole(self, *given, **named)
Sender.send = broken
from gridbot_tui.cli import run_cli
sys.exit(run_cli(sys.argv[1:]))
"""
RUNS = ""
"""The program as it is."""


def run(home: Path, code: str, *arguments: str, key: str) -> tuple[int, bytes]:
    """Exit code, and all that it wrote to its terminal."""
    own = {"HOME": str(home), "XDG_STATE_HOME": str(home / "xdg"), "HL_AGENT_KEY": key}
    if code == RUNS:
        ended = gridbot(home, *arguments, timeout_s=90, env=own)
        return ended.returncode, (ended.stdout + ended.stderr).encode()
    environ = {**os.environ, **own}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=home,
        env=environ,
        capture_output=True,
        timeout=90,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def holders(home: Path, key: str) -> list[str]:
    """Files under ``home`` with the key in them, in any case; packed ones are looked into."""
    bare = key.removeprefix("0x").encode()
    found = []
    for path in (path for path in home.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as tar:
                members = [tar.extractfile(each) for each in tar.getmembers()]
                content = b"".join(each.read() for each in members if each is not None)
        if bare in content.lower():
            found.append(str(path.relative_to(home)))
    return found


@pytest.mark.parametrize("code", [RUNS, CRASHES], ids=["a run", "a crash with the key in hand"])
def test_no_output_log_journal_report_or_bundle_holds_the_key(tmp_path: Path, code: str) -> None:
    key = "0x" + secrets.token_hex(32)
    state = ("--state-dir", str(tmp_path / "state"))
    _, said = run(tmp_path, code, "--no-ui", "--for", "12s", *state, key=key)
    packed, told = run(
        tmp_path, RUNS, "support-bundle", *state, "--output", str(tmp_path / "b.tar.gz"), key=key
    )
    assert (packed, b"logs/gridbot.log" in told) == (0, True), told
    assert b"Traceback" not in said
    assert key[2:].encode() not in (said + told).lower()
    assert holders(tmp_path, key) == []
    if code is CRASHES:
        assert b"[masked]" in b"".join(each.read_bytes() for each in (tmp_path / "state/logs").iterdir())


def test_a_config_with_the_key_in_it_is_refused_without_saying_it(tmp_path: Path) -> None:
    key = "0x" + secrets.token_hex(32)
    (tmp_path / "gridbot.toml").write_text(f'agent_key = "{key}"\ngrid_spacing_pct = "{key}"\n')
    for arguments in (("--no-ui",), ("config", "check"), ("config", "show", "--json"), ("support-bundle",)):
        code, said = run(tmp_path, RUNS, *arguments, key=key)
        assert code == 2 or arguments == ("support-bundle",), said
        assert key[2:].encode() not in said.lower()
    (tmp_path / "gridbot.toml").unlink()
    assert holders(tmp_path, key) == []


FRAGMENT = 12
"""Characters: a screen cuts and wraps, and so much of a key is found in nothing else."""


def fragments(secret: str, text: str) -> list[str]:
    bare, low = secret.removeprefix("0x").lower(), text.lower()
    return [part for at in range(len(bare) - FRAGMENT + 1) if (part := bare[at : at + FRAGMENT]) in low]


@pytest.fixture
def canaries() -> dict[str, str]:
    """As the environment has them; of the URLs, the part that is secret."""
    return {
        "HL_AGENT_KEY": "0x" + secrets.token_hex(32),
        "HL_METRICS_TOKEN": "c4" + secrets.token_hex(16),
        "HL_ALERT_URLS": f"json://127.0.0.1:{free_port()}/c4{secrets.token_hex(16)}",
        "HL_HEARTBEAT_URL": f"http://127.0.0.1:{free_port()}/c4{secrets.token_hex(16)}",
    }


@pytest.fixture
def screen(home: Path, exchange: Exchange, canaries: dict[str, str]) -> Iterator[tuple[Terminal, int]]:
    """A bot with a screen, and the port of its metrics."""
    port = free_port()
    flags = ("--exchange-url", exchange.url, "--state-dir", str(home / "state"))
    env = {**canaries, "HL_METRICS_PORT": str(port)}
    command = (sys.executable, "-c", BREAKS_WHEN_TOLD)
    terminal = Terminal(home, 200, 60, *flags, env=env, command=command)
    yield terminal, port
    terminal.end()
    program.kill(home / "state")


SCREENS = {
    "1": "Position & PnL",
    "2": "2 Orders",
    "3": "3 Fills",
    "4": "4 Limits",
    "5": "5 Events",
    "6": "6 Config",
    "7": "7 Performance",
    "8": "8 Runbook",
}


def look_at_each_screen(terminal: Terminal) -> str:
    """All eight, and of the settings the one that is secret."""
    seen = ""
    for key, title in SCREENS.items():
        terminal.type(key)
        terminal.wait_for(title)
        if key == "6":
            terminal.type("/")
            terminal.wait_for("enter keep")
            terminal.type("heartbeat")
            terminal.wait_for("heartbeat_url ")
            terminal.type("\r")
            wait_until(lambda: "enter keep" not in terminal.text(), 10, "what was searched is kept")
        seen += terminal.text()
    return seen


def fetched(port: int, path: str, token: str) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_no_screen_answer_endpoint_or_snapshot_of_a_bot_that_breaks_holds_a_secret(
    screen: tuple[Terminal, int], home: Path, exchange: Exchange, canaries: dict[str, str]
) -> None:
    terminal, port = screen
    state = home / "state"
    terminal.wait_for("RUNNING", 40)
    wait_until(lambda: status(state)["coins"]["BTC"]["fills"] > 0, 40, "it trades")
    told = look_at_each_screen(terminal)
    of_it, of_a_start = ("--state-dir", str(state)), ("--exchange-url", exchange.url)
    for arguments in (
        ("status", "--json", *of_it),
        ("config", "show"),
        ("keys", "show", "--network", "paper", *of_a_start),
        ("doctor", "--json", *of_it, *of_a_start),
        ("alerts", "test", *of_it),
    ):
        done = gridbot(home, *arguments, env={**canaries, "HL_METRICS_PORT": str(port)})
        assert done.stdout + done.stderr, arguments
        assert "Traceback" not in done.stderr
        told += done.stdout + done.stderr
    for path in ("/metrics", "/status", "/health"):
        told += fetched(port, path, canaries["HL_METRICS_TOKEN"])
    told += str(ask(StateDir(state), "status", full=True))

    (home / "break").touch()
    terminal.wait_for("it broke with", 40)
    told += look_at_each_screen(terminal) + terminal.sent()
    assert terminal.stop() == 1
    terminal.wait_for("gridbot: internal error")
    told += terminal.text() + terminal.sent()
    done = gridbot(home, "support-bundle", *of_it, "--output", str(home / "broken.tar.gz"), env=canaries)
    told += done.stdout + done.stderr
    assert "logs/crash-" in done.stdout
    for name, canary in canaries.items():
        secret = canary.rpartition("/")[2]
        assert fragments(secret, told) == [], name
        assert holders(home, secret) == [], name
    assert holders(home, "[masked]"), "so much was tried"
