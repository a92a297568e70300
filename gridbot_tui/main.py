"""The program's entry. Errors that users meet are one sentence on stderr and an exit code, never a traceback."""

from __future__ import annotations

import gc
import os
import sys
import threading


def main() -> None:
    """Run the command line and exit with its code."""
    foreign = _foreign_packages()
    if foreign:
        sys.stderr.write(
            f"gridbot: another package named {foreign} is in the way; start from another directory or unset PYTHONPATH\n"
        )
        sys.exit(2)
    from core.runtime.process_memory import forbid_core_dumps

    forbid_core_dumps()
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("\ngridbot: interrupted before anything was started\n")
        code = 130
    except (
        Exception
    ) as error:  # a bug, whatever it is: a report and a sentence, and nothing over the operator's terminal
        from gridbot_tui.failures import tell_crash
        from gridbot_tui.lines import tell

        tell(tell_crash("the program", error))
        code = 1
    _leave(code)


def _thread_died(died: threading.ExceptHookArgs) -> None:
    """A thread ended by what it did not expect: a report of it, where Python would write over the screen."""
    if died.exc_value is None or died.exc_type is SystemExit:
        return
    from gridbot_tui.failures import tell_crash
    from gridbot_tui.lines import tell

    told = tell_crash(f"thread {died.thread.name if died.thread else '?'}", died.exc_value)
    if not sys.stderr.isatty():
        tell(told)


def _run(arguments: list[str]) -> int:
    threading.excepthook = _thread_died
    gc.disable()  # while a screen loads nothing becomes garbage, and looking for it takes a tenth of that time
    from gridbot_tui.door import short_way

    code = short_way(arguments)
    if code is None:
        gc.enable()
        from gridbot_tui.cli import run_cli

        code = run_cli(arguments)
    return code


def _leave(code: int) -> None:
    """Exit, though a terminal that hung up may have left Textual's threads waiting for it for ever."""
    stuck = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    if not stuck:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _foreign_packages() -> str:
    """``core`` and ``widgets`` are common names: say so if the import finds somebody else's."""
    from importlib.util import find_spec
    from pathlib import Path

    home = Path(__file__).resolve().parent.parent
    for name in ("core", "widgets"):
        spec = find_spec(name)
        if spec is None or spec.origin is None or Path(spec.origin).resolve().parent.parent != home:
            return name if spec is None else f"{name} ({spec.origin})"
    return ""
