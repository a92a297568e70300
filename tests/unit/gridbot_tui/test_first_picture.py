"""What a start does until its first picture is on its way, and no more: each of these once took as long as Textual's start."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import core.view
from core.view import states

PROBE = """
import json, os, sys
from collections import Counter
import gridbot_tui.door, gridbot_tui.run
from gridbot_tui.core_host import CoreHost
from gridbot_tui.app import GridBotApp
from textual.css import stylesheet
from widgets.line_panel import LinePanel

parsed, sent = Counter(), []
parse, display = stylesheet.parse, GridBotApp._display

def counted(scope, css, read_from, **more):
    parsed[str(read_from)] += 1
    return parse(scope, css, read_from, **more)

def noted(self, screen, renderable):
    if renderable is not None and not self._batch_count:
        sent.append("\\n".join(panel.text for panel in screen.query(LinePanel)))
    display(self, screen, renderable)

def drawn():
    found = dict(modules=sorted(sys.modules), parsed=parsed, sent=sent)
    os.write(int(sys.argv[1]), json.dumps(found).encode())
    host._settled.set()
    app.exit()

stylesheet.parse, GridBotApp._display = counted, noted
host = CoreHost("testnet", lambda: None)
app = GridBotApp(host, drawn=drawn, network="testnet")
app.run(headless=True, size=(120, 40))
"""


@pytest.fixture(scope="module")
def start() -> dict[str, Any]:
    import os

    there, here = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-c", PROBE, str(here)],
            pass_fds=[here],
            timeout=120,
            check=True,
            capture_output=True,
        )
    finally:
        os.close(here)
    with open(there, "rb") as file:
        found: dict[str, Any] = json.loads(file.read())
    return found


def test_it_loads_nothing_of_the_core_but_the_words_of_its_view_and_no_dialog(start: dict[str, Any]) -> None:
    heavy = (
        "pydantic",
        "aiohttp",
        "cyclopts",
        "sqlite3",
        "eth_account",
        "hyperliquid",
        "prometheus_client",
    )
    ours = [name for name in start["modules"] if name.partition(".")[0] in ("core", "gridbot_tui", "widgets")]
    of_the_core = [name for name in ours if name.startswith("core")]
    assert of_the_core == [
        "core",
        "core.domain",
        "core.domain.commands",
        "core.redaction",
        "core.runtime",
        "core.runtime.core_port",
        "core.runtime.usage",
        "core.view",
        "core.view.states",
    ]
    assert [name for name in ours if name.startswith("gridbot_tui.screens.")] == [
        f"gridbot_tui.screens.{name}"
        for name in ("command_desk", "console", "dashboard", "following", "painting", "sizes")
    ]
    later = ("acting_keys", "palette", "preview", "cli", "core_start", "plans")
    assert [name for name in ours if name.removeprefix("gridbot_tui.") in later] == []
    assert [name for name in ours if name.endswith(("table_rows", "limit_rows", "order_rows"))] == []
    assert [name for name in start["modules"] if name.partition(".")[0] in heavy] == []


def test_each_source_of_the_stylesheet_is_read_once(start: dict[str, Any]) -> None:
    assert start["parsed"], "the probe counts"
    assert {source: times for source, times in start["parsed"].items() if times > 1} == {}


def test_the_first_that_is_drawn_has_its_panels_its_network_its_state_and_its_keys(
    start: dict[str, Any],
) -> None:
    picture = start["sent"][0]
    for text in ("TESTNET", "STARTING", "Grid ladder", "Position & PnL", "Grid health", "4 Risk", "H Halt"):
        assert text in picture


def test_each_name_of_the_view_is_found_and_no_other() -> None:
    for name in core.view.__all__:
        assert getattr(core.view, name) is not None
    assert core.view.ZERO is states.ZERO
    with pytest.raises(AttributeError, match="no attribute 'Tickets'"):
        core.view.Tickets  # type: ignore[attr-defined]  # noqa: B018
