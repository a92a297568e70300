from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.conftest import exchange, home, own_exchange, start
from tests.faults.world import World, living

__all__ = ["exchange", "home", "own_exchange", "start", "world"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A market that stands still, one coin, a grid of three levels a side; not started yet."""
    async with living(tmp_path) as one:
        yield one
