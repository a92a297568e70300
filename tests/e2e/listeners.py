"""Which TCP ends a process has, by what the kernel says of its descriptors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

_LISTEN = "0A"


@dataclass(frozen=True)
class End:
    """``here`` and ``there`` are addresses; ``there`` is of no meaning for one that listens."""

    here: str
    port: int
    there: str
    listens: bool


def ends_of(pid: int) -> list[End]:
    """Of IPv4 and IPv6."""
    inodes = _sockets(pid)
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
            cells = line.split()
            if cells[9] in inodes:
                here, port = cells[1].split(":")
                there = cells[2].split(":")[0]
                found.append(End(_address(here), int(port, 16), _address(there), cells[3] == _LISTEN))
    return found


def _sockets(pid: int) -> set[str]:
    found = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found


def _address(text: str) -> str:
    """As the kernel writes it: words of four bytes in the machine's order."""
    raw = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return str(IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw))
