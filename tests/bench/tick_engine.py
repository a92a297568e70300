"""The whole bot, from a message of the market to the order's bytes, by its own stamps: decided by the engine, on disk, signed.

Beside it the same way without an engine. The market is synthetic and runs at a hundredfold, on an exchange of its own process;
what is counted are orders that a fill or a quote made it send. A fill's own commit is part of the way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PORT = 38_417
_URL = f"http://127.0.0.1:{_PORT}"
_LASTS_S = 25.0
_PATIENCE_S = 60.0


def tick_to_wire_us() -> tuple[float, float, int]:
    """p50 and p99 in microseconds, and of how many actions."""
    market = ("--market", "synthetic", "--speed", "100", "--seed", "3")
    exchange = _program("exchange", "--listen", f"127.0.0.1:{_PORT}", *market)
    with tempfile.TemporaryDirectory(prefix="bench-tick-", dir="build") as directory:
        state = str(Path(directory) / "state")
        try:
            _until(_is_up)
            bot = _program("--no-ui", "--exchange-url", _URL, "--state-dir", state)
            try:
                _until(lambda: _tick_to_wire(state) is not None)
                time.sleep(_LASTS_S)
                found = _tick_to_wire(state)
            finally:
                bot.terminate()
                bot.wait(_PATIENCE_S)
        finally:
            exchange.kill()
            exchange.wait()
    assert found is not None, "it answered before"
    return float(found["p50_us"]), float(found["p99_us"]), int(found["count"])


def _program(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gridbot_tui", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came up"
        time.sleep(0.2)


def _is_up() -> bool:
    request = urllib.request.Request(
        f"{_URL}/info", b'{"type":"allMids"}', {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _tick_to_wire(state: str) -> dict[str, Any] | None:
    """What the running bot says of that stretch; ``None`` before it answers."""
    command = [sys.executable, "-m", "gridbot_tui", "status", "--json", "--state-dir", state]
    told = subprocess.run(command, capture_output=True, check=False)
    if told.returncode:
        return None
    stages: list[dict[str, Any]] = json.loads(told.stdout)["latency"]["stages"]
    return next(stage for stage in stages if stage["name"] == "tick_to_wire")
