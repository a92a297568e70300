"""``gridbot exchange``: the paper exchange by itself."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from core.paper.config import PaperConfig
from core.paper.faults.spec import Fault, FaultError, read_faults
from core.runtime.statedir import StateDir, UsageError
from gridbot_tui.lines import print_line, tell

if TYPE_CHECKING:
    from core.paper.standalone import Console

_MOST_SPEED = 1000
_TOLD_PERCENT = 10
"""Without a terminal a finite replay is told of in lines, so many percent apart."""


def serve_exchange(config: PaperConfig) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP. Raises ``PaperError``."""
    log = logging.getLogger("core")
    with _console() as console:
        lines = _LogLines(console.print_line)
        log.addHandler(lines)
        try:
            asyncio.run(_serve(config, console))
        finally:
            log.removeHandler(lines)
    return 0


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port. Raises ``UsageError``."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise UsageError(f"--listen {text!r} is not HOST:PORT; write 127.0.0.1:3001")
    return host.removeprefix("[").removesuffix("]"), int(port)


def parse_funds(text: str) -> Decimal:
    """Raises ``UsageError``."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise UsageError(f"--funds {text!r} is no amount of USDC; write --funds 10000") from error


def check_pace(market: str, speed: float, once: bool) -> None:
    """Raises ``UsageError``: nothing runs so fast or slowly, or the market has no end to run to."""
    if not 1 <= speed <= _MOST_SPEED:
        raise UsageError(
            f"--speed {speed:g} is not from 1 to {_MOST_SPEED}; 1 is real time, 60 an hour a minute"
        )
    if once and not market.startswith("replay:"):
        raise UsageError(f"--once is for recordings, and {market} has no end; leave it out")


def store_of(state_dir: Path | None) -> Path | None:
    """The exchange's database in ``state_dir``, which is made if need be; None keeps all in memory."""
    if state_dir is None:
        return None
    state = StateDir(state_dir.expanduser().absolute())
    state.prepare()
    return state.paper


def faults_of(path: Path | None) -> tuple[Fault, ...]:
    """Raises ``UsageError``."""
    try:
        return () if path is None else read_faults(path.expanduser())
    except FaultError as error:
        raise UsageError(f"--faults {error}") from error


async def _serve(config: PaperConfig, console: Console) -> None:
    from core.paper.standalone import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # Under nohup a hang-up is to be survived.
        loop.add_signal_handler(number, stop.set)
    await serve(config, console, stop)


@contextmanager
def _console() -> Iterator[Console]:
    """A bar under the lines on a terminal; elsewhere a line every ten percent."""
    from core.paper.standalone import Console

    if not sys.stdout.isatty():
        yield Console(print_line, _ProgressLines().show)
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("replay", total=1.0, visible=False)

        def show(part: float) -> None:
            bar.update(task, completed=part, visible=part < 1)

        yield Console(lambda text: bar.console.print(text, markup=False, highlight=False, emoji=False), show)


class _ProgressLines:
    def __init__(self) -> None:
        self._told = 0

    def show(self, part: float) -> None:
        step = int(part * 100) // _TOLD_PERCENT
        if step > self._told:
            self._told = step
            print_line(f"Replayed {step * _TOLD_PERCENT} %.")


class _LogLines(logging.Handler):
    """Warnings become lines like all others; what is worse goes to stderr, with its traceback."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._print_line = print_line

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            tell(text)
        else:
            self._print_line(f"Warning: {text}.")
