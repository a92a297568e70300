from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: no collection of garbage needs to walk through them each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
