"""The ping that says all is well to somebody elsewhere: once a minute, and only while it is. Silence is the alarm.

What fails here is shown and tried again; nothing waits for it.
"""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

from core.domain.effects import Tell
from core.view import AlertView, RunState, Severity, Snapshot

EVERY_S = 60.0
AGAIN_S = 15.0
"""After one that failed."""

LOOK_S = 1.0
ANSWER_WITHIN_S = 10.0
SHOWN_AFTER = 2
"""So many in a row that fail are shown; a single one is the weather."""

LOOP_STILL_S, POSITION_OLD_S = 10.0, 60.0
"""How long nothing may be published, and how long the exchange's position may be unread: it is read every 5 s."""

NOT_TRADING = {
    RunState.STARTING: "it is starting",
    RunState.STOPPING: "it is stopping",
    RunState.DEAD: "it has ended",
}


@dataclass(slots=True)
class Health:
    """Whether the bot goes on, by what it publishes. Times are monotonic seconds: no clock that is set changes the answer."""

    _version: tuple[int, int] = (-1, -1)
    _moved_s: float = 0.0
    _read: dict[str, tuple[int, float]] = field(default_factory=dict)

    def trouble(self, snapshot: Snapshot | None, now_s: float) -> str:
        """Why no ping may leave, empty if one may."""
        if snapshot is None:
            return NOT_TRADING[RunState.STARTING]
        if (seen := (snapshot.version, snapshot.time_ms)) != self._version:
            self._version, self._moved_s = seen, now_s
        for coin in snapshot.coins:
            if self._read.get(coin.coin, (0, 0.0))[0] != coin.drift.observed_ms:
                self._read[coin.coin] = coin.drift.observed_ms, now_s
        if snapshot.state in NOT_TRADING:
            return NOT_TRADING[snapshot.state]
        return self._of_the_loop(snapshot, now_s) or self._of_the_links(snapshot, now_s)

    def _of_the_loop(self, snapshot: Snapshot, now_s: float) -> str:
        if now_s - self._moved_s > LOOP_STILL_S:
            return f"the trading loop stands still for {now_s - self._moved_s:.0f} s"
        if any(each.id == "storage" for each in snapshot.alerts):
            return "the journal can't be written"
        return ""

    def _of_the_links(self, snapshot: Snapshot, now_s: float) -> str:
        feed = snapshot.feed
        if not feed.ready:
            return "the stream is not ready"
        if snapshot.time_ms - feed.last_message_ms > 1000 * feed.stale_after_s:
            return "the stream is silent"
        for name in (coin.coin for coin in snapshot.coins):
            observed_ms, since_s = self._read.get(name, (0, 0.0))
            if not observed_ms or now_s - since_s > POSITION_OLD_S:
                return f"the position of {name} is not compared with the exchange's"
        return ""


class HeartbeatPing:
    """Of one run. ``url`` is a secret, as whoever knows it can say that all is well: it is in no text."""

    def __init__(self, url: str, every_s: float = EVERY_S, again_s: float = AGAIN_S) -> None:
        self._url, self._every_s, self._again_s = url, every_s, again_s
        self._health = Health()
        self._held = "at first"
        self._failures, self._failing_since_ms, self._reason = 0, 0, ""
        self._asking_since_s = 0.0
        self._ended = threading.Event()

    def watch(self, latest: Callable[[], Snapshot | None], tell: Tell) -> None:
        """On a thread of its own, until ``close``."""
        threading.Thread(target=self._run, args=(latest, tell), name="heartbeat ping", daemon=True).start()

    def close(self) -> None:
        """At once: a ping that is out is nobody's."""
        self._ended.set()

    def alerts(self) -> tuple[AlertView, ...]:
        """What the screen says while pings fail. The core asks: no lock is taken."""
        asked_s = self._asking_since_s
        hangs_s = time.monotonic() - asked_s if asked_s else 0.0
        if self._failures < SHOWN_AFTER and hangs_s < 2 * ANSWER_WITHIN_S:
            return ()
        reason = self._reason if self._failures >= SHOWN_AFTER else f"no answer for {hangs_s:.0f} s"
        since_ms = self._failing_since_ms or int(1000 * (time.time() - hangs_s))
        fix = "tried again by itself; look at heartbeat_url, `gridbot alerts test` tries it"
        text = f"HEARTBEAT PINGS FAIL: {reason}"
        return (AlertView("heartbeat_ping", Severity.WARN, text, "", since_ms, fix),)

    def _run(self, latest: Callable[[], Snapshot | None], tell: Tell) -> None:
        due_s = 0.0
        while not self._ended.wait(min(LOOK_S, self._every_s / 4)):
            now_s = time.monotonic()
            trouble = self._health.trouble(latest(), now_s)
            self._tell_if_held(trouble, tell)
            if trouble or now_s < due_s:
                continue
            is_sent = self._ping(tell)
            due_s = time.monotonic() + (self._every_s if is_sent else self._again_s)

    def _tell_if_held(self, trouble: str, tell: Tell) -> None:
        """When pings end and when they go on."""
        if bool(trouble) is bool(self._held):
            return
        self._held = trouble
        if not trouble:
            tell("heartbeat_ping_begins", "info")
        elif trouble not in NOT_TRADING.values():
            tell("heartbeat_ping_held", "warn", reason=trouble)

    def _ping(self, tell: Tell) -> bool:
        self._asking_since_s = time.monotonic()
        reason = ping(self._url)
        self._asking_since_s = 0.0
        if not reason:
            if self._failures >= SHOWN_AFTER:
                tell("heartbeat_ping_restored", "info", failed=self._failures)
            self._failures, self._failing_since_ms = 0, 0
            return True
        self._failures, self._reason = self._failures + 1, reason
        self._failing_since_ms = self._failing_since_ms or int(1000 * time.time())
        if self._failures == SHOWN_AFTER:
            tell("heartbeat_ping_failed", "warn", reason=reason)
        return False


def ping(url: str) -> str:
    """One GET. Why it failed, in words that hold no part of the URL; empty if the answer is 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_WITHIN_S) as answer:
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        status = error.code
    except TimeoutError:
        return f"no answer within {ANSWER_WITHIN_S:.0f} s"
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, TimeoutError):
            return f"no answer within {ANSWER_WITHIN_S:.0f} s"
        said = reason.strerror if isinstance(reason, OSError) and reason.strerror else type(reason).__name__
        return f"it can't be reached ({said})"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"it can't be reached ({type(error).__name__})"
    return "" if 200 <= status < 300 else f"it answers {status}"
