"""``gridbot doctor``: what a start needs, one finding each, with the fix in it."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.domain.cloid import make_cloid
from core.domain.orders import Tif
from core.exchange.signing import Signer
from core.journal.errors import rebuild_command
from core.journal.salvage import condition
from core.journal.schema import MIGRATIONS
from core.runtime.exit_code import ExitCode
from core.runtime.statedir import StateDir, UsageError, lock_holder, watchdog_holder

DISK_MIN_BYTES = 500 * 1024**2
"""A year of fills is less; logs, backups and the old copy of a migration need room, too."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One precondition. ``fix`` is empty if it holds; ``exit_code`` is what the command ends with if none before it fails."""

    name: str
    says: str
    fix: str = ""
    exit_code: ExitCode = ExitCode.CLEAN

    @property
    def ok(self) -> bool:
        return not self.fix

    @property
    def text(self) -> str:
        return f"ok   {self.name}: {self.says}" if self.ok else f"FIX  {self.name}: {self.says}. {self.fix}"

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "text": self.says, "fix": self.fix}


def refused(name: str, error: Exception, otherwise: str) -> Finding:
    """Of what a start ends with: a sentence with its fix behind the first semicolon. ``otherwise``: if it has none."""
    says, _, fix = str(error).partition("; ")
    return Finding(name, says, fix[:1].upper() + fix[1:] or otherwise, ExitCode.USAGE)


def examine(state: StateDir) -> list[Finding]:
    """Look at everything; nothing is changed but for missing log directories. Before the first start: at what it needs."""
    usable = _state_dir(state)
    if not usable.ok:
        return [usable]
    if not state.path.exists():
        return [usable, _signing(state), _disk(state)]
    checks: tuple[Callable[[StateDir], Finding], ...] = (
        _journal,
        _schema,
        _instance,
        _lock,
        _watchdog,
        _signing,
        _disk,
    )
    return [usable, *(check(state) for check in checks)]


def _state_dir(state: StateDir) -> Finding:
    if not state.path.exists():
        return _not_yet(state)
    try:
        state.prepare()
    except UsageError as error:
        return refused("state dir", error, "Name another with --state-dir")
    return Finding("state dir", f"{state.path} can be read and written")


def _not_yet(state: StateDir) -> Finding:
    """Before the first start there is none, which stops no start; nothing is made here."""
    above = _nearest(state.path)
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return Finding("state dir", f"{state.path} isn't there yet, the first start makes it")
    fix = f"Make {state.path}, as a directory of yours; or name another with --state-dir"
    return Finding(
        "state dir", f"{state.path} isn't there, and nothing can be made in {above}", fix, ExitCode.USAGE
    )


def _nearest(path: Path) -> Path:
    """The path itself, or what of it there is."""
    return next(one for one in (path, *path.parents) if one.exists())


def _journal(state: StateDir) -> Finding:
    name = "journal"
    if not state.journal.exists():
        return Finding(name, "none yet, the first start makes it")
    found = condition(state.journal)
    if found.damage:
        fix = f"The file stays as it is until {rebuild_command(state.journal)} sets it aside and begins a new one, halted"
        return Finding(name, f"{state.journal} is damaged ({found.damage})", fix, ExitCode.STORAGE)
    if not found.is_ours:
        fix = "Name another --state-dir"
        return Finding(name, f"{state.journal} is another program's database", fix, ExitCode.USAGE)
    return Finding(name, "opens and passes SQLite's quick check; `gridbot verify` proves what is in it")


def _schema(state: StateDir) -> Finding:
    name, ours = "schema", len(MIGRATIONS)
    found = condition(state.journal) if state.journal.exists() else None
    if found is None or found.damage or not found.is_ours:
        return Finding(name, f"this program writes version {ours}")
    if found.is_newer:
        fix = f"Install that version or newer; or begin a new journal with {rebuild_command(state.journal)}"
        return Finding(
            name,
            f"version {found.version} was written by a newer GridBot, this one knows {ours}",
            fix,
            ExitCode.STORAGE,
        )
    older = f"; the next start carries it over to {ours}" if found.version < ours else ""
    return Finding(name, f"version {found.version}{older}")


def _instance(state: StateDir) -> Finding:
    kept = state.read_instance()
    if kept or not state.journal.exists():
        return Finding("instance", f"id {kept} is kept beside the journal" if kept else "none yet")
    return Finding("instance", "its id is in the journal alone; the next start keeps it beside it, too")


def _lock(state: StateDir) -> Finding:
    holder = lock_holder(state)
    return Finding(
        "lock", "nothing runs on it" if holder is None else f"an instance runs on it, pid {holder}"
    )


def _watchdog(state: StateDir) -> Finding:
    """Stops no start: it may begin later, and beside the embedded paper exchange there is none."""
    holder = watchdog_holder(state)
    if holder is not None:
        return Finding("watchdog", f"one runs, pid {holder or 'unknown'}")
    return Finding(
        "watchdog", "none runs; `gridbot watchdog` takes the grid's orders back if a bot is killed or hangs"
    )


def _signing(state: StateDir) -> Finding:
    """By which path actions are signed here, and what one costs: a start takes either."""
    signer = Signer(f"{secrets.randbelow(2**255) + 1:064x}", is_mainnet=False)  # a key for this alone
    cost = _signing_us(signer)
    if signer.slow_because:
        says = (
            f"by the SDK, {cost:,.0f} µs an order, because the native path is closed ({signer.slow_because})"
        )
        return Finding(
            "signing",
            says,
            "Install its libraries (pip install coincurve safe-pysha3) and start again: then it is some tens of microseconds",
        )
    return Finding("signing", f"natively, {cost:,.0f} µs an order")


def _signing_us(signer: Signer) -> float:
    """What the request of one order costs, the best of a few."""
    limit = {"limit": {"tif": Tif.ALO.value}}
    order = {
        "a": 0,
        "b": True,
        "p": "100",
        "s": "1",
        "r": False,
        "t": limit,
        "c": make_cloid("0" * 8, "0" * 8, 0),
    }
    action = {"type": "order", "orders": [order], "grouping": "na"}
    took = []
    for nonce in range(5):
        started = time.perf_counter_ns()
        signer.body(action, nonce, nonce)
        took.append(time.perf_counter_ns() - started)
    return min(took) / 1000


def _disk(state: StateDir) -> Finding:
    free = shutil.disk_usage(_nearest(state.path)).free
    says = f"{free / 1024**2:,.0f} MiB free"
    if free < DISK_MIN_BYTES:
        return Finding("disk", says, "Free some: a full disk stops trading", ExitCode.STORAGE)
    return Finding("disk", says)
