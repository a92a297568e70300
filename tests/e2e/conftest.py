from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.program import Exchange, Process

Start = Callable[..., Process]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home and working directory."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start gridbot processes that are gone when the test is."""
    started: list[Process] = []

    def start_one(*arguments: str, name: str = "gridbot", is_installed: bool = False, **env: str) -> Process:
        process = Process(arguments, home, env, name, is_installed)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.end()


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """One for all tests of a module: each bot has an account of its own. No limits, for all call from one address."""
    running = Exchange(tmp_path_factory.mktemp("exchange"), flags=("--no-limits",))
    yield running
    running.process.end()


@pytest.fixture
def own_exchange(home: Path) -> Iterator[Exchange]:
    """One that a test may break: with the limits of the real one."""
    running = Exchange(home)
    yield running
    running.process.end()
