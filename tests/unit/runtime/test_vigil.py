"""When a watchdog takes its bot for lost."""

from __future__ import annotations

from core.runtime.heartbeat import Beat
from core.runtime.vigil import AGAIN_MS, GRACE_MS, Finding, Vigil

AFTER_MS, EVERY_MS = 60_000, 500


def beat(number: int) -> Beat:
    return Beat(f"b:{number}", 1, "paper", "0x", "i", url="http://venue", orders=6)


def watched() -> Vigil:
    vigil = Vigil(AFTER_MS)
    assert vigil.look(beat(1), 0) is Finding.FIRST
    return vigil


def found(vigil: Vigil, shown: Beat, from_ms: int, to_ms: int) -> list[tuple[int, Finding]]:
    looks = [(at, vigil.look(shown, at)) for at in range(from_ms, to_ms + 1, EVERY_MS)]
    return [(at, finding) for at, finding in looks if finding is not Finding.NOTHING]


def test_a_bot_is_lost_once_it_was_silent_for_so_long_and_looked_for_again_each_minute() -> None:
    until_ms = AFTER_MS + AGAIN_MS
    expected = [(AFTER_MS, Finding.LOST), (until_ms, Finding.AGAIN)]
    assert found(watched(), beat(1), EVERY_MS, until_ms) == expected


def test_a_bot_that_thaws_beside_its_watchdog_is_not_lost() -> None:
    """A machine was suspended: the first look after it finds an old heartbeat, whoever is faster."""
    vigil = watched()
    assert not found(vigil, beat(1), EVERY_MS, 2_000)
    thawed_ms = 2_000 + 10 * AFTER_MS
    assert not found(vigil, beat(1), thawed_ms, thawed_ms + 2_000)
    assert not found(vigil, beat(2), thawed_ms + 2_500, thawed_ms + AFTER_MS)


def test_one_that_does_not_thaw_is_lost_soon_after() -> None:
    vigil = watched()
    assert not found(vigil, beat(1), EVERY_MS, 2_000)
    thawed_ms = 2_000 + 10 * AFTER_MS
    assert found(vigil, beat(1), thawed_ms, thawed_ms + AFTER_MS) == [(thawed_ms + GRACE_MS, Finding.LOST)]


def test_to_have_stood_still_never_makes_it_sooner() -> None:
    vigil = watched()
    assert not found(vigil, beat(1), EVERY_MS, 2_000)
    assert found(vigil, beat(1), 10_000, 2 * AFTER_MS - 500) == [(AFTER_MS, Finding.LOST)]
