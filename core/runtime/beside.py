"""What looks on beside the core and tells others: alerts, and the ping that says all is well; each only if it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from core.runtime.event_bus import EventBus, Observer
from core.runtime.plan import RunPlan
from core.view import Severity

if TYPE_CHECKING:
    from core.runtime.core_thread import CoreThread
    from core.telemetry.alerting.alerting import Alerting

Watch = Callable[["CoreThread"], None]


def look_on(plan: RunPlan, bus: EventBus, held: ExitStack) -> list[Watch]:
    """Observers for ``bus``, closed with ``held``. What is returned is called with the core, once it has started."""
    alerting = _alerting(plan, bus, held)
    told = [lambda core: alerting.watch(core.latest, core.tell)] if alerting is not None else list[Watch]()
    return [*told, *_heartbeat_ping(plan, bus, held), *_metrics(plan, bus, held, alerting)]


def _alerting(plan: RunPlan, bus: EventBus, held: ExitStack) -> Alerting | None:
    if not plan.targets:
        return None
    from core.telemetry.alerting.alerting import Alerting, AlertingPlan

    common = plan.settings.common
    least, head = Severity(common.alert_min_severity), head_of(plan.network, plan.identity.account)
    alerting = Alerting(AlertingPlan(plan.targets, head, least, common.daily_report))
    held.callback(alerting.close)
    bus.add(
        Observer(
            "alerts",
            lambda record, lost: alerting.take(
                record.name, record.severity, record.coin, dict(record.fields), record.time_ms
            ),
            alerting.alerts,
        )
    )
    return alerting


def _heartbeat_ping(plan: RunPlan, bus: EventBus, held: ExitStack) -> list[Watch]:
    url = plan.settings.common.heartbeat_url.get_secret_value()
    if not url:
        return []
    from core.redaction import remember
    from core.telemetry.heartbeat_ping import HeartbeatPing

    remember(url)
    ping = HeartbeatPing(url)
    held.callback(ping.close)
    bus.add(Observer("heartbeat ping", lambda record, lost: None, ping.alerts))
    return [lambda core: ping.watch(core.latest, core.tell)]


def _metrics(plan: RunPlan, bus: EventBus, held: ExitStack, alerting: Alerting | None) -> list[Watch]:
    """Raises ``UsageError`` if the port can't be had."""
    port = plan.settings.common.metrics_port
    if not port:
        return []
    from core import VERSION
    from core.runtime.metrics_port import take_port
    from core.runtime.report import status
    from core.telemetry.metrics.endpoints import Asked, Endpoints
    from core.telemetry.metrics.http_server import HttpServer

    listener = take_port(port)
    endpoints = Endpoints(Asked(status, plan.state.journal, VERSION, plan.metrics_token))
    if alerting is not None:
        endpoints.delivered = alerting.delivered
    server = HttpServer(listener, endpoints, endpoints.failed)
    held.callback(server.close)
    counts = endpoints.counts
    bus.add(
        Observer(
            "metrics",
            lambda record, lost: counts.take(record.name, record.severity, record.coin, dict(record.fields)),
        )
    )

    def watch(core: CoreThread) -> None:
        endpoints.latest, endpoints.silent_s, endpoints.tell = core.latest, core.silent_s, core.tell
        server.start(core.stray)

    return [watch]


def head_of(network: str, account: str) -> str:
    """What every title begins with: ``GridBot MAINNET 0x14…25``."""
    return f"GridBot {network.upper()} {account[:4]}…{account[-2:]}"
