"""A backup in the journal's place: whole or not at all, halted, and nothing that was there is lost."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from core.domain.fills import ForeignFill
from core.journal.backup import back_up, back_up_earlier
from core.journal.earlier import Shown, keep_earlier, read_earlier
from core.journal.errors import StorageError
from core.journal.schema import APPLICATION_ID, MIGRATIONS
from core.runtime import put_back as module
from core.runtime.put_back import put_back
from core.runtime.statedir import StateDir, StateLock
from core.runtime.usage import UsageError
from core.runtime.verify import verify_journal
from tests.unit.exchange.samples import ACCOUNT, NOW_MS
from tests.unit.journal.desk import rows
from tests.unit.runtime.kept_journal import Trades, alter, write_journal

FILLS = "SELECT count(*) FROM fills"
HALTS = "SELECT coin, reason FROM halts WHERE lifted_ms IS NULL ORDER BY id"


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    found = StateDir(tmp_path / "state")
    found.prepare()
    write_journal(found.journal, Trades().some(60))
    return found


@pytest.fixture
def backup(state: StateDir, tmp_path: Path) -> Path:
    """Of a moment at which 60 fills were there and nothing was halted."""
    return back_up(state.journal, tmp_path / "backup.db").path


def test_a_backup_takes_the_journals_place_and_what_was_there_is_kept(state: StateDir, backup: Path) -> None:
    alter(state.journal, "INSERT INTO halts VALUES (1, 'BTC', 'risk', 1, NULL, NULL)")
    alter(state.journal, "INSERT INTO nonces VALUES ('0xsigner', 1234)")
    alter(state.journal, "DELETE FROM fills WHERE id > 9")
    done = put_back(state, backup, NOW_MS)
    assert rows(state.journal, FILLS) == [(60,)]
    assert done.kept == state.path / "journal.db.replaced-20260130T230949Z"
    assert rows(done.kept, FILLS) == [(9,)]
    halts = rows(state.journal, HALTS)
    assert halts[0] == ("BTC", "risk"), "no restore ends a halt"
    assert halts[1][1].startswith("journal restored from a backup of 2026-01-30T23:")
    assert rows(state.journal, "SELECT * FROM nonces") == [("0xsigner", 1234)]
    assert verify_journal(state.journal, False, NOW_MS).verified
    assert state.journal.stat().st_mode & 0o077 == 0
    assert not list(state.path.glob("journal.db.new*"))
    assert rows(backup, HALTS) == []


@pytest.mark.parametrize("left", ["nothing", "half", "garbage"])
def test_it_needs_nothing_of_the_journal_that_is_gone(state: StateDir, backup: Path, left: str) -> None:
    whole = state.journal.read_bytes()
    state.journal.write_bytes(
        {"nothing": b"", "half": whole[: len(whole) // 2], "garbage": os.urandom(9_999)}[left]
    )
    if left == "nothing":
        state.journal.unlink()
    done = put_back(state, backup, NOW_MS)
    assert (done.kept is None) == (left == "nothing")
    assert rows(state.journal, FILLS) == [(60,)]
    assert len(rows(state.journal, HALTS)) == 1


def test_the_old_journals_log_is_never_read_into_the_restored_one(state: StateDir, backup: Path) -> None:
    db = sqlite3.connect(state.journal)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("DELETE FROM fills")
    db.commit()
    log = state.path / "journal.db-wal"
    kept = log.read_bytes()
    db.close()
    log.write_bytes(kept)
    done = put_back(state, backup, NOW_MS)
    assert rows(state.journal, FILLS) == [(60,)]
    assert done.kept is not None
    assert done.kept.with_name(f"{done.kept.name}-wal").read_bytes() == kept


def test_a_backup_of_an_older_version_is_carried_over_and_stays_what_it_is(
    state: StateDir, tmp_path: Path
) -> None:
    old = tmp_path / "old.db"
    db = sqlite3.connect(old)
    db.executescript(
        f"{''.join(MIGRATIONS[:7])} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 7;"
        f"INSERT INTO meta VALUES ('account', '{ACCOUNT}'), ('network', 'paper');"
    )
    db.close()
    put_back(state, old, NOW_MS)
    assert rows(state.journal, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert rows(old, "PRAGMA user_version") == [(7,)]
    assert not [path.name for path in state.path.iterdir() if ".new" in path.name or "backup" in path.name]


def test_what_is_no_backup_of_this_account_is_refused_and_changes_nothing(
    state: StateDir, backup: Path, tmp_path: Path
) -> None:
    before = state.journal.read_bytes()
    with pytest.raises(UsageError, match="there is no file"):
        put_back(state, tmp_path / "nowhere.db", NOW_MS)
    with (
        StateLock(state),
        pytest.raises(UsageError, match=r"in use by a running gridbot .* end it with `gridbot stop "),
    ):
        put_back(state, backup, NOW_MS)
    alter(backup, "UPDATE meta SET value = '0xother' WHERE key = 'account'")
    with pytest.raises(
        UsageError, match=r"is of account 0xother, and .* name the state dir that it belongs to"
    ):
        put_back(state, backup, NOW_MS)
    _version(backup)
    with pytest.raises(StorageError, match="newer GridBot"):
        put_back(state, backup, NOW_MS)
    backup.write_bytes(os.urandom(9_999))
    with pytest.raises(StorageError, match=r"is damaged .* take another backup"):
        put_back(state, backup, NOW_MS)
    assert state.journal.read_bytes() == before
    assert not list(state.path.glob("*.new*"))


def _version(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()


@pytest.mark.parametrize("step", ["copy_database", "set_aside", "replace"])
def test_a_full_disk_leaves_the_old_journal_whole(
    state: StateDir, backup: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "replace" else module, step, fails)
    before = state.journal.read_bytes()
    with pytest.raises(StorageError, match="free disk space"):
        put_back(state, backup, NOW_MS)
    assert state.journal.read_bytes() == before


def test_the_past_that_a_backup_holds_is_put_back_beside_what_is_there(
    state: StateDir, tmp_path: Path
) -> None:
    def past(number: int) -> Shown:
        return Shown(NOW_MS, [ForeignFill(ACCOUNT, "BTC", number, number, number, json.dumps({"sz": "1"}))])

    keep_earlier(state.earlier, ACCOUNT, past(1))
    copy = back_up(state.journal, tmp_path / "backup.db").path
    back_up_earlier(state.earlier, copy)
    state.earlier.unlink()
    keep_earlier(state.earlier, ACCOUNT, past(2))
    put_back(state, copy, NOW_MS)
    assert [fill.time_ms for fill in read_earlier(state.earlier, ACCOUNT).fills] == [1, 2]


def test_every_look_at_the_exchange_is_put_back_as_it_was_once(state: StateDir, tmp_path: Path) -> None:
    """All rows together are more than the exchange has ever shown at once."""
    for number in (1, 2):
        row = ForeignFill(ACCOUNT, "BTC", number, number, number, "{}")
        keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS + number, [row]))
    looks = read_earlier(state.earlier, ACCOUNT).looks
    copy = back_up(state.journal, tmp_path / "backup.db").path
    back_up_earlier(state.earlier, copy)
    state.earlier.unlink()
    for later in (1, 2):
        put_back(state, copy, NOW_MS + later * 1_000)
        assert read_earlier(state.earlier, ACCOUNT).looks == looks
    assert [(look.fills, look.oldest_ms) for look in looks] == [(1, 1), (1, 2)]
