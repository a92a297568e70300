"""The bundle of a bug report."""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path

import pytest

from core.telemetry import support_bundle
from core.telemetry.support_bundle import log_parts, pack

KEY = "0x" + "ab" * 32


def test_it_is_for_its_owner_alone_masks_secrets_and_says_what_could_not_be_made(tmp_path: Path) -> None:
    def broken() -> str:
        raise ValueError("the journal is damaged")

    target = tmp_path / "b.tar.gz"
    done = pack(target, {"a.txt": lambda: f"key {KEY}", "b.txt": broken}, {})
    assert [name for name, _ in done.listed] == ["a.txt", "b.txt"]
    assert done.missing == {"b.txt": "could not be made: ValueError: the journal is damaged"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert read(target, "a.txt") == "key [masked]"
    assert read(target, "b.txt") == "could not be made: ValueError: the journal is damaged\n"
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar.gz"]


def test_of_the_log_the_end_is_packed_in_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gridbot.log").write_text("third\n")
    (tmp_path / "gridbot.log.1").write_text("first\nsecond\n")
    (tmp_path / "gridbot.log.2").write_text("zeroth\n")
    monkeypatch.setattr(support_bundle, "LOG_BYTES", 6 + 9)
    assert {name: part() for name, part in log_parts(tmp_path).items()} == {
        "logs/gridbot.log": "third\n",
        "logs/gridbot.log.1": "second\n",
    }


def read(bundle: Path, name: str) -> str:
    with tarfile.open(bundle) as tar:
        file = tar.extractfile(f"gridbot-support/{name}")
        assert file is not None
        return file.read().decode()
