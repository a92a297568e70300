"""`gridbot config check` finds all that would keep a start from going on and that no question to the exchange is needed for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.exchange.signing import Signer
from gridbot_tui.cli import run_cli
from tests.unit.exchange.samples import KEY

OTHER = "0x" + "7d" * 32
SECRET = "foo://bar"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"HL_NETWORK": "testnet"}, "HL_NETWORK is not a setting; it is chosen at each start: --network"),
        ({"HL_AGENT_KEY": "0x1234"}, "HL_AGENT_KEY can't be used"),
        ({"HL_ALERT_URLS": SECRET}, "HL_ALERT_URLS is not a URL that alerts can be sent to"),
        ({"HL_ALERT_WEBHOOK_URL": "ftp://x"}, "HL_ALERT_WEBHOOK_URL is not a URL that begins with https://"),
        ({"HL_BASE_URL": "https://api.hyperliquid.xyz"}, "is not a paper exchange"),
    ],
)
def test_what_is_no_setting_and_would_be_refused_is_wrong_too(
    environ: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run_cli(["config", "check"]) == 2
    told = capsys.readouterr().out
    first, *_, verdict = told.splitlines()
    assert says in first
    assert verdict == "1 thing is wrong; judged for paper"
    assert SECRET not in told
    assert run_cli(["config", "check", "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert says in problem["text"]


def test_all_of_it_is_told_beside_what_is_wrong_with_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "key"
    file.write_text(OTHER)
    file.chmod(0o600)
    monkeypatch.setenv("HL_KEY_FILE", str(file))
    monkeypatch.setenv("HL_AGENT_KEY", KEY)
    monkeypatch.setenv("HL_ALERT_URLS", SECRET)
    monkeypatch.setenv("HL_LEVRAGE", "2")
    assert run_cli(["config", "check"]) == 2
    told = capsys.readouterr().out
    assert "HL_LEVRAGE is not a setting" in told
    assert f"two keys are there: {file} is of {Signer(OTHER, False).address}" in told
    assert "HL_ALERT_URLS is not a URL" in told
    assert "3 things are wrong" in told


def test_a_key_and_targets_that_can_be_used_are_nothing_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HL_AGENT_KEY", KEY)
    monkeypatch.setenv("HL_ALERT_URLS", "json://127.0.0.1:9/")
    assert run_cli(["config", "check"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
