"""The token that ``/metrics`` and ``/status`` ask for: of a systemd credential, a 0600 file or the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from core.redaction import remember
from core.runtime.private_file import read_private
from core.runtime.statedir import StateDir
from core.runtime.usage import UsageError

NAME = "HL_METRICS_TOKEN"
CREDENTIAL = "metrics_token"
"""Its name for systemd's ``LoadCredential``, and of the file in the state dir."""

SHORTEST, LONGEST = 16, 512
_HOLDING = "the token of the metrics"


def read_token(state: StateDir, environ: Mapping[str, str]) -> str:
    """Empty if there is none. Raises ``UsageError`` for one that can't be used, as a blank one: whoever set it meant to lock
    what would be open then. No sentence holds any of it.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    for path, is_guarded in ((Path(folder, CREDENTIAL), True), (state.metrics_token, False)):
        if (folder or not is_guarded) and os.path.lexists(path):
            return _checked(read_private(path, _HOLDING, is_guarded).strip(), str(path))
    return _checked(environ[NAME].strip(), NAME) if NAME in environ else ""


def _checked(token: str, place: str) -> str:
    remember(token)
    if not token:
        raise UsageError(
            f"{place} is blank, which would leave the metrics open to every user of this machine; write a token there, or "
            f"take {place} away if that is meant"
        )
    if (
        not SHORTEST <= len(token) <= LONGEST
        or not token.isascii()
        or not token.isprintable()
        or " " in token
    ):
        raise UsageError(
            f"{place} is not a token: {SHORTEST} to {LONGEST} letters, digits and signs without blanks; make one with "
            "python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token
