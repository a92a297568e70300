"""A keystore's passphrase: from a descriptor, a systemd credential, or whoever sits at the terminal. Never an argument.

Whatever is read here is masked from then on wherever it would be written, the wrong ones too: they are often nearly right.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from core.redaction import remember
from core.runtime.usage import UsageError

if TYPE_CHECKING:
    from core.runtime.keys.key_text import Passphrase

MOST_BYTES = 4096


def passphrase_of(fd: int | None, environ: Mapping[str, str]) -> Passphrase:
    """What it was told it remembers, for a descriptor can be read a single time. Whoever types may mistype it."""
    from core.runtime.keys.keystore import WrongPassphraseError

    told, typed = "", False

    def passphrase(name: str, attempt: int) -> str:
        nonlocal told, typed
        if not told:
            told = _given(fd, environ)
            typed = not told
            told = told or ask_hidden(f"Passphrase of {name}: ", name)
        elif attempt > 1:
            if not typed:
                raise WrongPassphraseError(name)
            told = ask_hidden(f"That is not the one. Passphrase of {name}: ", name)
        return told

    return passphrase


def _given(fd: int | None, environ: Mapping[str, str]) -> str:
    from core.runtime.keys.sources import PASSPHRASE_CREDENTIAL

    if fd is not None:
        return read_line(fd, "--passphrase-fd")
    directory = environ.get("CREDENTIALS_DIRECTORY")
    path = Path(directory) / PASSPHRASE_CREDENTIAL if directory else None
    try:
        return _masked(path.read_text().rstrip("\n")) if path is not None and path.is_file() else ""
    except OSError as error:
        raise UsageError(
            f"the systemd credential {PASSPHRASE_CREDENTIAL} can't be read ({error.strerror})"
        ) from None


def read_line(fd: int, flag: str) -> str:
    """The first line of a descriptor. Raises ``UsageError``."""
    text = b""
    try:
        while b"\n" not in text and len(text) < MOST_BYTES and (part := os.read(fd, MOST_BYTES)):
            text += part
    except OSError as error:
        raise UsageError(
            f"{flag} {fd} can't be read ({error.strerror}); name a descriptor that is open"
        ) from None
    line = text.split(b"\n")[0].decode(errors="replace").rstrip("\r")
    if not line:
        raise UsageError(f"{flag} {fd} gave nothing; write the secret and a new line to it")
    return _masked(line)


def ask_hidden(question: str, name: str) -> str:
    """What is typed at the terminal without being shown. Raises ``UsageError`` if there is none."""
    from getpass import getpass

    from core.runtime.keys.identity import nobody_to_ask

    if not sys.stdin.isatty():
        return nobody_to_ask(name)
    try:
        return _masked(getpass(question))
    except (EOFError, OSError):
        return nobody_to_ask(name)


def _masked(secret: str) -> str:
    remember(secret)
    return secret
