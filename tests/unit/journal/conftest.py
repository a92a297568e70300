"""The journal's threads end within the test that began them."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.unit.exchange.samples import until


@pytest_asyncio.fixture(autouse=True)
async def _threads_end() -> AsyncIterator[None]:
    """A connection that could not be opened ends its thread a moment after it has raised."""
    yield
    await until(lambda: not [t for t in threading.enumerate() if "_connection_worker" in t.name])
