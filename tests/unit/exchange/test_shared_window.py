"""One weight for all processes of a host that ask the same exchange."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.effects import Notify
from core.exchange import shared_window
from core.exchange.lanes import Lane
from core.exchange.shared_window import LOOK_AGAIN_MS, SharedWindow, window_file
from core.exchange.weight_budget import WeightBudget, shared_budget
from core.exchange.weight_window import FLOORS, PER_MINUTE
from tests.unit.exchange.test_weight_budget import Clock, Minute

URL = "http://127.0.0.1:3001"


class Host:
    """Budgets of one user, as processes would have them, and what they tell."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.directory, self.clock, self.told = directory, clock, list[Notify]()
        self.budgets: list[WeightBudget] = []

    def budget(self, url: str = URL) -> WeightBudget:
        made = shared_budget(self.directory, url, self.clock, self.told.append)
        self.budgets.append(made)
        return made

    def names(self) -> list[str]:
        return [notice.name for notice in self.told]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    found = Host(tmp_path / "limits", Clock(monkeypatch))
    found.clock.ms = 5_000_000.0
    yield found
    for budget in found.budgets:
        budget.close()


async def test_two_of_one_host_never_spend_more_than_the_limit_together(host: Host) -> None:
    one, other, minute = host.budget(), host.budget(), Minute(host.clock)

    async def read(budget: WeightBudget) -> None:
        for _ in range(400):
            await budget.take(Lane.INFO, 20)
            minute.spend(20)

    began = host.clock.ms
    await asyncio.gather(read(one), read(other))
    assert host.clock.ms - began > 16 * 60_000
    assert minute.most <= PER_MINUTE


async def test_what_one_is_refused_for_holds_the_other_too(host: Host) -> None:
    one, other = host.budget(), host.budget()
    one.refuse(20.0, "HTTP 429")
    assert other.standing().paused_ms == 20_000
    assert other.standing().is_shared
    before = host.clock.ms
    await other.take(Lane.INFO, 2)
    assert host.clock.ms - before == 20_000


def test_exchanges_are_told_apart_by_their_hosts(host: Host) -> None:
    host.budget().spend(500)
    assert host.budget(f"{URL}/").left == PER_MINUTE - 500
    assert host.budget("http://127.0.0.1:3002").left == PER_MINUTE
    assert window_file(Path("/x"), "https://API.hyperliquid.xyz") == Path("/x/api.hyperliquid.xyz")


def test_a_process_that_starts_finds_what_others_have_spent(host: Host) -> None:
    first = host.budget()
    first.spend(700)
    first.close()
    assert host.budget().left == PER_MINUTE - 700


@pytest.mark.parametrize(
    "content", [b"\x00" * 4_096, b"{", b"[]", b'{"spent":[]}', b"null", b"1200\n"], ids=repr
)
def test_garbage_is_thrown_away_and_told(host: Host, content: bytes) -> None:
    path = window_file(host.directory, URL)
    path.parent.mkdir()
    path.write_bytes(content)
    budget = host.budget()
    budget.spend(100)
    assert budget.left == PER_MINUTE - 100
    assert host.names() == ["weights_discarded"]
    assert host.budget().left == PER_MINUTE - 100, "what takes its place is whole"


def test_what_was_spent_in_a_time_to_come_is_garbage(host: Host) -> None:
    host.budget().spend(100)
    host.clock.ms -= 3_600_000
    assert host.budget().left == PER_MINUTE
    assert host.names() == ["weights_discarded"]


def test_a_pause_that_is_no_number_is_garbage(host: Host) -> None:
    host.budget().spend(100)
    path = window_file(host.directory, URL)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "paused_until_ms": "nan"}))
    assert host.budget().standing().paused_ms == 0
    assert host.names() == ["weights_discarded"]


def test_a_pause_that_nobody_asks_for_is_garbage(host: Host) -> None:
    """All reads and placements of the host would wait for its end."""
    budget = host.budget()
    budget.refuse(600.0, "HTTP 429")
    path = window_file(host.directory, URL)
    plain = json.loads(path.read_bytes())
    assert host.budget().standing().paused_ms == 600_000, "the longest that is believed"
    plain["paused_until_ms"] += 3_600_000
    path.write_text(json.dumps(plain))
    assert host.budget().standing().paused_ms == 0
    assert host.names() == ["weights_discarded"]


