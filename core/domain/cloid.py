"""Client order ids: 16 bytes, ``tag 4 | instance 4 | boot nonce 4 | counter 4``.

The tag says that an order is GridBot's, the instance whose journal knows it, the boot nonce (random, journalled at
each start) and the counter make it unique even if the journal's file was restored from a backup.
"""

from __future__ import annotations

from dataclasses import dataclass

TAG = "67726462"
"""``grdb`` in hex."""

_MAX_COUNTER = 2**32


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
    if cloid is None or len(cloid) != 34 or not cloid.lower().startswith("0x" + TAG):
        return None
    digits = cloid.lower()
    try:
        counter = int(digits[26:], 16)
    except ValueError:
        return None
    return CloidParts(instance=digits[10:18], boot=digits[18:26], counter=counter)
