"""Each secret that is read is masked in the report of whatever breaks with it in hand, and in the sentence about it."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import redaction
from core.runtime.keys import keystore
from core.runtime.metrics_token import read_token
from core.runtime.statedir import StateDir
from core.telemetry.alerting.target import Target
from core.telemetry.crash_report import reports
from gridbot_tui.cli import run_cli
from gridbot_tui.failures import tell_crash
from gridbot_tui.passphrase import passphrase_of
from tests.unit.runtime.agents import Wallet

CANARY = "the canary of the mine sings"
TOKEN = "7c4nary7:AAc4naryc4naryc4nary_c4nary"


@pytest.fixture(autouse=True)
def _knows_nothing() -> Iterator[None]:
    known = redaction._known, redaction._shortest_known
    redaction.forget()
    yield
    redaction._known, redaction._shortest_known = known


def pipe(text: str) -> int:
    reads, writes = os.pipe()
    os.write(writes, f"{text}\n".encode())
    os.close(writes)
    return reads


def crash_of(home: Path) -> str:
    (found,) = reports(home / "xdg" / "gridbot" / "crashes")
    return found.read_text()


def breaks(key: str, passphrase: str) -> str:
    raise RuntimeError(f"broken with {passphrase!r} in hand, and {passphrase}")


@pytest.mark.parametrize("way", ["a descriptor", "a terminal"])
def test_a_passphrase_of_an_import(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, agent = Wallet(), Wallet()
    flags = ["keys", "import", "--network", "testnet", "--account", account.address]
    flags += ["--key-fd", str(pipe(agent.key))]
    if way == "a descriptor":
        flags += ["--passphrase-fd", str(pipe(CANARY))]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: CANARY)
    monkeypatch.setattr(keystore, "lock", breaks)
    assert run_cli(flags) == 1
    told = capsys.readouterr().err
    assert "broken with" in told
    assert "canary" not in told + crash_of(tmp_path)


def _of_a_descriptor(_: Path) -> str:
    return passphrase_of(pipe(CANARY), {})("the keystore", 1)


def _of_a_credential(home: Path) -> str:
    (home / "key_passphrase").write_text(f"{CANARY}\n")
    return passphrase_of(None, {"CREDENTIALS_DIRECTORY": str(home)})("the keystore", 1)


def _of_the_metrics(home: Path) -> str:
    return read_token(StateDir(home), {"HL_METRICS_TOKEN": "c4nary-0123456789"})


def _whole_url(_: Path) -> str:
    return Target(f"tgram://{TOKEN}/-1002345", "a line").url


def _address_made_of_it(_: Path) -> str:
    Target(f"tgram://{TOKEN}/-1002345", "a line")
    return f"HTTPSConnectionPool(host='api.telegram.org'): url: /bot{TOKEN}/sendMessage"


def _password_of_it(_: Path) -> str:
    Target("mailtos://me:s3c:canary%2F@mail.example.org", "a line")
    return "535 authentication of me with s3c:canary/ failed"


@pytest.mark.parametrize(
    "secret",
    [
        _of_a_descriptor,
        _of_a_credential,
        _of_the_metrics,
        _whole_url,
        _address_made_of_it,
        _password_of_it,
    ],
)
def test_what_is_read_for_a_run(secret: Callable[[Path], str], tmp_path: Path) -> None:
    said = tell_crash("a test", RuntimeError(f"broken: {secret(tmp_path)}"))
    report = crash_of(tmp_path)
    assert "broken: " in said
    assert "[masked]" in said
    for text in (said, report):
        assert "canary" not in text
        assert "c4nary" not in text
