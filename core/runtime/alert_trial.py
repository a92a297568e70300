"""Whether alerts get where they should: a message to each target and a ping to ``heartbeat_url``, all at once.

A running bot is asked: systemd shows its credentials and its environment to nobody else. No text here holds any part of a URL.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.telemetry.alerting.target import Target

if TYPE_CHECKING:
    from core.runtime.plan import RunPlan
    from core.runtime.settings import Settings

WITHIN_S = 30.0
"""A target that has not taken the message by then hangs."""

LOOK_S = 0.05

Attempt = tuple[str, Callable[[], str]]
"""What is tried, and how: why it failed, or empty."""

Ask = Callable[[bool], Awaitable[dict[str, Any]]]
"""What a running bot tells of its targets; ``True``: after it has tried each."""


@dataclass(frozen=True, slots=True)
class Tried:
    """``reason``: why it was not delivered, empty if it was; ``took_s``: seconds."""

    name: str
    reason: str
    took_s: float


class Trial:
    """Begun as it is made, each attempt on a thread of its own. One that hangs is left behind after ``WITHIN_S``."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self._begun, self._names = time.monotonic(), [name for name, _ in attempts]
        self._done: dict[int, Tried] = {}
        for number, attempt in enumerate(attempts):
            threading.Thread(
                target=self._try, args=(number, *attempt), name="alert trial", daemon=True
            ).start()

    @property
    def has_ended(self) -> bool:
        return len(self._done) == len(self._names) or time.monotonic() - self._begun >= WITHIN_S

    def rows(self) -> list[Tried]:
        """Of each attempt, in their order."""
        hangs = f"no answer within {WITHIN_S:.0f} s"
        return [self._done.get(n, Tried(name, hangs, WITHIN_S)) for n, name in enumerate(self._names)]

    def _try(self, number: int, name: str, send: Callable[[], str]) -> None:
        reason = send()
        self._done[number] = Tried(name, reason, time.monotonic() - self._begun)


def attempts_of(targets: Sequence[Target], heartbeat_url: str, head: str) -> list[Attempt]:
    """A message to each, under a title that begins with ``head``, and a ping if there is a URL for it."""
    attempts = [(target.name, _to(target, head)) for target in targets]
    return [*attempts, ("heartbeat_url", _ping_of(heartbeat_url))] if heartbeat_url else attempts


def mark_of(url: str) -> str:
    """Tells one URL from another, and none of it."""
    return hashlib.blake2s(url.encode(), digest_size=16, person=b"alerts").hexdigest()


def told_where(settings: Settings, targets: Sequence[Target]) -> dict[str, Any]:
    """Every target, and what is told."""
    return {
        "targets": [{"service": target.service, "place": target.place} for target in targets],
        "alert_enabled": settings.alert_enabled,
        "alert_min_severity": settings.alert_min_severity,
        "daily_report": settings.daily_report,
        "heartbeat_url": bool(settings.heartbeat_url),
    }


def asked_of(plan: RunPlan) -> Ask:
    """What a run answers, inside its loop, which never waits for a target."""

    async def answer(is_trial: bool) -> dict[str, Any]:
        from core.runtime.beside import head_of

        common = plan.settings.common
        urls = [*(target.url for target in plan.targets), common.heartbeat_url.get_secret_value()]
        told = {**told_where(common, plan.targets), "marks": [mark_of(url) for url in urls if url]}
        if not is_trial:
            return told
        head = head_of(plan.network, plan.identity.account)
        trial = Trial(attempts_of(plan.targets, common.heartbeat_url.get_secret_value(), head))
        for _ in range(round(WITHIN_S / LOOK_S)):
            if trial.has_ended:
                break
            await asyncio.sleep(LOOK_S)
        rows = [{"name": row.name, "reason": row.reason, "took_s": row.took_s} for row in trial.rows()]
        return {**told, "tried": rows}

    return answer


async def no_targets(is_trial: bool) -> dict[str, Any]:
    """Where nobody is told anything."""
    return {"targets": [], "marks": [], **({"tried": []} if is_trial else {})}


def _to(target: Target, head: str) -> Callable[[], str]:
    from core.telemetry.alerting.delivery import deliver
    from core.telemetry.alerting.message import Message, letter
    from core.view import Severity

    text = "This is a test, sent by `gridbot alerts test`: an alert would have reached you."
    message = Message("test", Severity.INFO, text, time.time_ns() // 1_000_000)
    return lambda: deliver(target, letter(head, [message]))


def _ping_of(url: str) -> Callable[[], str]:
    from core.telemetry.heartbeat_ping import ping

    return lambda: ping(url)
