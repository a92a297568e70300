"""Client order ids: 16 bytes, ``tag 4 | instance 4 | boot nonce 4 | counter 4``.

The tag says that an order is GridBot's, the instance whose journal knows it, the boot nonce (random, journalled at
each start) and the counter make it unique even if the journal's file was restored from a backup.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TAG = "67726462"
"""``grdb`` in hex."""

_MAX_COUNTER = 2**32

_OURS = re.compile(f"0x{TAG}([0-9a-f]{{8}})([0-9a-f]{{8}})([0-9a-f]{{8}})")


@dataclass(frozen=True, slots=True)
class CloidParts:
    instance: str
    boot: str
    counter: int


def make_cloid(instance: str, boot: str, counter: int) -> str:
    """``0x`` and 32 lowercase hex digits."""
    assert len(instance) == len(boot) == 8, (instance, boot)
    assert 0 <= counter < _MAX_COUNTER, counter
    return f"0x{TAG}{instance}{boot}{counter:08x}"


def parse_cloid(cloid: str | None) -> CloidParts | None:
    """The parts of one of ours; ``None`` for a foreign order's cloid, or none."""
    ours = _OURS.fullmatch(cloid.lower()) if cloid is not None else None
    if ours is None:
        return None
    instance, boot, counter = ours.groups()
    return CloidParts(instance, boot, int(counter, 16))
