"""What counts as a start that did not end in order, and how many of them halt the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runtime.crash_loop import WITHIN_MS, StartCount, brake_reason
from core.runtime.exit_code import ExitCode

NOW_MS = 1_767_276_000_000


def crashed(path: Path, *at_ms: int) -> None:
    for each in at_ms:
        StartCount(path).begin(each)


def test_a_start_counts_until_it_has_ended_in_order(tmp_path: Path) -> None:
    path = tmp_path / "starts.json"
    crashed(path, NOW_MS, NOW_MS + 1_000)
    third = StartCount(path)
    assert third.begin(NOW_MS + 2_000) == 2
    third.end(ExitCode.CLEAN)
    assert StartCount(path).begin(NOW_MS + 3_000) == 0


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (ExitCode.CLEAN, 0),
        (ExitCode.HALTED, 0),
        (ExitCode.INTERNAL, 2),
        (ExitCode.USAGE, 1),
        (ExitCode.STORAGE, 1),
        (ExitCode.UNREACHABLE, 1),
    ],
)
def test_one_that_never_traded_is_no_crash_and_wipes_none_out(
    tmp_path: Path, code: ExitCode, after: int
) -> None:
    path = tmp_path / "starts.json"
    crashed(path, NOW_MS)
    one = StartCount(path)
    one.begin(NOW_MS + 1)
    one.end(code)
    assert StartCount(path).begin(NOW_MS + 2) == after


def test_starts_of_long_ago_and_of_a_clock_that_was_ahead_are_no_loop(tmp_path: Path) -> None:
    path = tmp_path / "starts.json"
    crashed(path, NOW_MS - WITHIN_MS, NOW_MS + 2 * WITHIN_MS, NOW_MS - WITHIN_MS + 1)
    assert StartCount(path).begin(NOW_MS) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"7", b'["x", null]', b"\xff"])
def test_what_is_no_list_of_starts_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "starts.json"
    path.write_bytes(content)
    assert StartCount(path).begin(NOW_MS) == 0


@pytest.mark.parametrize(
    ("unclean", "most", "halts"), [(2, 3, False), (3, 3, True), (9, 3, True), (9, 0, False)]
)
def test_so_many_and_more_halt_the_next(unclean: int, most: int, halts: bool) -> None:
    assert bool(brake_reason(unclean, most)) is halts
