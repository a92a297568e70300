"""Whether it lives, and whether it trades: what ``/health`` and ``/ready`` answer."""

from __future__ import annotations

from dataclasses import dataclass

from core.view import RunState, Snapshot

STILL_S = 5.0
"""The core shows how it stands ten times a second; silent for so long, its loop hangs."""

STARTING_S = 600.0
"""As long before the first turn of its loop, as a journal of years is read meanwhile. A start that waits for the exchange, or
for request weight, shows that: it is not silent."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reasons`` says what is wrong; empty if all is well."""

    reasons: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        return not self.reasons


def health(snapshot: Snapshot | None, silent_s: float) -> Verdict:
    """Whether the core's loop goes on. A halted bot is alive: it watches. ``silent_s``: since it last showed how it stands, on
    a clock that nobody sets.
    """
    if snapshot is None:
        return Verdict(("the core has not started",))
    if snapshot.state is RunState.DEAD:
        return Verdict((f"the core has ended: {snapshot.halt_reason}",))
    is_new = snapshot.version == 0 and snapshot.state is RunState.STARTING
    if silent_s > (STARTING_S if is_new else STILL_S):
        where = " while it starts" if is_new else ""
        return Verdict((f"the core has said nothing for {silent_s:.0f} s{where}",))
    return Verdict()


def readiness(snapshot: Snapshot | None, silent_s: float) -> Verdict:
    """Whether it trades: every coin is quoted or may be, and the stream is ready."""
    alive = health(snapshot, silent_s)
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
