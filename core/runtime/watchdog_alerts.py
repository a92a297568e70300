"""A watchdog's own messages, to the bot's targets: a bot that is gone sends none of what they tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.domain.effects import Notify
from core.runtime.alert_targets import checked, read_targets
from core.runtime.heartbeat import AnotherVersionError, Beat, read_beat
from core.runtime.settings.model import Settings
from core.runtime.statedir import StateDir, UsageError
from core.telemetry.alerting.event_texts import message_of
from core.telemetry.alerting.target import Target
from core.view import Severity

if TYPE_CHECKING:
    from core.domain.effects import Tell
    from core.telemetry.alerting.alerting import Alerting

NO_BOT_YET = "GridBot watchdog"


class WatchdogAlerts:
    """Of one watchdog. apprise is loaded if there is any target, and threads are begun with the first message."""

    def __init__(self, state: StateDir, settings: Settings, environ: Mapping[str, str], tell: Tell) -> None:
        """What can't be used of the targets is told, and keeps no watchdog from its work."""
        self._state, self._least, self._tell = state, Severity(settings.alert_min_severity), tell
        self._alerting: Alerting | None = None
        self._targets = self._read(settings, environ)

    def take(self, notice: Notify, time_ms: int) -> None:
        """An event of the watchdog, in its loop. Never waits for a delivery."""
        severity, fields = Severity(notice.severity), dict(notice.fields)
        if not self._targets or message_of(notice.name, severity, notice.coin, fields, time_ms) is None:
            return
        self._alerting = self._alerting or self._begin()
        self._alerting.take(notice.name, severity, notice.coin, fields, time_ms)

    def close(self) -> None:
        """What waits is tried once more, for some seconds at most."""
        if self._alerting is not None:
            self._alerting.close()

    def _read(self, settings: Settings, environ: Mapping[str, str]) -> tuple[Target, ...]:
        try:
            if not (named := read_targets(settings, self._state, environ)):
                return ()
            from core.telemetry.alerting.delivery import service_of

            return checked(named, service_of)
        except UsageError as error:
            self._tell("watchdog_alerts_refused", "warn", reason=f"it sends no alerts: {error}")
            return ()

    def _begin(self) -> Alerting:
        from core.runtime.beside import head_of
        from core.telemetry.alerting.alerting import Alerting, AlertingPlan

        beat = last_beat(self._state)
        head = head_of(beat.network, beat.account) if beat is not None else NO_BOT_YET
        alerting = Alerting(AlertingPlan(self._targets, head, self._least))
        alerting.watch(lambda: None, self._tell)
        return alerting


def last_beat(state: StateDir) -> Beat | None:
    """Of the bot that it looks after; ``None`` if there is none that can be understood."""
    try:
        return read_beat(state.heartbeat)
    except AnotherVersionError:
        return None
