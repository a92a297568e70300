"""The service manager's end of its socket."""

from __future__ import annotations

import socket


class Systemd:
    """Reads what a service tells, without ever waiting for it."""

    def __init__(self, address: str) -> None:
        """A path, or ``@`` and an abstract name."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def told(self) -> list[str]:
        """The lines that have come since the last look."""
        lines: list[str] = []
        while True:
            try:
                lines += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return lines

    def close(self) -> None:
        self._socket.close()
