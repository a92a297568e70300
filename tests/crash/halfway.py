"""What a kill in the midst of a checkpoint of SQLite's leaves: some pages are in the file already, and the log is whole."""

from __future__ import annotations

from pathlib import Path

HEADER, FRAME_HEADER = 32, 24
"""Bytes of the log's header, and of that of each frame (SQLite: the WAL file format)."""


def fold_half(journal: Path) -> int:
    """Bring half of the log's committed pages into the file, in order, as a checkpoint would; how many those are, the half
    rounded up.
    """
    log = journal.with_name(f"{journal.name}-wal").read_bytes()
    size, salts = int.from_bytes(log[8:12]), log[16:24]
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for start in range(HEADER, len(log) - FRAME_HEADER - size + 1, FRAME_HEADER + size):
        if log[start + 8 : start + 16] != salts:
            break  # left from before the log began anew
        pending[int.from_bytes(log[start : start + 4])] = log[start + FRAME_HEADER :][:size]
        if any(log[start + 4 : start + 8]):
            committed |= pending
            pending = {}
    half = sorted(committed)[: (len(committed) + 1) // 2]
    with journal.open("r+b") as file:
        for number in half:
            file.seek((number - 1) * size)
            file.write(committed[number])
    return len(half)
