"""Whether it lives, and whether it trades: what ``/health`` and ``/ready`` answer."""

from __future__ import annotations

from dataclasses import dataclass

from core.view import RunState, Snapshot

STILL_MS = 5_000
"""The core shows how it stands ten times a second; silent for so long, its loop hangs."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reasons`` says what is wrong; empty if all is well."""

    reasons: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        return not self.reasons


def health(snapshot: Snapshot | None, now_ms: int) -> Verdict:
    """Whether the core's loop goes on. A halted bot is alive: it watches."""
    if snapshot is None:
        return Verdict(("the core has not started",))
    if snapshot.state is RunState.DEAD:
        return Verdict((f"the core has ended: {snapshot.halt_reason}",))
    is_new = snapshot.version == 0 and snapshot.state is RunState.STARTING
    if not is_new and abs(now_ms - snapshot.time_ms) > STILL_MS:
        return Verdict((f"the core has said nothing for {abs(now_ms - snapshot.time_ms) / 1000:.0f} s",))
    return Verdict()


def readiness(snapshot: Snapshot | None, now_ms: int) -> Verdict:
    """Whether it trades: every coin is quoted or may be, and the stream is ready."""
    alive = health(snapshot, now_ms)
    if snapshot is None or not alive.is_well:
        return alive
    found = []
    if snapshot.state is not RunState.RUNNING:
        found.append(f"the bot is {snapshot.state.value}")
    found += [
        f"{coin.coin} is {coin.state.value}: {coin.halt_reason}"
        for coin in snapshot.coins
        if coin.halt_reason
    ]
    if not snapshot.feed.ready:
        found.append("the stream is not ready")
    if snapshot.api.breaker_open:
        found.append(f"a circuit breaker is open: {snapshot.api.breaker_reason}")
    return Verdict(tuple(found))
