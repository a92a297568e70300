"""A key that must never be read anywhere: the real program handles it, breaks with it, and all that it left is searched."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

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
RUNS = "import sys; from gridbot_tui.cli import run_cli; sys.exit(run_cli(sys.argv[1:]))"


def run(home: Path, code: str, *arguments: str, key: str) -> tuple[int, bytes]:
    """Exit code, and all that it wrote to its terminal."""
    environ = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "xdg"), "HL_AGENT_KEY": key}
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
