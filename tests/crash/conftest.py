from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.bot import Bot
from tests.e2e.program import Exchange

SPEED = 300
"""Some fills a second, most of the time. A module that needs none of them names a slower one."""


@pytest.fixture(scope="module")
def exchange(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """One for many: each bot has an account of its own, and no test leaves a fault. A market this fast costs a lot of CPU."""
    speed = getattr(request.module, "SPEED", SPEED)
    running = Exchange(tmp_path_factory.mktemp("exchange"), speed, ("--no-limits",))
    yield running
    running.process.end()


@pytest.fixture
def bot(exchange: Exchange, tmp_path: Path) -> Iterator[Bot]:
    one = Bot(exchange, tmp_path)
    yield one
    one.end()
