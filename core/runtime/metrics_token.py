"""The token that ``/metrics`` and ``/status`` ask for: of a systemd credential, a 0600 file or the environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from core.runtime.statedir import StateDir
from core.runtime.usage import UsageError

NAME = "HL_METRICS_TOKEN"
CREDENTIAL = "metrics_token"
"""Its name for systemd's ``LoadCredential``, and of the file in the state dir."""

SHORTEST, LONGEST = 16, 512


def read_token(state: StateDir, environ: Mapping[str, str]) -> str:
    """Empty if there is none. Raises ``UsageError`` for one that can't be used; no sentence holds any of it."""
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    for path, is_guarded in ((Path(folder, CREDENTIAL), True), (state.metrics_token, False)):
        if (folder or not is_guarded) and path.exists():
            return _checked(_read(path, is_guarded), str(path))
    return _checked(environ[NAME].strip(), NAME) if environ.get(NAME, "").strip() else ""


def _read(path: Path, is_guarded: bool) -> str:
    """``is_guarded``: systemd answers for who may read it."""
    try:
        info = path.stat(follow_symlinks=is_guarded)
        if not stat.S_ISREG(info.st_mode):
            raise UsageError(f"{path} is not a file; write the token of the metrics in one")
        if not is_guarded and (info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077):
            raise UsageError(f"{path} may be read by others; fix: chmod 600 {path}")
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise UsageError(f"{path} with the token of the metrics can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a token: letters, digits and signs of ASCII") from None


def _checked(token: str, place: str) -> str:
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
