"""``/metrics``, ``/status``, ``/health`` and ``/ready``: what each answers, and to whom."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.domain.effects import Tell
from core.telemetry.alerting.outbox import Delivered
from core.telemetry.metrics.collector import CONTENT_TYPE, exposition
from core.telemetry.metrics.counted import COUNTED
from core.telemetry.metrics.definition import Scene, Telling
from core.telemetry.metrics.event_counts import EventCounts
from core.telemetry.metrics.health import Verdict, health, readiness
from core.telemetry.metrics.http_server import Request, Response
from core.view import Snapshot

REUSED_FOR_S = 0.5
"""A text is given again for so long: whoever asks all the time costs no more than two texts a second."""

TOLD_EVERY_S = 60.0
"""Of one path's answers that fail the log has a line so often."""

_PATHS = b"/metrics, /status, /health and /ready\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the endpoints are made of. ``token``: what ``/metrics`` and ``/status`` ask for; empty: nothing."""

    status: Callable[[Snapshot], dict[str, Any]]
    journal: Path
    version: str
    token: str = ""


class Endpoints:
    """Called in the server's thread; ``counts`` also in that of the events."""

    def __init__(self, asked: Asked, now_s: Callable[[], float] = time.monotonic) -> None:
        self._asked, self._now_s = asked, now_s
        self.latest: Callable[[], Snapshot | None] = lambda: None
        """The core's, once it has started."""
        self.silent_s: Callable[[], float] = lambda: 0.0
        """How long ago that was shown, in monotonic seconds."""
        self.tell: Tell | None = None
        """Publishes an event, likewise."""
        self.delivered: Callable[[], tuple[Delivered, ...]] = tuple
        """What became of the alerts that were sent."""
        self.counts = EventCounts(COUNTED)
        self._failed: dict[str, int] = {}
        self._told: dict[str, tuple[float, int]] = {}
        self._expose = exposition(self._scene)
        self._made: dict[str, tuple[float, Response]] = {}

    def __call__(self, request: Request) -> Response:
        match request.path:
            case "/health":
                return _verdict("alive", health(self.latest(), self.silent_s()))
            case "/ready":
                return _verdict("ready", readiness(self.latest(), self.silent_s()))
            case "/metrics" | "/status" if not self._may(request):
                body = b"a token is asked for: Authorization: Bearer TOKEN, or ?token=TOKEN\n"
                return Response(401, body, headers=(("WWW-Authenticate", "Bearer"),))
            case "/metrics":
                return self._fresh("/metrics", lambda: Response(200, self._expose(), CONTENT_TYPE))
            case "/status":
                return self._fresh("/status", self._status)
            case _:
                return Response(404, _PATHS)

    def failed(self, request: Request, error: Exception) -> None:
        """An answer could not be made. It is counted, and told once a minute; the text of the error may hold anything."""
        path = request.path
        count = self._failed[path] = self._failed.get(path, 0) + 1
        told_s, told = self._told.get(path, (-TOLD_EVERY_S, 0))
        if self.tell is not None and self._now_s() - told_s >= TOLD_EVERY_S:
            self._told[path] = self._now_s(), count
            self.tell("scrape_failed", "warn", path=path, reason=type(error).__name__, count=count - told)

    def _fresh(self, path: str, make: Callable[[], Response]) -> Response:
        made_s, response = self._made.get(path, (0.0, None))
        if response is None or self._now_s() - made_s >= REUSED_FOR_S:
            response = make()
            self._made[path] = self._now_s(), response
        return response

    def _status(self) -> Response:
        snapshot = self.latest()
        if snapshot is None:
            return _json(503, {"error": "the core has not started"})
        return _json(200, self._asked.status(snapshot))

    def _scene(self) -> Scene | None:
        snapshot = self.latest()
        if snapshot is None:
            return None
        told = Telling(self.delivered(), dict(self._failed))
        size = _bytes(self._asked.journal)
        return Scene(snapshot, self.counts, _wall_ms(), size, self._asked.version, told)

    def _may(self, request: Request) -> bool:
        token = self._asked.token
        if not token:
            return True
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        offered = [given.strip()] if kind.lower() == "bearer" else request.query.get("token", [""])
        return hmac.compare_digest(offered[-1].encode(), token.encode())


def _verdict(what: str, verdict: Verdict) -> Response:
    return _json(200 if verdict.is_well else 503, {what: verdict.is_well, "reasons": verdict.reasons})


def _json(status: int, value: dict[str, Any]) -> Response:
    return Response(status, orjson.dumps(value, default=str) + b"\n", "application/json")


def _bytes(journal: Path) -> int | None:
    """Of the file and its write-ahead log, which need not be there; None if that can't be told."""
    total = 0
    for path in (journal, journal.with_name(f"{journal.name}-wal")):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return total


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
