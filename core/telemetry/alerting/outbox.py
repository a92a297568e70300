"""What waits for one target, and the thread that delivers it: a target that hangs keeps nobody waiting but itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from core.telemetry.alerting.delivery import Deliver, is_broken, is_refusal
from core.telemetry.alerting.message import Message, gravest_first, letter, plainer
from core.telemetry.alerting.target import Target
from core.view import AlertView, Severity

WAITING_MOST = 200
"""Messages that wait for a target, one for each thing that they are about. Past that the least grave, oldest one goes."""

PACE_S = 1.0
"""Between two deliveries to a target: what comes meanwhile leaves as one."""

RETRY_S, RETRY_MOST_S = 2.0, 60.0
PATIENCE = 5
"""Letters in a row that a target broke at (5xx): by then it is taken for a refusal of what it was sent."""

HANGS_S = 30.0
"""A delivery that has taken so long is called one that hangs."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Since when (UTC ms) nothing has been delivered, and why."""

    since_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one target's messages in this run: letters ``sent`` and those that ``failed``, once for each attempt;
    messages that could not be kept until it took them."""

    place: str
    sent: int
    failed: int
    lost: int


class Outbox:
    """Safe from any thread."""

    def __init__(
        self,
        target: Target,
        head: str,
        deliver: Deliver,
        tell: Callable[[Target, str], None],
        pace_s: float = PACE_S,
        retry_s: float = RETRY_S,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        """``head`` begins every title. ``tell`` hears why nothing goes through, once, and with ``""`` when it does again."""
        self.target = target
        self.sent = self.failed = self.lost = 0
        self.trouble: Trouble | None = None
        self._head, self._deliver, self._tell = head, deliver, tell
        self._pace_s, self._retry_s, self._mono = pace_s, retry_s, mono
        self._waiting: dict[str, Message] = {}
        self._lost_untold = self._failed_in_row = 0
        self._out_since = 0.0
        self._is_closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"alerts to {target.place}", daemon=True)
        self._thread.start()

    def offer(self, message: Message) -> None:
        """Never waits for a delivery."""
        if message.about == self.target.place:
            return
        with self._changed:
            self._keep(message)
            self._changed.notify()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def delivered(self) -> Delivered:
        """Takes no lock: who scrapes waits for no delivery."""
        return Delivered(self.target.place, self.sent, self.failed, self.lost)

    def alert(self) -> AlertView | None:
        """What the screen says while nothing goes through. Takes no lock: the core asks."""
        trouble, out_since = self.trouble, self._out_since
        hangs_s = self._mono() - out_since if out_since else 0.0
        if trouble is None and hangs_s < HANGS_S:
            return None
        since_ms = trouble.since_ms if trouble else int(1000 * (time.time() - hangs_s))
        reason = trouble.reason if trouble else f"no answer for {hangs_s:.0f} s"
        text = f"ALERTS DON'T REACH {self.target.name}: {reason}; {self.waiting} wait"
        fix = "tried again by itself; `gridbot alerts test` tries every target"
        return AlertView(f"alerting:{self.target.place}", Severity.WARN, text, "", since_ms, fix)

    def close(self, deadline: float) -> None:
        """Try once more what waits, at once; until ``deadline`` (monotonic seconds) and no longer."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(max(0.0, deadline - time.monotonic()))

    # -- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = self._retry_s
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closing)
                taken, lost = self._waiting, self._lost_untold
                self._waiting, self._lost_untold = {}, 0
                was_closing = self._is_closing
            if taken:
                is_delivered = self._send(taken, lost)
                self._rest(self._pace_s if is_delivered else pause_s)
                pause_s = self._retry_s if is_delivered else min(2 * pause_s, RETRY_MOST_S)
            if was_closing:
                return

    def _send(self, taken: dict[str, Message], lost: int) -> bool:
        """All of it as one letter; if the target refuses that, the gravest one alone and then the rest, until all is gone:
        one text that a target doesn't take must not keep every other from it."""
        left = {each.key: each for each in gravest_first(taken.values())}
        reason = self._post(left.values(), lost)
        while left and self._is_refused(reason):
            first = next(iter(left.values()))
            reason = self._post_alone(first, is_repeated=len(left) == 1)
            if reason:
                break
            del left[first.key]
            self._rest(self._pace_s)
            reason = self._post(left.values(), lost) if left else ""
        if reason or not left:
            self._put_back(left, lost)
        if reason:
            self._in_trouble(reason)
        return not reason

    def _post_alone(self, message: Message, is_repeated: bool) -> str:
        """In words that get ever plainer. Why not even the plainest is taken: it is the target, then, and no text."""
        reason = ""
        for each in list(plainer(message))[int(is_repeated) :]:
            reason = self._post([each], 0)
            if not self._is_refused(reason):
                return reason
        return reason

    def _post(self, messages: Collection[Message], lost: int) -> str:
        self._out_since = self._mono()
        reason = self._deliver(self.target, letter(self._head, messages, lost))
        self._out_since = 0.0
        if reason:
            self.failed += 1
            self._failed_in_row += 1
            return reason
        self.sent += 1
        self._failed_in_row = 0
        if self.trouble is not None:
            self.trouble = None
            self._tell(self.target, "")
        return ""

    def _is_refused(self, reason: str) -> bool:
        return is_refusal(reason) or (is_broken(reason) and self._failed_in_row >= PATIENCE)

    def _put_back(self, left: dict[str, Message], lost: int) -> None:
        with self._changed:
            newer, self._waiting = self._waiting, {}
            self._lost_untold += lost
            for each in (*left.values(), *newer.values()):
                self._keep(each)

    def _in_trouble(self, reason: str) -> None:
        if self.trouble is None:
            self.trouble = Trouble(int(1000 * time.time()), reason)
            self._tell(self.target, reason)
        else:
            self.trouble = replace(self.trouble, reason=reason)

    def _rest(self, pause_s: float) -> None:
        """Not past the order to close."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing, pause_s)

    def _keep(self, message: Message) -> None:
        """The newest of a key stands for those before it; one that is over takes away nothing but what was of no gravity."""
        before = self._waiting.pop(message.key, None)
        if before is not None and not message.is_resolved and not before.is_resolved:
            message = replace(message, times=before.times + message.times)
        self._waiting[message.key] = message
        while len(self._waiting) > WAITING_MOST:
            least = min(self._waiting.values(), key=lambda each: (each.severity.rank, each.time_ms))
            del self._waiting[least.key]
            self.lost += 1
            self._lost_untold += 1
