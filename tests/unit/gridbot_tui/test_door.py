"""The short way reads flags as the command line's own reader does, or leaves them to it."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import astuple
from typing import Any

import pytest

from gridbot_tui import run as run_module
from gridbot_tui.cli import run_cli
from gridbot_tui.door import plain_run, short_way

PIECES = [
    ["--network", "paper"],
    ["--network=mainnet"],
    ["--live"],
    ["--coin", "BTC"],
    ["--coin=xyz:TSLA"],
    ["--config", "./other.toml"],
    ["--exchange-url", "http://127.0.0.1:3001"],
    ["--state-dir", "/tmp/some where"],
    ["--state-dir=~/state"],
    ["--for", "90s"],
    ["--for", "5m"],
    ["--summary", "json"],
    ["--preview", "ab12cd"],
    ["--adopt"],
    ["--theme", "ansi-dark"],
    ["--theme", "pink"],
    ["--ascii"],
    ["--slow"],
    ["--mouse"],
    ["--refresh-hz", "0.5"],
    ["--refresh-hz", "x"],
    ["--network", "moon"],
    ["--no-ui"],
    ["--coin", "--live"],
    ["--nonsense"],
    ["word"],
    ["--help"],
]


def reader(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> tuple[Any, ...] | None:
    """What the command line's reader calls ``run`` with; nothing if it doesn't."""
    called: list[tuple[Any, ...]] = []

    def note(*given: Any) -> int:
        called.append(given)
        return 0

    monkeypatch.setattr(run_module, "run", note)
    run_cli(arguments)
    return called[0] if called else None


@pytest.mark.parametrize("seed", range(40))
def test_what_the_short_way_takes_means_what_the_reader_says_it_means(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chosen = random.Random(seed).sample(PIECES[:21] if seed % 2 else PIECES, seed % 5 + 1)
    arguments = ["run", *(word for piece in chosen for word in piece)]
    mine = plain_run(arguments)
    theirs = reader(monkeypatch, arguments)
    if mine is None:
        return
    assert theirs is not None, f"{arguments} is an error that the short way takes"
    flags, no_ui, for_s, with_summary, look = theirs
    assert (mine["flags"], mine["no_ui"], mine["for_s"], mine["with_summary"]) == (
        flags,
        no_ui,
        for_s,
        with_summary,
    )
    assert astuple(mine["look"]) == astuple(look)


def test_each_plain_flag_goes_the_short_way() -> None:
    for piece in PIECES[:20]:
        if piece not in (["--state-dir", "/tmp/some where"], ["--theme", "pink"]):
            assert plain_run(["run", *piece]) is not None, piece
    assert plain_run([]) is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-ui"],
        ["run", "--help"],
        ["status"],
        ["run", "run"],
        ["--live", "--live"],
        ["--for", "0s"],
        ["--coin"],
        ["--live=yes"],
    ],
)
def test_whatever_is_not_plain_is_left_to_the_reader(arguments: list[str]) -> None:
    assert plain_run(arguments) is None


def test_without_a_terminal_there_is_no_short_way() -> None:
    assert short_way(["run"]) is None


def test_before_the_first_picture_nothing_of_the_core_is_loaded() -> None:
    probe = "import gridbot_tui.door, gridbot_tui.run, gridbot_tui.app, gridbot_tui.driver, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = ("pydantic", "aiohttp", "cyclopts", "sqlite3", "eth_account", "hyperliquid", "prometheus_client")
    inner = ("core.engine", "core.exchange", "core.journal.schema", "core.paper", "core.runtime.settings")
    assert [name for name in loaded if name.startswith((*heavy, *inner))] == []
