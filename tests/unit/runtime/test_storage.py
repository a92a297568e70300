"""A commit that fails is held until it succeeds, and trouble is over only when there is a reserve again."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from core.domain.clock import Instant
from core.domain.events import StorageRecovered
from core.journal.journal import Batch, Committed, Journal
from core.journal.schema import StorageError
from core.runtime import storage as storage_module
from core.runtime.storage import RESERVE_BYTES, Reserve, Storage


@dataclass
class Disk:
    """Journal, clock, reserve and listener in one; ``fails`` says how often the next writes fail."""

    fails: int = 0
    has_room: bool = True
    log: list[str] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    ms: int = 1_000
    takes_ms: int = 0
    stop_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def commit(self, batch: Batch) -> Committed:
        self.ms += self.takes_ms
        if self.fails:
            self.fails -= 1
            self.log.append("refused")
            raise StorageError("the journal cannot be written (full); free disk space") from OSError("full")
        self.log.append("written")
        self.batches.append(batch)
        return Committed((), ())

    def make(self) -> None:
        if not self.has_room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.log.append("reserved")

    def release(self) -> None:
        self.log.append("released")

    def storage_failed(self, reason: str) -> None:
        self.log.append(f"failed: {reason}")

    def storage_writes(self) -> None:
        self.log.append("writes")

    async def storage_well(self) -> None:
        self.log.append("well")

    def storage(self) -> Storage:
        return Storage(
            cast(Journal, self),
            cast(Reserve, self),
            lambda: Instant(self.ms, self.ms, self.ms),
            self.stop_asked,
            self,
        )


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "RETRY_S", 0.0)
    monkeypatch.setattr(storage_module, "WATCH_S", 0.0)


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "RETRY_S", 1.0)
    monkeypatch.setattr(storage_module, "WATCH_S", 0.2)


async def test_what_the_journal_takes_is_written_without_ado() -> None:
    disk = Disk()
    await disk.storage().commit(Batch(1))
    assert disk.log == ["written"]
    assert await disk.storage().recovered() is None


async def test_the_same_batch_is_tried_until_it_is_written_after_the_reserve_is_given_back() -> None:
    disk, batch = Disk(fails=3), Batch(7)
    storage = disk.storage()
    await storage.commit(batch)
    assert disk.log == ["refused", "released", "failed: full", "refused", "refused", "written", "writes"]
    assert disk.batches == [batch]
    assert storage.trouble == "full"
    assert storage.sentence.endswith("free disk space")


@pytest.mark.usefixtures("_patient")
async def test_the_screen_is_served_while_a_commit_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(fails=3)
    storage = disk.storage()
    watched: list[int] = []
    storage.watch = lambda: watched.append(disk.ms)

    async def sleep(seconds: float) -> None:
        disk.ms += int(seconds * 1000)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await storage.commit(Batch(1))
    assert len(watched) >= 5, "each fifth of the second between two attempts"


async def test_trouble_is_over_only_when_the_reserve_can_be_made_anew() -> None:
    disk = Disk(fails=1, has_room=False)
    storage = disk.storage()
    await storage.commit(Batch(1))
    disk.ms += 5_000
    assert await storage.recovered() is None
    assert storage.trouble
    disk.has_room = True
    disk.log.clear()
    assert await storage.recovered() == StorageRecovered(5_000)
    assert disk.log == ["reserved", "well"]
    assert (storage.trouble, storage.sentence) == ("", "")
    assert await storage.recovered() is None


@pytest.mark.usefixtures("_patient")
async def test_the_reserve_is_tried_for_once_a_second() -> None:
    disk = Disk(fails=1)
    storage = disk.storage()
    await storage.commit(Batch(1))
    disk.ms += 999
    assert await storage.recovered() is None
    disk.ms += 1
    assert await storage.recovered() == StorageRecovered(1_000)


async def test_a_stop_ends_the_wait_with_the_sentence() -> None:
    disk = Disk(fails=10**9)
    storage = disk.storage()
    committing = asyncio.ensure_future(storage.commit(Batch(1)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not committing.done()
    disk.stop_asked.set()
    with pytest.raises(StorageError, match="free disk space"):
        await committing


async def test_a_failure_elsewhere_is_the_same_trouble() -> None:
    disk = Disk()
    storage = disk.storage()
    storage.fail(StorageError("no cause here"))
    assert (storage.trouble, disk.log) == ("no cause here", ["released", "failed: no cause here"])


async def test_the_longest_commit_since_the_last_look_is_told() -> None:
    disk = Disk(takes_ms=30)
    storage = disk.storage()
    await storage.commit(Batch(1))
    disk.takes_ms = 10
    await storage.commit(Batch(1))
    assert [storage.take_commit_ms(), storage.take_commit_ms()] == [30, 0]


def test_the_reserve_takes_real_space_once_and_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    reserve = Reserve(path)
    reserve.make()
    made = path.stat()
    assert made.st_size == RESERVE_BYTES
    assert made.st_blocks * 512 >= RESERVE_BYTES, "not a hole"
    assert made.st_mode & 0o777 == 0o600
    reserve.make()
    assert path.stat().st_ino == made.st_ino
    reserve.release()
    reserve.release()
    assert not path.exists()


def test_a_reserve_that_does_not_fit_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_fd: int, _offset: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        Reserve(tmp_path / "reserve").make()
    assert list(tmp_path.iterdir()) == []
