"""``gridbot alerts``: each target on a line, what became of the message, and the exit code; never a URL."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.exchange.signing import Signer
from core.preview_view import PreviewView
from core.runtime import alert_trial
from core.runtime.alert_trial import asked_of
from core.runtime.control.server import ControlServer
from core.runtime.control.viewers import Viewers
from core.runtime.inbox import Inbox
from core.runtime.keys import Identity
from core.runtime.plan import RunPlan
from core.runtime.settings import load_settings
from core.runtime.statedir import StateDir, StateLock
from core.telemetry.alerting.target import Target
from gridbot_tui.cli import run_cli
from tests.e2e.program import free_port
from tests.unit.telemetry.alerting.sink import Sink, sink

CANARY = "canary0123456789"


@pytest.fixture
def hook() -> Iterator[Sink]:
    with sink() as one:
        yield one


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def state_with(tmp_path: Path, *urls: str) -> str:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    path = state / "alert_urls"
    path.touch(0o600)
    path.write_text("\n".join(urls))
    return str(state)


def test_every_target_and_the_ping_are_tried_and_each_has_a_line(
    tmp_path: Path, hook: Sink, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HL_HEARTBEAT_URL", f"http://{hook.host}/{CANARY}/ping")
    state = state_with(tmp_path, f"json://{hook.host}/{CANARY}", f"json://127.0.0.1:{free_port()}/{CANARY}")
    assert run_cli(["alerts", "test", "--state-dir", state]) == 5
    told = capsys.readouterr().out
    first, second, ping = told.splitlines()
    assert first.startswith(f"JSON (line 1 of {state}/alert_urls): delivered in ")
    assert (
        second
        == f"JSON (line 2 of {state}/alert_urls): NOT delivered, it can't be reached, or doesn't answer"
    )
    assert ping.startswith("heartbeat_url: delivered in ")
    assert CANARY not in told
    assert "This is a test" in hook.texts[0]
    assert f"/{CANARY}/ping" in hook.asked


def test_all_that_is_delivered_is_exit_code_0_and_an_object_for_programs(
    tmp_path: Path, hook: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    state = state_with(tmp_path, f"json://{hook.host}/{CANARY}")
    assert run_cli(["alerts", "test", "--state-dir", state, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["targets"]
    assert (row["ok"], row["reason"]) == (True, None)


@contextmanager
def running(state: str, *urls: str) -> Iterator[None]:
    """A bot that was started with these targets: its lock, and its socket in a loop of its own."""
    targets = tuple(Target(url, f"line {n} of the credential", "JSON") for n, url in enumerate(urls, 1))
    loaded = load_settings({}, {}, None)
    own = Identity("0x" + "ab" * 20, Signer("0x" + "11" * 32, is_mainnet=False))
    plan = RunPlan("paper", "", loaded, StateDir(Path(state)), own, targets=targets)
    asked = asked_of(plan)
    up, down = threading.Event(), threading.Event()

    async def serve() -> None:
        viewers = Viewers(lambda command: None)

        async def preview(coin: str) -> PreviewView:
            raise NotImplementedError

        path = plan.state.socket
        server = ControlServer(
            path, Inbox(), lambda full: {}, lambda id_: None, viewers, preview, alerts=asked
        )
        await server.start()
        up.set()
        await asyncio.to_thread(down.wait)
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    with StateLock(plan.state):
        thread.start()
        assert up.wait(5)
        try:
            yield
        finally:
            down.set()
            thread.join()


def test_the_running_bot_sends_to_its_own_targets_which_nobody_else_can_read(
    tmp_path: Path, hook: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    state = state_with(tmp_path)
    dead = f"json://127.0.0.1:{free_port()}/{CANARY}"
    with running(state, f"json://{hook.host}/{CANARY}", dead):
        assert run_cli(["alerts", "list", "--state-dir", state]) == 0
        told = capsys.readouterr()
        assert told.out.splitlines()[:2] == [f"JSON (line {n} of the credential)" for n in (1, 2)]
        assert run_cli(["alerts", "list", "--json", "--state-dir", state]) == 0
        assert "marks" not in json.loads(capsys.readouterr().out)
        assert run_cli(["alerts", "test", "--state-dir", state]) == 5
    told = capsys.readouterr()
    first, second = told.out.splitlines()
    assert first.startswith("JSON (line 1 of the credential): delivered in ")
    assert second == "JSON (line 2 of the credential): NOT delivered, it can't be reached, or doesn't answer"
    assert told.err == ""
    assert len(hook.texts) == 1


def test_what_the_running_bot_has_not_read_yet_is_tried_from_here_and_told(
    tmp_path: Path, hook: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    state = state_with(tmp_path, f"json://{hook.host}/old{CANARY}", f"json://{hook.host}/new{CANARY}")
    with running(state, f"json://{hook.host}/old{CANARY}"):
        assert run_cli(["alerts", "test", "--state-dir", state]) == 0
    told = capsys.readouterr()
    assert [line.partition(":")[0] for line in told.out.splitlines()] == [
        "JSON (line 1 of the credential)",
        f"JSON (line 2 of {state}/alert_urls)",
    ]
    assert f"does not send to JSON (line 2 of {state}/alert_urls): it reads where its alerts go" in told.err
    assert sorted(hook.asked) == [f"/new{CANARY}", f"/old{CANARY}"], "each once"


def test_a_running_bot_without_any_is_told_of_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = state_with(tmp_path)
    with running(state):
        assert run_cli(["alerts", "test", "--state-dir", state]) == 2
    assert "no target is named" in capsys.readouterr().err


def test_one_that_hangs_is_left_behind(
    tmp_path: Path, hook: Sink, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_trial, "WITHIN_S", 0.3)
    hook.status = 0
    state = state_with(tmp_path, f"json://{hook.host}/{CANARY}?rto=600")
    assert run_cli(["alerts", "test", "--state-dir", state]) == 5
    assert "NOT delivered, no answer within" in capsys.readouterr().out


def test_without_any_it_says_how_to_name_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = state_with(tmp_path)
    assert run_cli(["alerts", "test", "--state-dir", state]) == 2
    assert (
        f"no target is named: write URLs as apprise knows them to {state}/alert_urls"
        in capsys.readouterr().err
    )


def test_the_list_says_what_goes_where_and_shows_no_url(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HL_HEARTBEAT_URL", f"https://hc.example/{CANARY}")
    monkeypatch.setenv("HL_ALERT_MIN_SEVERITY", "crit")
    state = state_with(tmp_path, f"tgram://123456789:abcdefg_{CANARY}/12315544")
    assert run_cli(["alerts", "list", "--state-dir", state]) == 0
    told = capsys.readouterr().out
    assert told.splitlines() == [
        f"Telegram (line 1 of {state}/alert_urls)",
        "from severity crit on, without the daily report",
        "heartbeat_url is set",
    ]


def test_config_show_and_config_check_hide_the_ping_url(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HL_HEARTBEAT_URL", f"https://hc.example/{CANARY}")
    assert run_cli(["config", "show"]) == 0
    monkeypatch.setenv("HL_HEARTBEAT_URL", f"htps://hc.example/{CANARY}")
    assert run_cli(["config", "check"]) == 2
    told = capsys.readouterr()
    assert "heartbeat_url (not shown): must be a URL that begins with https:// or http://" in told.out
    assert CANARY not in told.out + told.err


def test_a_target_in_the_settings_file_is_sent_to_a_file_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gridbot.toml").write_text(f'alert_webhook_url = "https://hooks.example/{CANARY}"\n')
    assert run_cli(["config", "check"]) == 2
    told = capsys.readouterr().out
    assert "alert_webhook_url is not a setting; it is a secret and lives in a file of its own" in told
    assert CANARY not in told


def test_a_url_that_is_mistyped_keeps_a_bot_from_starting_in_a_sentence_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = state_with(tmp_path, "# mine", f"jsn://127.0.0.1/{CANARY}")
    assert run_cli(["--no-ui", "--for", "1s", "--state-dir", state]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(
        f"gridbot: line 2 of {state}/alert_urls is not a URL that alerts can be sent to; "
    )
    assert CANARY not in told.err + told.out
