"""The file of what screens died of stays small, keeps the newest whole, and says no value of a frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridbot_tui import screen_faults
from gridbot_tui.screen_faults import LARGEST, LONGEST, write_down

NOON_S = 1_767_268_800.0
NOON = "2026-01-01T12:00:00Z"


def fault(text: str) -> Exception:
    secret = "-".join(("a", "private", "key"))  # noqa: F841  (a value that a traceback may not show)
    try:
        raise ZeroDivisionError(text)
    except ZeroDivisionError as error:
        return error


def test_a_fault_is_written_down_with_its_time_and_its_traceback(tmp_path: Path) -> None:
    where = write_down(tmp_path, fault("a bug"), 2, NOON_S)
    said = Path(where).read_text()
    assert said.startswith(f"{NOON} fault 2\nTraceback (most recent call last):\n")
    assert said.endswith("ZeroDivisionError: a bug\n\n")
    assert "a-private-key" not in said


def test_however_often_a_screen_fails_the_file_stays_small_and_has_the_newest(tmp_path: Path) -> None:
    sizes = []
    for number in range(1_500):
        where = Path(write_down(tmp_path, fault(f"number {number} " + "x" * 700), 1, NOON_S + number))
        sizes.append(where.stat().st_size)
    assert max(sizes) <= LARGEST
    assert sizes[-1] > LARGEST // 3, "no more goes than must"
    kept = where.read_text().split("Z fault 1\n")[1:]
    numbers = [int(each.partition("number ")[2].split()[0]) for each in kept]
    assert numbers == list(range(numbers[0], 1_500))
    assert where.read_text().startswith("2026-01-01T"), "the oldest that is left is whole"
    assert [path.name for path in tmp_path.iterdir()] == [screen_faults.NAME]


def test_a_fault_without_an_end_is_cut_in_its_middle(tmp_path: Path) -> None:
    said = Path(write_down(tmp_path, fault("y" * 10_000_000 + "the end"), 1, NOON_S)).read_text()
    assert len(said) < LONGEST + 200
    assert said.splitlines()[1] == "Traceback (most recent call last):"
    assert "characters" in said
    assert said.endswith("the end\n\n")


def test_a_file_that_has_grown_large_already_is_cut_at_the_next_fault(tmp_path: Path) -> None:
    old = tmp_path / screen_faults.NAME
    old.write_text(f"{NOON} fault 1\nsomething\n\n" * 50_000)
    write_down(tmp_path, fault("new"), 1, NOON_S)
    assert old.stat().st_size < LARGEST
    assert old.read_text().startswith(f"{NOON} fault 1\nsomething")
    assert old.read_text().endswith("ZeroDivisionError: new\n\n")


@pytest.mark.parametrize("is_there", [True, False])
def test_what_cannot_be_written_is_no_second_fault(tmp_path: Path, is_there: bool) -> None:
    if is_there:
        (tmp_path / screen_faults.NAME).mkdir()
    assert write_down(tmp_path if is_there else tmp_path / "none", fault("a bug"), 1, NOON_S) == ""
