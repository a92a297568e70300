"""Where the token of the metrics comes from, and what is refused; no sentence holds any of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.runtime.metrics_token import read_token
from core.runtime.settings import Settings
from core.runtime.statedir import StateDir
from core.runtime.usage import UsageError

TOKEN = "canary-token-0123456789"


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path)


def _write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_any_there_is_none(state: StateDir) -> None:
    assert read_token(state, {}) == ""


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_a_blank_one_is_refused_wherever_it_stands(state: StateDir, tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"HL_METRICS_TOKEN is blank, .* take HL_METRICS_TOKEN away"):
        read_token(state, {"HL_METRICS_TOKEN": text})
    with pytest.raises(UsageError, match=f"{_write(state.metrics_token, text)} is blank"):
        read_token(state, {})
    path = _write(tmp_path / "credentials" / "metrics_token", text)
    with pytest.raises(UsageError, match=f"{path} is blank"):
        read_token(state, {"CREDENTIALS_DIRECTORY": str(path.parent)})


def test_a_credential_goes_before_the_file_and_that_before_the_environment(
    state: StateDir, tmp_path: Path
) -> None:
    environ = {"HL_METRICS_TOKEN": f"{TOKEN}-env"}
    assert read_token(state, environ) == f"{TOKEN}-env"
    _write(state.metrics_token, f"{TOKEN}-file\n")
    assert read_token(state, environ) == f"{TOKEN}-file"
    _write(tmp_path / "credentials" / "metrics_token", f"{TOKEN}-cred\n", 0o440)
    environ["CREDENTIALS_DIRECTORY"] = str(tmp_path / "credentials")
    assert read_token(state, environ) == f"{TOKEN}-cred"


@pytest.mark.parametrize("text", ["short", "has blanks in the midst of it", "x" * 513, "ümlaut-0123456789ab"])
def test_what_is_no_token_is_refused_without_being_shown(state: StateDir, text: str) -> None:
    _write(state.metrics_token, text)
    with pytest.raises(UsageError, match="is not a token") as told:
        read_token(state, {})
    assert text not in str(told.value)


def test_a_file_that_others_may_read_is_refused_with_the_fix(state: StateDir) -> None:
    path = _write(state.metrics_token, TOKEN, 0o644)
    with pytest.raises(UsageError, match=f"chmod 600 {path}") as told:
        read_token(state, {})
    assert TOKEN not in str(told.value)


def test_a_directory_or_a_link_is_no_token(state: StateDir, tmp_path: Path) -> None:
    os.symlink(_write(tmp_path / "else", TOKEN), state.metrics_token)
    with pytest.raises(UsageError, match="is a symbolic link"):
        read_token(state, {})
    (tmp_path / "else").unlink()
    with pytest.raises(UsageError, match="is a symbolic link"):
        read_token(state, {"HL_METRICS_TOKEN": TOKEN})
    state.metrics_token.unlink()
    state.metrics_token.mkdir()
    with pytest.raises(UsageError, match="is not a file; name the file with the token of the metrics"):
        read_token(state, {})


def test_it_is_no_setting() -> None:
    assert "metrics_token" not in Settings.model_fields
