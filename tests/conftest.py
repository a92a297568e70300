from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from core.paper.market import load
from tests.recording import load_kept

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
"""No test here asserts a time, and on a loaded machine any may take long."""


gc.disable()
"""Until all is collected: nothing of that is ever garbage, and to look for it takes a tenth of the time."""

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES and os.access(MEMORY, os.W_OK):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
"""Where the directories of tests are. Thousands of journals are made durable, row by row, and no test cuts the power: a kill
loses nothing of what a file system in memory was given, nor of any other.
"""

WAITING = ("tests/crash/", "tests/e2e/", "tests/faults/")
"""Tests that wait for processes and for real time, most of it with nothing to compute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread those that wait evenly over the list, module by module. xdist hands it out in pieces: one worker would get all of
    them, and in the end all would wait at once while the processors have nothing to do.
    """
    waiting = [item for item in items if item.nodeid.startswith(WAITING)]
    others = [item for item in items if not item.nodeid.startswith(WAITING)]
    places: dict[Path, float] = {}
    for group in (waiting, others):
        for number, item in enumerate(group):
            places.setdefault(item.path, number / len(group))
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: no collection of garbage needs to walk through them each time."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_shared_with_this_users_own_bots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is counted for a host and which instances run: of these tests alone, also in the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("xdg")))
        yield


@pytest.fixture(scope="session", autouse=True)
def recording_is_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "load_recording", load_kept)
        yield
