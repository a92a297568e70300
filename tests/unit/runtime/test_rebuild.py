"""A new journal in the place of one that can't be used: the old one kept, what it still tells taken over, all halted."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from core.journal.schema import ForeignJournalError, StorageError
from core.runtime import rebuild as rebuild_module
from core.runtime.doctor import examine
from core.runtime.exit_code import ExitCode
from core.runtime.rebuild import REBUILT, rebuild
from core.runtime.statedir import StateDir, StateLock, UsageError
from tests.unit.exchange.samples import ACCOUNT, NOW_MS
from tests.unit.journal.desk import rows
from tests.unit.runtime.kept_journal import INSTANCE, Trades, alter, write_journal


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """A journal with a halt of one coin, a lifted one, and a nonce ceiling; damaged at its end."""
    state = StateDir(tmp_path / "state")
    state.prepare()
    write_journal(state.journal, Trades().some(200))
    alter(state.journal, "INSERT INTO halts VALUES (1, 'BTC', 'liquidation of BTC', 1, NULL, NULL)")
    alter(state.journal, "INSERT INTO halts VALUES (2, '', 'operator', 1, 2, 'cli')")
    alter(state.journal, "INSERT INTO nonces VALUES ('0xsigner', 1234)")
    alter(state.journal, "INSERT INTO meta VALUES ('fill_cursor_ms', '55')")
    return state


def damage(state: StateDir) -> None:
    """The pages of the fills are gone; the first ones, with the small tables, are whole."""
    size = state.journal.stat().st_size
    with state.journal.open("r+b") as file:
        file.seek(size - 200_000)
        file.write(os.urandom(200_000))


def wreck(state: StateDir) -> None:
    state.journal.write_bytes(b"not a database at all" * 1_000)


def test_what_the_old_one_still_tells_is_taken_over_and_all_is_halted(state: StateDir) -> None:
    damage(state)
    broken = state.journal.read_bytes()
    done = rebuild(state, NOW_MS)
    assert done.kept == state.path / "journal.db.broken-20260130T230949Z"
    assert done.kept.read_bytes() == broken
    assert dict(rows(state.journal, "SELECT key, value FROM meta")) == {
        "network": "paper",
        "account": ACCOUNT,
        "exchange_url": "",
        "instance": INSTANCE,
    }, "not the cursor: the new anchor begins later"
    open_halts = "SELECT coin, reason FROM halts WHERE lifted_ms IS NULL ORDER BY id"
    assert rows(state.journal, open_halts) == [("BTC", "liquidation of BTC"), ("", REBUILT)]
    assert rows(state.journal, "SELECT * FROM nonces") == [("0xsigner", 1234)]
    assert rows(state.journal, "SELECT count(*) FROM fills") == [(0,)]
    left = {p.name for p in state.path.glob("journal.db*") if "broken" not in p.name}
    assert left - {"journal.db-wal", "journal.db-shm"} == {"journal.db"}


def test_an_unreadable_one_leaves_the_instance_id_that_is_kept_beside_it(state: StateDir) -> None:
    state.keep_instance("0badc0de")
    wreck(state)
    done = rebuild(state, NOW_MS)
    assert done.lost == ("meta", "nonces", "halts")
    assert rows(state.journal, "SELECT key, value FROM meta") == [("instance", "0badc0de")]
    assert "halts the bot" not in done.text


def test_without_any_instance_id_it_says_what_a_resting_order_will_do(state: StateDir) -> None:
    wreck(state)
    done = rebuild(state, NOW_MS)
    assert "still rests halts the bot as another instance's, until it is cancelled" in done.text
    assert rows(state.journal, "SELECT key FROM meta") == []


def test_the_log_beside_the_old_one_is_kept_with_it_and_never_read_into_the_new_one(state: StateDir) -> None:
    db = sqlite3.connect(state.journal)
    db.execute("INSERT INTO meta VALUES ('only', 'in the log')")
    db.commit()
    log = Path(f"{state.journal}-wal").read_bytes()
    db.close()
    wreck(state)
    Path(f"{state.journal}-wal").write_bytes(log)
    done = rebuild(state, NOW_MS)
    assert done.kept is not None
    assert Path(f"{done.kept}-wal").read_bytes() == log
    assert "only" not in dict(rows(state.journal, "SELECT key, value FROM meta"))


def test_a_second_rebuild_keeps_both_old_ones(state: StateDir) -> None:
    wreck(state)
    first = rebuild(state, NOW_MS)
    wreck(state)
    second = rebuild(state, NOW_MS)
    assert first.kept is not None
    assert second.kept is not None
    assert first.kept != second.kept
    assert first.kept.exists()


def test_a_journal_in_order_stays(state: StateDir) -> None:
    before = state.journal.read_bytes()
    with pytest.raises(UsageError, match="is in order, so it stays"):
        rebuild(state, NOW_MS)
    assert state.journal.read_bytes() == before


def test_a_journal_with_a_gap_may_be_rebuilt_though_its_file_is_sound(state: StateDir) -> None:
    alter(state.journal, "DELETE FROM fills WHERE trade_id = 100")
    assert rebuild(state, NOW_MS).kept is not None


def test_it_is_refused_while_an_instance_runs(state: StateDir) -> None:
    wreck(state)
    before = state.journal.read_bytes()
    with (
        StateLock(state),
        pytest.raises(UsageError, match=r"in use by a running gridbot .* end it with `gridbot stop "),
    ):
        rebuild(state, NOW_MS)
    assert state.journal.read_bytes() == before


def test_another_programs_database_stays_and_an_empty_file_does_not(state: StateDir) -> None:
    alter_pragma(state.journal, "PRAGMA application_id = 1")
    with pytest.raises(ForeignJournalError, match="name another --state-dir"):
        rebuild(state, NOW_MS)
    state.journal.write_bytes(b"")
    rebuild(state, NOW_MS)
    assert rows(state.journal, "SELECT reason FROM halts") == [(REBUILT,)]


def test_where_nothing_is_there_is_nothing_to_rebuild(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no state dir"):
        rebuild(StateDir(tmp_path / "none"), NOW_MS)
    empty = StateDir(tmp_path / "empty")
    empty.prepare()
    with pytest.raises(UsageError, match="the first start makes one"):
        rebuild(empty, NOW_MS)


@pytest.mark.parametrize("dies_in", ["_write", "set_aside"])
def test_interrupted_it_leaves_the_old_journal_in_place_and_can_be_done_again(
    state: StateDir, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    wreck(state)
    before = state.journal.read_bytes()

    def die(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(rebuild_module, dies_in, die)
        with pytest.raises(StorageError, match="free disk space"):
            rebuild(state, NOW_MS)
    assert state.journal.read_bytes() == before
    assert rebuild(state, NOW_MS).kept is not None


# -- doctor ---------------------------------------------------------------------------------------------------------


def fixes(state: StateDir) -> dict[str, tuple[str, ExitCode]]:
    return {f.name: (f.text, f.exit_code) for f in examine(state) if not f.ok}


def test_in_order_every_precondition_holds_and_is_told(state: StateDir) -> None:
    assert fixes(state) == {}
    assert [f.name for f in examine(state)] == [
        *("state dir", "journal", "schema", "instance", "lock", "watchdog", "signing", "disk")
    ]


@pytest.mark.parametrize("spoil", [damage, wreck])
def test_a_damaged_journal_is_told_with_the_command_that_helps(state: StateDir, spoil: object) -> None:
    assert callable(spoil)
    spoil(state)
    text, code = fixes(state)["journal"]
    assert f"`gridbot doctor --rebuild-from-exchange --state-dir {state.path}`" in text
    assert code is ExitCode.STORAGE


def test_a_newer_and_another_programs_file_have_fixes_of_their_own(state: StateDir) -> None:
    alter_pragma(state.journal, "PRAGMA user_version = 99")
    assert "Install that version or newer" in fixes(state)["schema"][0]
    alter_pragma(state.journal, "PRAGMA application_id = 1")
    assert fixes(state)["journal"][1] is ExitCode.USAGE


def test_an_older_one_is_fine_and_says_that_it_will_be_carried_over(state: StateDir) -> None:
    alter_pragma(state.journal, "PRAGMA user_version = 1")
    assert fixes(state) == {}
    assert any("carries it over" in f.text for f in examine(state))


def test_of_a_state_dir_that_is_not_there_only_what_a_start_needs_is_looked_at(tmp_path: Path) -> None:
    assert [(each.name, each.ok) for each in examine(StateDir(tmp_path / "none"))] == [
        ("state dir", True),
        ("signing", True),
        ("disk", True),
    ]
    assert not (tmp_path / "none").exists(), "looking makes nothing"


def test_the_holder_of_the_lock_is_named(state: StateDir) -> None:
    with StateLock(state):
        assert any(f"pid {os.getpid()}" in f.text for f in examine(state))


def test_the_instance_id_is_kept_for_this_user_alone_and_replaced_whole(state: StateDir) -> None:
    state.keep_instance("0badc0de")
    state.keep_instance("12345678")
    assert state.read_instance() == "12345678"
    assert state.instance.stat().st_mode & 0o777 == 0o600
    for text in ("", "garbage", "0BADC0DE", "\udcff"):
        state.instance.write_bytes(text.encode("utf-8", "surrogateescape"))
        assert state.read_instance() is None


def alter_pragma(path: Path, sql: str) -> None:
    db = sqlite3.connect(path)
    db.execute(sql)
    db.commit()
    db.close()
