"""What a bot with its defaults opens to the network: its own exchange, on the loopback, and nothing else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from tests.e2e.listeners import ends_of
from tests.e2e.program import Process, trading_pid

Start = Callable[..., Process]


def test_a_running_bot_listens_on_the_loopback_alone_and_talks_to_nobody_else(
    start: Start, home: Path
) -> None:
    state = home / "state"
    bot = start("--no-ui", "--state-dir", str(state))
    bot.wait_for("grid_built")
    ends = ends_of(trading_pid(state))
    assert [end for end in ends if end.listens], "the embedded exchange"
    assert [end for end in ends if not end.listens], "the bot on it"
    for end in ends:
        assert ip_address(end.here).is_loopback, end
        assert end.listens or ip_address(end.there).is_loopback, end
    assert bot.stop() == 0


def test_an_end_on_any_address_would_be_seen() -> None:
    """What the other test looks with."""
    for family, anywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with socket.socket(family) as open_to_all:
            open_to_all.bind((anywhere, 0))
            open_to_all.listen()
            port = open_to_all.getsockname()[1]
            (end,) = [end for end in ends_of(os.getpid()) if end.port == port]
            assert (end.here, end.listens) == (anywhere, True)
