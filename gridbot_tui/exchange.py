"""``gridbot exchange``: the paper exchange by itself."""

from __future__ import annotations

import asyncio
import signal
from decimal import Decimal
from pathlib import Path

from core.paper.config import PaperConfig
from core.paper.faults.spec import Fault, FaultError, read_faults
from core.runtime.statedir import StateDir, UsageError
from gridbot_tui.headless import print_line


def serve_exchange(
    listen: str,
    market: str,
    speed: float,
    seed: int,
    funds: Decimal,
    state_dir: Path | None,
    faults: Path | None = None,
    *,
    limits: bool = True,
) -> int:
    """Serve until SIGTERM or SIGINT. Raises ``PaperError`` and ``UsageError``."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"--listen {listen!r} is not HOST:PORT; write 127.0.0.1:3001")
    store = None
    if state_dir is not None:
        state = StateDir(state_dir.expanduser().absolute())
        state.prepare()
        store = state.paper
    config = PaperConfig(
        market,
        speed,
        funds,
        seed,
        store_path=store,
        host=host,
        port=int(port),
        faults=_faults_of(faults),
        limits=limits,
    )
    asyncio.run(_serve(config))
    return 0


def _faults_of(path: Path | None) -> tuple[Fault, ...]:
    try:
        return () if path is None else read_faults(path.expanduser())
    except FaultError as error:
        raise UsageError(f"--faults {error}") from error


async def _serve(config: PaperConfig) -> None:
    from core.paper.standalone import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, print_line, stop)
