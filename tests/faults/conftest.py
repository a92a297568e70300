from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.conftest import exchange, home, own_exchange, start
from tests.faults.world import World, living
from tests.virtual_time import LoopFactories, loop_of

__all__ = ["exchange", "home", "own_exchange", "start", "world"]


def pytest_asyncio_loop_factories(item: pytest.Item) -> LoopFactories:
    return loop_of(item)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A market that stands still, one coin, a grid of three levels a side; not started yet."""
    async with living(tmp_path) as one:
        yield one
