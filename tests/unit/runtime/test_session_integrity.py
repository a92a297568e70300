"""A large journal is read whole beside the run, and damage found then ends the run in order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.journal import integrity
from core.journal.integrity import check_beside, leave_mark, was_checked_in_part
from core.runtime.exit_code import ExitCode
from tests.unit.exchange.samples import until
from tests.unit.runtime.stage import plan, running, venue


async def test_what_was_checked_in_part_is_checked_whole_while_it_trades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "SMALL_BYTES", 0)
    async with venue() as exchange:
        path = plan(tmp_path, exchange.url).state.journal
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(6)
            await run.stop()
        checked: list[Path] = []

        async def check(at: Path) -> None:
            checked.append(at)
            await check_beside(at)

        monkeypatch.setattr("core.runtime.session.check_beside", check)
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(6)
            assert checked == [path]
            await until(lambda: not was_checked_in_part(path))
            assert (await run.stop()).exit_code is ExitCode.CLEAN


async def test_damage_that_is_found_beside_the_run_ends_it_with_nothing_resting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with venue() as exchange, running(plan(tmp_path, exchange.url)) as run:
        await run.resting(6)
        path = plan(tmp_path, exchange.url).state.journal
        damaged = tmp_path / "damaged.db"
        damaged.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)
        leave_mark(damaged)
        monkeypatch.setattr("core.runtime.statedir.StateDir.journal", damaged)
        await run.session._check_beside()
        report = await run.task
        assert report.exit_code is ExitCode.STORAGE
        assert "damaged" in report.message
        assert (await exchange.truth())["orders"] == []


async def test_a_check_that_breaks_is_told_and_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "SMALL_BYTES", 0)
    async with venue() as exchange:
        async with running(plan(tmp_path, exchange.url)) as run:
            await run.resting(6)
            await run.stop()

        async def broken(_: Path) -> None:
            raise RuntimeError("no such thing")

        monkeypatch.setattr("core.runtime.session.check_beside", broken)
        async with running(plan(tmp_path, exchange.url)) as run:
            report = await asyncio.wait_for(run.task, 20)
            assert report.exit_code is ExitCode.INTERNAL
            assert "integrity" in report.message
            assert "core_task_failed" in run.told()
