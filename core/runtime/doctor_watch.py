"""``gridbot doctor``, what looks on beside the core: can alerts go where they are to go, and can the metrics be served."""

from __future__ import annotations

import os
from collections.abc import Mapping

from core.runtime.alert_targets import checked, environment_warnings, read_targets
from core.runtime.doctor import Finding, refused
from core.runtime.metrics_port import take_port
from core.runtime.metrics_token import read_token
from core.runtime.settings.model import Settings
from core.runtime.statedir import StateDir, UsageError, lock_holder

ALERTS, METRICS = "alerts", "metrics"


def examine_watch(
    settings: Settings, state: StateDir, environ: Mapping[str, str] = os.environ
) -> list[Finding]:
    """Nothing is sent, and the port is given back at once."""
    return [_alerts(settings, state, environ), _metrics(settings, state, environ)]


def _alerts(settings: Settings, state: StateDir, environ: Mapping[str, str]) -> Finding:
    try:
        targets = read_targets(settings, state, environ)
        if targets:
            from core.telemetry.alerting.delivery import service_of

            targets = checked(targets, service_of)
    except UsageError as error:
        return refused(ALERTS, error, "See docs/alerts.md")
    if not settings.alert_enabled:
        return Finding(ALERTS, "go nowhere: alert_enabled is false")
    if not targets:
        return Finding(
            ALERTS, f"go nowhere: URLs in {state.alert_urls} would have them sent (docs/alerts.md)"
        )
    listed = ", ".join(target.name for target in targets)
    warned = "".join(f"; {warning}" for warning in environment_warnings(environ))
    return Finding(ALERTS, f"go to {listed}; `gridbot alerts test` tries each{warned}")


def _metrics(settings: Settings, state: StateDir, environ: Mapping[str, str]) -> Finding:
    port = settings.metrics_port
    if not port:
        return Finding(METRICS, "not served: metrics_port (HL_METRICS_PORT) is 0")
    try:
        asks = (
            "with a token" if read_token(state, environ) else "without a token, to every program of this host"
        )
    except UsageError as error:
        return refused(METRICS, error, "See docs/metrics.md")
    runs = lock_holder(state) is not None
    try:
        take_port(port).close()
    except UsageError as error:
        if runs:
            return Finding(METRICS, f"the instance that runs has 127.0.0.1:{port}, {asks}")
        return refused(METRICS, error, "Set another")
    if runs:
        says = f"a start would serve them at 127.0.0.1:{port}, {asks}; the instance that runs does not"
        return Finding(METRICS, says)
    return Finding(METRICS, f"127.0.0.1:{port} is free for them, {asks}")
