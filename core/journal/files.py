"""The journal as a file: whose it is, read without writing, names made durable."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

APPLICATION_ID = 0x67726462
"""``grdb``: how SQLite's header says whose file this is."""


def read_only(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    """A connection that can't write and creates no journal."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=not any_thread)


def sync_file(path: Path) -> None:
    """Make a file's bytes, or the names in a directory, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
