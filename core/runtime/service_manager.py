"""What a service manager is told, by the protocol of sd_notify(3): ready, alive, stopping, and how the bot stands in one line.

Each is one datagram that nobody waits for: a manager that doesn't read must not hold up trading. It is the account's loop that
tells it, with each Snapshot that the loop makes: one that hangs says nothing, and the manager's watchdog ends it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

from core.domain.units import decimal_text
from core.view import CoinView, RunState, Snapshot

STATUS_EVERY_MS = 1_000
"""The status line is told at most so often, and only if it is another."""

EXTEND_EVERY_MS, EXTEND_BY_MS = 5_000, 20_000
"""While a stop makes progress its time is moved on: so often, to so long from then."""

COINS_TOLD = 4


class ServiceManager:
    """Silent without ``NOTIFY_SOCKET``. Belongs to the account's loop."""

    def __init__(self, environ: Mapping[str, str], failed: Callable[[str], None]) -> None:
        """``failed`` is told why it can't be reached, once until it can again."""
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._ping_ms = ping_every_ms(environ, os.getpid()) if name else 0
        self._failed, self._is_failing = failed, False
        self._socket: socket.socket | None = None
        self._is_ready = self._is_stopping = False
        self._ping_due_ms = self._status_due_ms = self._extend_due_ms = 0
        self._status = ""

    def shown(self, snapshot: Snapshot, mono_ms: int) -> None:
        """The account's loop has made this Snapshot."""
        if not self._address:
            return
        lines = [] if self._is_ready else ["READY=1"]
        if self._ping_ms and mono_ms >= self._ping_due_ms:
            lines.append("WATCHDOG=1")
        is_stopping = snapshot.state is RunState.STOPPING
        if is_stopping and not self._is_stopping:
            lines.append("STOPPING=1")
        if is_stopping and mono_ms >= self._extend_due_ms:
            lines.append(f"EXTEND_TIMEOUT_USEC={EXTEND_BY_MS * 1000}")
        if mono_ms >= self._status_due_ms and (status := status_line(snapshot)) != self._status:
            lines.append(f"STATUS={status}")
        if not lines or not self._send("\n".join(lines)):
            return
        self._is_ready, self._is_stopping = True, is_stopping
        for line in lines:
            match line.partition("="):
                case "WATCHDOG", _, _:
                    self._ping_due_ms = mono_ms + self._ping_ms
                case "EXTEND_TIMEOUT_USEC", _, _:
                    self._extend_due_ms = mono_ms + EXTEND_EVERY_MS
                case "STATUS", _, text:
                    self._status, self._status_due_ms = text, mono_ms + STATUS_EVERY_MS

    def _send(self, text: str) -> bool:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.sendto(text.encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL, self._address)
        except OSError as error:
            if not self._is_failing:
                self._failed(f"the service manager can't be told how the bot is ({error.strerror or error})")
            self._is_failing = True
            return False
        self._is_failing = False
        return True

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def ping_every_ms(environ: Mapping[str, str], pid: int) -> int:
    """Half of what its watchdog bears; 0 if it has none, or one for another process."""
    usec, meant = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or (meant and meant != str(pid)):
        return 0
    return int(usec) // 2_000


def status_line(snapshot: Snapshot) -> str:
    """For ``systemctl status``: ``running: BTC 20/20 orders, position 0.0245, drift 0``. One line, whatever is in it."""
    state, coins = snapshot.state.value, snapshot.coins
    reason = f" ({snapshot.halt_reason})" if snapshot.halt_reason else ""
    told = "; ".join(_of_coin(coin) for coin in coins[:COINS_TOLD])
    more = f"; {len(coins) - COINS_TOLD} more coins" if len(coins) > COINS_TOLD else ""
    return " ".join(f"{state}{reason}: {told}{more}".split())


def _of_coin(coin: CoinView) -> str:
    grid, halted = coin.grid, ", HALTED" if coin.halt_reason else ""
    return (
        f"{coin.coin} {grid.orders_active}/{grid.orders_target} orders, position {decimal_text(coin.position)}, "
        f"drift {decimal_text(coin.drift.amount)}{halted}"
    )
