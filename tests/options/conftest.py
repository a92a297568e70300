from __future__ import annotations

import pytest

from tests.virtual_time import LoopFactories, loop_of


def pytest_asyncio_loop_factories(item: pytest.Item) -> LoopFactories:
    return loop_of(item)
