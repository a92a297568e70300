"""``gridbot restore``: a backup in the place of the journal, halted until an operator has looked."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.domain.effects import SaveHalt
from core.engine.certificate import compact_utc, utc_text
from core.journal.backup import copy_database, earlier_beside, last_row_ms
from core.journal.batch import Batch
from core.journal.earlier import keep_all_of, read_earlier
from core.journal.files import LOGS, beside, set_aside, sync_file
from core.journal.journal import Journal
from core.journal.salvage import Salvaged, condition, salvage
from core.journal.schema import StorageError, prepare
from core.runtime.statedir import StateDir, StateLock, unwritable
from core.runtime.usage import UsageError

RESTORED = "journal restored from a backup"
OF_ONE_ACCOUNT = ("network", "account")


@dataclass(frozen=True, slots=True)
class PutBack:
    """What was done; ``kept`` is where the journal is that was there before, ``at_ms`` when the backup was last written to."""

    state_dir: Path
    backup: Path
    kept: Path | None
    at_ms: int

    @property
    def text(self) -> str:
        where = f" What was there is kept as {self.kept.name}." if self.kept else ""
        return (
            f"restored {self.state_dir / 'journal.db'} from {self.backup}, which ends at {utc_text(self.at_ms)}.{where}\n"
            "All is halted. Start the bot: it reads what has traded since from the exchange, which shows the account's newest "
            "10,000 fills, and cancels its orders that the backup doesn't know. Then `gridbot verify --online`, and if it says "
            "VERIFIED `gridbot resume`."
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": True,
            "state_dir": str(self.state_dir),
            "backup": str(self.backup),
            "backup_ends_ms": self.at_ms,
            "kept": str(self.kept) if self.kept else None,
            "text": self.text,
        }


def put_back(state: StateDir, backup: Path, now_ms: int) -> PutBack:
    """Put a backup in the journal's place, carried over to this version. ``now_ms`` is UTC milliseconds.

    Halts and nonces of the journal that was there outlive it, as far as it can be read: no restore ends a halt. Interrupted at
    any point it leaves the old journal or the new one in place, and every old file kept.

    Raises:
        UsageError: an instance runs on it, or the file is no backup of this account.
        StorageError: the backup is damaged or of a newer version, or can't be written.
    """
    _refuse_unless_backup(backup)
    state.prepare()
    with StateLock(state, has_to_end=True):
        before = salvage(state.journal) if state.journal.exists() else Salvaged()
        told = salvage(backup).meta
        for name in OF_ONE_ACCOUNT:
            if name in before.meta and before.meta[name] != told.get(name):
                raise UsageError(
                    f"{backup} is of {name} {told.get(name)}, and {state.path} of {before.meta[name]}; name "
                    "the state dir that it belongs to with --state-dir"
                )
        fresh = state.path / "journal.db.new"
        try:
            _clear(fresh)
            copy_database(backup, fresh)
            at_ms = last_row_ms(fresh)
            asyncio.run(_make_ready(fresh, before, at_ms, now_ms))
            kept = set_aside(state.journal, f"replaced-{compact_utc(now_ms)}")
            os.replace(fresh, state.journal)
            sync_file(state.path)
            _put_back_earlier(state, backup)
        except (OSError, sqlite3.Error) as error:
            raise _failed(state, error) from error
        finally:
            _clear(fresh)
    return PutBack(state.path, backup, kept, at_ms)


def _failed(state: StateDir, error: Exception) -> StorageError:
    if isinstance(error, OSError):
        return unwritable(state.path, error)
    return StorageError(f"{state.path} can't be written ({error}); free disk space, then try again")


def _refuse_unless_backup(backup: Path) -> None:
    if not backup.is_file():
        raise UsageError(f"there is no file {backup}; name a backup that `gridbot backup` has made")
    found = condition(backup)
    if found.damage:
        raise StorageError(f"{backup} is damaged ({found.damage}); take another backup. Nothing was changed")
    if not found.is_ours:
        raise UsageError(f"{backup} is another program's; name a backup that `gridbot backup` has made")
    if found.is_newer:
        raise StorageError(
            f"{backup} was written by a newer GridBot (schema {found.version}); install that version or newer, then restore it"
        )


async def _make_ready(path: Path, before: Salvaged, at_ms: int, now_ms: int) -> None:
    """Of this version, and halted."""
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    try:
        halts = [SaveHalt(coin, reason) for coin, reason in before.halts]
        why = SaveHalt("", f"{RESTORED} of {utc_text(at_ms)}: verify it against the exchange, then resume")
        await journal.commit(Batch(now_ms, halts=[*halts, why]))
        for signer, ceiling in before.nonces.items():
            await journal.commit(Batch(now_ms, nonce_ceiling=(signer, ceiling)))
    finally:
        await journal.close()


def _put_back_earlier(state: StateDir, backup: Path) -> None:
    """Rows of the past that the backup has and the state dir hasn't; nothing is taken away."""
    source, account = earlier_beside(backup), salvage(backup).meta.get("account", "")
    if not source.exists():
        return
    keep_all_of(state.earlier, account, read_earlier(source, account))


def _clear(fresh: Path) -> None:
    """What an interrupted attempt left, and the copy that a migration makes: the backup itself is that."""
    for path in (
        *(beside(fresh, name) for name in ("", *LOGS)),
        *fresh.parent.glob(f"{fresh.name}.v*-backup"),
    ):
        path.unlink(missing_ok=True)
