"""Who sits at this terminal, for the operator's log: the login name, the terminal, the SSH client's address."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping

from core.domain.commands import Operator

_LONGEST = 64


def operator(via: str = "", environ: Mapping[str, str] | None = None) -> Operator:
    """``via`` is the key or the command. Nothing here can fail: what isn't known is empty."""
    env = os.environ if environ is None else environ
    return Operator(_user(env), _client(env), via, _tty())


def _user(env: Mapping[str, str]) -> str:
    """Of the process, whatever the environment says; and who became that user, if sudo tells."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    before = _plain(env.get("SUDO_USER", ""))
    return f"{name} (sudo by {before})" if before and before != name else name


def _client(env: Mapping[str, str]) -> str:
    """The first word of what sshd sets; in tmux that of whoever started its server."""
    said = (env.get("SSH_CLIENT") or env.get("SSH_CONNECTION") or "").split()
    return _plain(said[0]) if said else ""


def _tty() -> str:
    for fd in (0, 2, 1):
        try:
            return os.ttyname(fd).removeprefix("/dev/")
        except OSError:
            continue
    return ""


def _plain(text: str) -> str:
    """What came from an environment, as one printable word."""
    return re.sub(r"[^\w.:%@+-]", "?", text)[:_LONGEST]
