"""The short way to a screen: ``gridbot`` and ``gridbot run`` with plain flags, read without a library.

The command line's own reader takes as long to load as all of Textual's picture takes. Whatever isn't plain here (a flag that
is unknown, repeated or wrong, a value that looks like a flag, ``--help``) is left to it: so there is one voice for errors.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, get_args

from gridbot_tui.arguments import has_key
from gridbot_tui.run_flags import Network, RunFlags, parse_duration_s
from gridbot_tui.screen_options import ScreenOptions, ThemeName

_SWITCHES = {"live", "adopt", "ascii", "slow", "mouse"}
_VALUES: dict[str, re.Pattern[str]] = {
    "network": re.compile("|".join(get_args(Network))),
    "coin": re.compile(r"[A-Za-z0-9:]+"),
    "config": re.compile(r"[\w./~+@%:=,-]+"),
    "exchange-url": re.compile(r"https?://[\w.:\[\]/-]+"),
    "state-dir": re.compile(r"[\w./~+@%:=,-]+"),
    "for": re.compile(r"[1-9][0-9]{0,6}[smh]?"),
    "summary": re.compile("json"),
    "preview": re.compile(r"[A-Za-z0-9]+"),
    "theme": re.compile("|".join(name for name in get_args(ThemeName) if name)),
    "refresh-hz": re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?"),
}
_SCREEN = ("theme", "ascii", "slow", "mouse")


def plain_run(arguments: list[str]) -> dict[str, Any] | None:
    """What ``run`` is called with for these arguments; ``None`` if the command line's reader is to judge."""
    found = _read(arguments[1:] if arguments[:1] == ["run"] else arguments)
    if found is None:
        return None
    look = {name: found[name] for name in _SCREEN if name in found}
    if "refresh-hz" in found:
        look["refresh_hz"] = float(found["refresh-hz"])
    paths = {name: Path(found[name]) if name in found else None for name in ("config", "state-dir")}
    return {
        "flags": RunFlags(
            found.get("network", "paper"),
            found.get("live", False),
            tuple(found.get("coin", ())),
            paths["config"],
            found.get("exchange-url", ""),
            paths["state-dir"],
            found.get("preview", ""),
            found.get("adopt", False),
        ),
        "no_ui": False,
        "for_s": parse_duration_s(found["for"]) if "for" in found else None,
        "with_summary": "summary" in found,
        "look": ScreenOptions(**look),
    }


def _read(arguments: list[str]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    left = list(arguments)
    while left:
        name, has_value, value = left.pop(0).partition("=")
        if not name.startswith("--"):
            return None
        name = name.removeprefix("--")
        if name in _SWITCHES and not has_value and name not in found:
            found[name] = True
            continue
        if name not in _VALUES or (name in found and name != "coin") or not (has_value or left):
            return None
        value = value if has_value else left.pop(0)
        if value.startswith("-") or not _VALUES[name].fullmatch(value):
            return None
        if name == "coin":
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def short_way(arguments: list[str]) -> int | None:
    """Run with a screen; the exit code. ``None`` if this is something else, of which nothing has been done yet."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return None
    called = None if has_key(arguments) else plain_run(arguments)
    if called is None:
        return None
    if not arguments:
        from core.runtime.statedir import running_instances

        if running_instances():
            return None
    from core.runtime.usage import UsageError
    from gridbot_tui.run import run

    try:
        return run(**called)
    except UsageError as error:
        from gridbot_tui.lines import tell

        tell(str(error))
        return 2
