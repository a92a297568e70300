"""The report of what nobody expected."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.telemetry import crash_report
from core.telemetry.crash_report import reports, sentence, write_crash

KEY = "0x" + "ab" * 32


def fault() -> Exception:
    try:
        secret = KEY
        raise ValueError(f"it handled {secret}")
    except ValueError as error:
        return error


def test_a_report_says_where_it_broke_for_its_owner_alone_and_no_secret(tmp_path: Path) -> None:
    path = Path(write_crash(tmp_path / "logs", "the core", fault()))
    text = path.read_text()
    assert "the core failed" in text
    assert "test_crash_report.py" in text
    assert "ValueError: it handled [masked]" in text
    assert KEY not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = sentence(fault(), str(path))
    assert said.startswith(f"internal error: ValueError: it handled [masked]; its report is {path}; ")


def test_each_crash_has_its_own_file_and_the_newest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_report, "KEPT", 3)
    written = {write_crash(tmp_path, "the core", fault()) for _ in range(5)}
    assert len(written) == 5
    assert len(reports(tmp_path)) == 3


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert write_crash(tmp_path / "file", "the core", fault()) == ""
    assert "its report could not be written" in sentence(fault(), "")
