"""Whether the operator has seen the preview of the very settings that real money is about to follow."""

from __future__ import annotations

import hashlib
import json
import os

from core.runtime.settings import Loaded
from core.runtime.settings.problem import setting_text
from core.runtime.settings.telling import TellingFields
from core.runtime.statedir import StateDir

NOT_OF_THE_GRID = frozenset(
    {
        *(
            "base_url",
            "coin",
            "coins",
            "crash_loop_starts",
            "key_file",
            "live_account",
            "profile",
            "state_dir",
        ),
        "user_address",
    }
).union(TellingFields.model_fields)
"""Settings that change nothing of what a preview shows; the coins themselves count."""

FINGERPRINT_BYTES = 4


def fingerprint(settings: Loaded) -> str:
    """Of the coins and all that shapes their grids and limits; a value written in another way is the same one."""
    shown = {
        coin: {
            name: setting_text(value) for name, value in each.model_dump(exclude=set(NOT_OF_THE_GRID)).items()
        }
        for coin, each in settings.by_coin.items()
    }
    text = json.dumps(shown, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=FINGERPRINT_BYTES).hexdigest()


def remember(state: StateDir, shown: str, network: str, wall_ms: int) -> None:
    """Keep what was shown, whole or not at all. Raises ``OSError``, and ``UsageError`` if there can be no state dir."""
    state.prepare()
    partial = state.preview.with_name("preview.new")
    row = {"fingerprint": shown, "network": network, "time": wall_ms}
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(row, file)
    os.replace(partial, state.preview)


def last_seen(state: StateDir) -> str:
    """The fingerprint of the last preview; empty if there was none, or its note can't be read."""
    try:
        found = json.loads(state.preview.read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def objection(settings: Loaded, state: StateDir, named: str, command: str) -> str:
    """Why a start must wait, empty if it needn't. ``named`` is the operator's fingerprint, ``command`` shows the preview."""
    present, fix = fingerprint(settings), f"look at `{command}`, then start again"
    if named:
        return (
            "" if named.strip().lower() == present else f"--preview {named} is not of these settings; {fix}"
        )
    seen = last_seen(state)
    if not seen:
        return f"no preview of these settings was seen for {state.path}; {fix}, or add the --preview that it prints"
    return (
        "" if seen == present else f"the settings are others than those of the last preview ({seen}); {fix}"
    )