def test_what_was_spent_before_a_reboot_is_forgotten_quietly(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.budget().spend(100)
    monkeypatch.setattr(shared_window, "_boot_text", "another")
    assert host.budget().left == PER_MINUTE
    assert host.names() == []


def test_without_a_directory_it_counts_alone_and_says_so_once(host: Host) -> None:
    host.directory.write_text("a file in the way")
    budget = host.budget()
    for _ in range(3):
        budget.spend(100)
        host.clock.ms += LOOK_AGAIN_MS
    assert budget.left == PER_MINUTE - 300
    assert not budget.standing().is_shared
    assert host.names() == ["weights_not_shared"]
    assert "fix its permissions" in str(host.told[0].fields)


def test_what_was_spent_alone_is_counted_once_the_file_can_be_had(host: Host) -> None:
    host.directory.write_text("a file in the way")
    budget = host.budget()
    budget.spend(300)
    host.directory.unlink()
    host.clock.ms += LOOK_AGAIN_MS
    budget.spend(1)
    assert budget.standing().is_shared
    assert host.budget().left == PER_MINUTE - 301


def test_a_file_that_somebody_took_away_is_made_anew_for_all(host: Host) -> None:
    one, other = host.budget(), host.budget()
    one.spend(100)
    other.spend(100)
    window_file(host.directory, URL).unlink()
    host.clock.ms += LOOK_AGAIN_MS
    one.spend(1)
    other.spend(1)
    assert one.left == other.left


async def test_one_that_stands_still_with_the_lock_stops_no_cancel(host: Host) -> None:
    budget = host.budget()
    budget.spend(100)
    fd = os.open(window_file(host.directory, URL), os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    await budget.take(Lane.CANCEL, 6)
    assert budget.left == PER_MINUTE - 106
    os.close(fd)
    assert host.budget().left == PER_MINUTE - 100
    budget.spend(1)
    assert host.budget().left == PER_MINUTE - 107, "what was owed is counted"


def test_only_the_user_can_read_it(host: Host) -> None:
    host.budget().spend(1)
    assert window_file(host.directory, URL).stat().st_mode & 0o777 == 0o600
    assert host.directory.stat().st_mode & 0o777 == 0o700


def test_files_of_exchanges_that_are_gone_are_taken_away(host: Host) -> None:
    host.budget("http://127.0.0.1:40001").spend(1)
    old = window_file(host.directory, "http://127.0.0.1:40001")
    os.utime(old, (1, 1))
    host.budget().spend(1)
    assert not old.exists()


SPENDER = """
import asyncio, sys
from pathlib import Path
from core.exchange.lanes import Lane
from core.exchange.weight_budget import NoWeightError, shared_budget
from core.exchange.venue_clock import mono_ms

async def main():
    budget = shared_budget(Path(sys.argv[1]), "http://127.0.0.1:3001", mono_ms)
    print("ready", flush=True)
    sys.stdin.readline()
    taken = 0
    try:
        while True:
            await budget.take(Lane.PLACE, 1)
            taken += 1
    except NoWeightError:
        print(taken)

asyncio.run(main())
"""


def test_processes_share_it_too(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    taken = [int(each.communicate(timeout=60)[0]) for each in running]
    assert sum(taken) == PER_MINUTE - FLOORS[Lane.PLACE], "to the last one: none was lost, none given twice"
    (page,) = tmp_path.iterdir()
    assert sum(weight for _, weight in json.loads(page.read_bytes())["spent"]) == sum(taken)


def test_a_window_is_one_page_however_busy_the_minute(host: Host) -> None:
    budget = host.budget()
    for _ in range(130):
        budget.spend(1_000_000)
        host.clock.ms += 1_000
    budget.refuse(0, "x" * 5_000)
    assert window_file(host.directory, URL).stat().st_size == shared_window.SIZE
    window = SharedWindow(window_file(host.directory, URL), host.told.append)
    left = window.change(lambda w: w.left(host.clock.ms, PER_MINUTE), host.clock.ms)
    assert left is not None
    assert left < 0
    window.close()
    assert host.names() == []
