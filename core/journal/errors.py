"""What keeps a journal from being used, in sentences that hold the fix."""

from __future__ import annotations

import shlex
from pathlib import Path


class StorageError(Exception):
    """The journal cannot be used; the text says why and what to do. Exit code 4."""


class ForeignJournalError(StorageError):
    """The file is sound but belongs to something else. Exit code 2: the wrong directory was named."""


def rebuild_command(path: Path) -> str:
    """What an operator types to begin anew in the place of the journal ``path``, as a shell takes it."""
    return f"`gridbot doctor --rebuild-from-exchange --state-dir {shlex.quote(str(path.parent))}`"


def way_out(path: Path) -> str:
    """What is left to do with a file that can't be used."""
    return f"The file is kept; {rebuild_command(path)} makes a new journal from the exchange"


def damaged(path: Path, found: object) -> StorageError:
    """``found`` is what SQLite says; its words may fill several lines."""
    words = " ".join(str(found).replace("*** in database main ***", "").split())
    return StorageError(f"{path} is damaged ({words}). {way_out(path)}")


def unusable(path: Path, found: object) -> StorageError:
    """The file may well be sound: the disk, its permissions or another program stand in the way."""
    return StorageError(
        f"{path} cannot be used ({found}). Fix the disk or the permissions of {path.parent}, then start again"
    )
