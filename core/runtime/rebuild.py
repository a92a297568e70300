"""``gridbot doctor --rebuild-from-exchange``: a new journal in the place of one that can't be used, halted until compared."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.domain.effects import SaveHalt
from core.engine.certificate import compact_utc
from core.journal.batch import Batch
from core.journal.files import LOGS, beside, set_aside, sync_file
from core.journal.journal import Journal
from core.journal.salvage import Salvaged, salvage
from core.journal.schema import ForeignJournalError, StorageError, prepare
from core.runtime.statedir import StateDir, StateLock, UsageError
from core.runtime.verify import verify_journal

REBUILT = "journal rebuilt from the exchange: compare the position, then resume"
KEPT_META = ("network", "account", "exchange_url", "instance")
"""What outlives the old rows. Not the cursor of fills: the new anchor begins where the exchange stands then."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was done; ``kept`` is where the old journal is."""

    state_dir: Path
    kept: Path | None
    instance: str
    lost: tuple[str, ...]

    @property
    def text(self) -> str:
        where = f"the old journal is kept as {self.kept.name}" if self.kept else "there was no journal left"
        lines = [f"rebuilt {self.state_dir / 'journal.db'}: {where}."]
        if self.lost:
            lines.append(f"Not readable in the old one, at least in part: {', '.join(self.lost)}.")
        if not self.instance:
            lines.append(
                "Its instance id could not be read: an order of the old one that still rests halts the bot as another "
                "instance's, until it is cancelled (on the exchange, or with its own interface)."
            )
        lines.append(
            "All is halted. Start the bot: it takes the exchange's position as the new beginning and cancels what is left of "
            "the old orders. Compare the position with the exchange, then `gridbot resume`."
        )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        return {
            "ok": True,
            "state_dir": str(self.state_dir),
            "kept": str(self.kept) if self.kept else None,
            "instance_kept": bool(self.instance),
            "lost": list(self.lost),
            "text": self.text,
        }


def rebuild(state: StateDir, now_ms: int) -> Rebuilt:
    """Set the journal aside and put a new one in its place. ``now_ms`` is UTC milliseconds.

    Interrupted at any point it leaves the old journal or the new one in place, and every old file kept.

    Raises:
        UsageError: an instance runs on it, there is nothing to rebuild, or the journal is in order.
        ForeignJournalError: the file is another program's.
        StorageError: the new one can't be written.
    """
    if not state.path.is_dir():
        raise UsageError(f"there is no state dir {state.path}; name the right one with --state-dir")
    with StateLock(state, has_to_end=True):
        if not state.journal.exists() and not list(state.path.glob("journal.db.broken-*")):
            raise UsageError(f"there is no journal in {state.path}: the first start makes one")
        _refuse_if_in_order(state, now_ms)
        found = salvage(state.journal)
        instance = found.meta.get("instance") or state.read_instance() or ""
        fresh = state.path / "journal.db.new"
        try:
            for name in ("", *LOGS):
                beside(fresh, name).unlink(missing_ok=True)
            asyncio.run(_write(fresh, found, instance, now_ms))
            kept = set_aside(state.journal, f"broken-{compact_utc(now_ms)}")
            os.replace(fresh, state.journal)
            sync_file(state.path)
        except OSError as error:
            raise StorageError(
                f"{state.path} can't be written ({error}); free disk space or fix its permissions, then try again"
            ) from error
    return Rebuilt(state.path, kept, instance, tuple(found.lost))


def _refuse_if_in_order(state: StateDir, now_ms: int) -> None:
    try:
        found = verify_journal(state.journal, is_running=False, now_ms=now_ms)
    except ForeignJournalError:
        if state.journal.stat().st_size:  # an empty file is nobody's
            raise
        return
    except StorageError:
        return
    if found.verified:
        raise UsageError(f"the journal of {state.path} is in order, so it stays ({found.verdict()})")


async def _write(path: Path, found: Salvaged, instance: str, now_ms: int) -> None:
    """The new journal, whole and closed."""
    await prepare(path)
    journal = Journal(path)
    await journal.open()
    try:
        meta = {name: found.meta[name] for name in KEPT_META if name in found.meta}
        if instance:
            meta["instance"] = instance
        halts = [SaveHalt(coin, reason) for coin, reason in found.halts]
        await journal.commit(Batch(now_ms, meta=meta, halts=[*halts, SaveHalt("", REBUILT)]))
        for signer, ceiling in found.nonces.items():
            await journal.commit(Batch(now_ms, nonce_ceiling=(signer, ceiling)))
    finally:
        await journal.close()
