"""The port that metrics are served at, on loopback alone."""

from __future__ import annotations

import os
import socket

from core.runtime.usage import UsageError


def take_port(port: int) -> socket.socket:
    """Listens from now on. Raises ``UsageError`` with the fix."""
    from core.telemetry.metrics.http_server import HOST, listen

    try:
        return listen(port)
    except OSError as error:
        raise UsageError(
            f"metrics_port {port} on {HOST} can't be had ({os.strerror(error.errno or 0)}); set another (HL_METRICS_PORT), "
            "or end what listens there"
        ) from error
