"""The operator's log in the journal: who, by what, from where, before and after; no row is ever changed or taken out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.domain.commands import Action, Command, Operator, Origin
from core.domain.effects import SaveAction
from core.journal.journal import Batch, Journal
from core.journal.schema import prepare


async def kept(path: Path) -> None:
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    by = Operator("alice", "203.0.113.7", "gridbot halt", "pts/3")
    command = Command("7", Action.HALT, "BTC", Origin.CLI, "", by)
    await journal.commit(Batch(5, actions=[SaveAction(command, "done: halted", "running", "halted")]))
    await journal.close()


async def test_a_row_has_all_that_is_known_of_a_command(tmp_path: Path) -> None:
    await kept(tmp_path / "j.db")
    db = sqlite3.connect(tmp_path / "j.db")
    db.row_factory = sqlite3.Row
    (row,) = db.execute("SELECT * FROM actions").fetchall()
    db.close()
    who = {"user": "alice", "client": "203.0.113.7", "tty": "pts/3", "via": "gridbot halt"}
    what = {"command_id": "7", "time_ms": 5, "action": "halt", "coin": "BTC", "origin": "cli", "value": ""}
    how = {"outcome": "done: halted", "before": "running", "after": "halted"}
    assert dict(row) == {"id": 1, **what, **who, **how}


@pytest.mark.parametrize("change", ["UPDATE actions SET user = 'bob'", "DELETE FROM actions"])
async def test_no_row_can_be_changed_or_taken_out(tmp_path: Path, change: str) -> None:
    await kept(tmp_path / "j.db")
    db = sqlite3.connect(tmp_path / "j.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(change)
    db.close()
