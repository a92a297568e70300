"""What no argument may be: a key. Everybody on the machine can read a command line, and the shell keeps it."""

from __future__ import annotations

from collections.abc import Iterable

from core.redaction import holds_key

KEY_SEEN = (
    "an argument looks like a private key, and other programs and the shell's history have seen it now: don't use that key, "
    "make another; `gridbot keys import` asks for one without showing it"
)


def has_key(arguments: Iterable[str]) -> bool:
    return any(map(holds_key, arguments))
