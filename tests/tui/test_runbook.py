"""The page that is read, the names in it, and what the screen makes of them. The judge of the halts is the engine's list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.commands import Action
from core.engine.halts import HaltRule
from core.view import (
    AlertView,
    BreakerState,
    BreakerView,
    CommandStatus,
    CommandView,
    DriftView,
    FillView,
    RunState,
    Severity,
    Snapshot,
)
from gridbot_tui import keymap
from gridbot_tui.screens.runbook import RunbookScreen, page, page_path
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, coin_view, drifting, halted, snapshot, tripped
from widgets.ink import plain
from widgets.look import KeyHint, Look
from widgets.runbook_conditions import CONDITIONS
from widgets.runbook_page import RunbookError, parsed
from widgets.runbook_rows import meaning_of, ordered, runbook_rows
from widgets.runbook_values import VALUES

MakeConsole = Callable[[Snapshot | None], Console]


def _texts(shown: Snapshot | None, width: int = 80, explained: bool = False) -> list[str]:
    look = Look(shown, NOW_MS, hints=keymap.hints(shown))
    return [plain(row.text).rstrip() for row in runbook_rows(look, page(), width, explained)]


def _first(shown: Snapshot) -> str:
    return ordered(Look(shown, NOW_MS), page())[0][0].title


def _row(shown: Snapshot, procedure: str, step: int, width: int = 120) -> str:
    """The line of a step, and those of its own under it."""
    look = Look(shown, NOW_MS, hints=keymap.hints(shown))
    rows = [row for row in runbook_rows(look, page(), width, True) if row.title == procedure]
    texts = [plain(row.text) for row in rows]
    at = next(n for n, text in enumerate(texts) if text.startswith(f" {step} "))
    end = next((n for n in range(at + 1, len(texts)) if not texts[n].startswith(" " * 11)), len(texts))
    return "\n".join(texts[at:end])


# -- the page ---------------------------------------------------------------------------------------------------------


def test_every_name_on_the_page_is_known_and_every_known_name_is_used() -> None:
    values = {each.value for each in page()} | {step.value for each in page() for step in each.steps}
    assert values - {""} == set(VALUES)
    assert {each.when for each in page()} == set(CONDITIONS)
    done = {step.done for each in page() for step in each.steps} - {""}
    assert done <= {action.value for action in Action}


def test_every_key_on_the_page_is_one_of_the_registry_and_works_on_this_screen() -> None:
    here = {keymap.Scope.APP, keymap.Scope.CONSOLE, keymap.Scope.RUNBOOK}
    known = {action.key for action in keymap.ACTIONS if here & set(action.scopes)}
    for procedure in page():
        for step in procedure.steps:
            assert not step.key or step.key in known, (procedure.title, step)


def test_the_time_of_a_step_is_that_of_what_its_key_does() -> None:
    by_key = {action.key: action.id for action in keymap.ACTIONS}
    for procedure in page():
        for step in procedure.steps:
            if step.done and by_key[step.key] != "edit_grid":
                assert step.done == by_key[step.key], (procedure.title, step)


def test_steps_are_numbered_in_order_and_every_procedure_has_some() -> None:
    for procedure in page():
        assert [step.number for step in procedure.steps] == list(range(1, len(procedure.steps) + 1))
        assert procedure.steps, procedure.title


def test_every_halt_there_is_has_its_meaning_on_the_page() -> None:
    reasons = next(each for each in page() if each.reasons).reasons
    assert {each.words for each in reasons} == {rule.value for rule in HaltRule}
    for rule in HaltRule:
        found = meaning_of(f"{rule.value}: and why" if rule else "an internal error: x", reasons)
        assert found is not None
        assert found.words == rule.value


def test_the_three_procedures_of_the_beginning_are_the_first_three() -> None:
    assert [each.title for each in page()[:3]] == [
        "Position drifts",
        "Fills are missing",
        "The grid collapses",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# no procedure at all", "has no procedure"),
        ("## A\n\n1. `H` a step without a title", "a step is"),
        ("## A <!-- whn: drift -->\n", "'whn: drift' is none of"),
        ("## A\n\n1. **B.** c <!-- value -->", "'value' is none of"),
        ("## A\n\n| a | b |\n|---|---|\n| c | d |", "three columns"),
    ],
)
def test_a_page_that_cannot_be_read_is_told_of_with_the_block(text: str, complaint: str) -> None:
    with pytest.raises(RunbookError, match=complaint):
        parsed(text)


def test_a_step_reads_its_key_title_text_and_names_across_lines() -> None:
    (procedure,) = parsed(
        "## T <!-- when: w; value: v -->\n\nSays\nthis.\n\n1. `H` **Do.** one\n   `two`. <!-- done: halt -->\n"
    )
    (step,) = procedure.steps
    assert (procedure.when, procedure.value, procedure.text) == ("w", "v", "Says this.")
    assert (step.key, step.title, step.text, step.done, step.value) == ("H", "Do", "one two.", "halt", "")


def test_the_page_that_is_shown_is_the_one_in_the_docs() -> None:
    assert page_path().name == "runbook.md"
    assert page() == parsed(page_path().read_text(encoding="utf-8"))


# -- what applies -----------------------------------------------------------------------------------------------------


def _alerted(alert_id: str, severity: Severity = Severity.CRIT) -> Snapshot:
    return snapshot(alerts=(AlertView(alert_id, severity, "SOMETHING", "", NOW_MS - 60_000),))


@pytest.mark.parametrize(
    ("shown", "title"),
    [
        (snapshot(), "Position drifts"),
        (drifting(), "Position drifts"),
        (_alerted("chain:BTC"), "Fills are missing"),
        (_alerted("fill_source", Severity.WARN), "Fills are missing"),
        (_alerted("grid:BTC", Severity.WARN), "The grid collapses"),
        (_alerted("ws_age"), "The exchange doesn't answer"),
        (_alerted("position_unread"), "The exchange doesn't answer"),
        (_alerted("requests"), "The exchange doesn't answer"),
        (_alerted("weight"), "The exchange doesn't answer"),
        (tripped(), "The exchange doesn't answer"),
        (_alerted("stop:BTC"), "Any other alert"),
        (halted(), "It has halted"),
        (snapshot(state=RunState.FLATTENING), "Get out"),
    ],
)
def test_what_applies_now_stands_first(shown: Snapshot, title: str) -> None:
    assert _first(shown) == title


def test_a_halt_for_drift_is_treated_as_a_drift_and_its_meaning_stands_under_the_halt() -> None:
    reason = "position drift 100.00 %: ledger 0.1, exchange 0"
    drift = DriftView(Decimal(0), NOW_MS, Decimal("0.1875"), 100.0)
    coin = coin_view(state=RunState.HALTED, halt_reason=reason, drift=drift)
    shown = snapshot(state=RunState.HALTED, coins=(coin,))
    titles = [each.title for each, severity in ordered(Look(shown, NOW_MS), page()) if severity]
    assert titles == ["Position drifts", "It has halted"]
    assert "✖ 10% reached: BTC halted" in _row(shown, "Position drifts", 4)
    rows = _texts(shown)
    assert rows[rows.index(" ▶ position drift") + 1].startswith(
        "    ledger and exchange differ by more than 10 %"
    )


def test_what_does_not_apply_is_one_row_a_step_until_all_is_explained() -> None:
    shown = snapshot()
    brief, full = _texts(shown), _texts(shown, explained=True)
    assert not any("Read the reason" in row and "not halted" not in row for row in brief)
    assert len(brief) == sum(2 + len(each.steps) for each in page())
    assert any("you don't know why" in row for row in full)
    assert not any("you don't know why" in row for row in brief)
    assert any("you don't know why" in row for row in _texts(drifting())), "it applies"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("shown", [None, snapshot(), drifting(), halted(), tripped()], ids=str)
def test_every_row_fits(width: int, shown: Snapshot | None) -> None:
    assert max(len(row) for row in _texts(shown, width, explained=True)) <= width


# -- live values ------------------------------------------------------------------------------------------------------


def test_the_steps_of_a_drift_show_both_sides_and_how_far_it_is() -> None:
    shown = drifting()
    assert any(
        row.endswith("✖ +0.0079 BTC, 4.20% [limit 1%, halts at 10%] ")
        for row in [plain(r.text) for r in runbook_rows(Look(shown, NOW_MS), page(), 120)]
    )
    assert "✖ fills say +0.1875, exchange +0.1796, 1.0s ago" in _row(shown, "Position drifts", 2)
    assert "▲ 2 in 5 min, last 14:02:56Z" in _row(shown, "Position drifts", 1)


def test_a_fill_since_the_last_look_reads_as_no_difference() -> None:
    """Beside a check mark two positions that differ would be taken for a drift, or the mark for a lie."""
    coin = snapshot().coins[0]
    filled = replace(snapshot(), coins=(replace(coin, position=coin.position + 1),))
    assert "✓ both said +0.1875, 2.0s ago" in _row(filled, "Position drifts", 2)


def test_a_step_that_was_done_since_the_trouble_began_has_its_time_and_its_outcome() -> None:
    done = CommandView(
        "1", "resync", CommandStatus.DONE, "resync done in 184 ms, BTC drift 0", NOW_MS - 3_000
    )
    before = replace(done, time_ms=NOW_MS - 60_000)
    failed = replace(done, status=CommandStatus.FAILED, text="resync failed: no answer")
    running = replace(done, status=CommandStatus.RUNNING, text="")
    for command, shown in (
        (done, "✓ 14:03:00Z resync done in 184 ms, BTC drift 0"),
        (before, "before, 14:02:03Z: resync done in 184 ms"),
        (failed, "▲ 14:03:00Z failed: resync failed: no answer"),
        (running, "… 14:03:00Z running"),
    ):
        assert shown in _row(replace(drifting(), commands=(before, command)), "Position drifts", 2)
    assert "14:0" not in _row(drifting(), "Position drifts", 2)


def test_while_a_trouble_stands_its_events_are_counted_from_its_beginning() -> None:
    old = replace(drifting().events[-1], time_ms=NOW_MS - 900_000)
    alert = replace(drifting().alerts[0], since_ms=NOW_MS - 899_000)
    stands = replace(drifting(), events=(old,), alerts=(alert,))
    assert "▲ 1 since 13:48:04Z, last 13:48:03Z" in _row(stands, "Position drifts", 1)
    assert "none in 5 min" in _row(replace(stands, alerts=()), "Position drifts", 1)
    told = replace(old, name="grid_compression_override")
    held = replace(coin_view().grid, compression="at the floor")
    collapsed = snapshot(events=(told,), coins=(coin_view(grid=held),))
    assert "▲ 1 kept, last 13:48:03Z" in _row(collapsed, "The grid collapses", 1)
    assert "none in 5 min" in _row(snapshot(events=(told,)), "The grid collapses", 1)


def test_where_accepting_has_lifted_the_halt_the_last_step_says_that_nothing_is_left_to_resume() -> None:
    accepted = CommandView(
        "1", "accept", CommandStatus.DONE, "adjusted; the halt for drift is lifted", NOW_MS - 3_000
    )
    shown = snapshot(commands=(accepted,))
    assert "✓ running, nothing to resume since A at 14:03:00Z" in _row(shown, "Position drifts", 6)
    assert "✖ halted" in _row(halted(commands=(accepted,)), "Position drifts", 6)


def test_a_refused_key_says_why_beside_its_step() -> None:
    assert "refused now: no drift to accept" in _row(snapshot(), "Position drifts", 5)
    assert "refused now" not in _row(drifting(), "Position drifts", 5)


def _fill(source: str) -> FillView:
    one = Decimal(1)
    return FillView(NOW_MS - 5_000, "BTC", "buy", one, one, one, "maker", source, 1)


def test_the_last_fills_tell_what_the_stream_does_now() -> None:
    late = snapshot(fills=(_fill("ws"), _fill("rest"), _fill("rest")))
    assert "▲ 1 of the last 3 ws, newest rest 5.0s ago" in _row(late, "Fills are missing", 1)
    live = snapshot(fills=(_fill("rest"), _fill("ws")))
    assert "✓ 1 of the last 2 ws, newest ws 5.0s ago" in _row(live, "Fills are missing", 1)


def test_a_ratio_below_the_limit_opens_the_procedure_only_while_fills_still_come_late() -> None:
    few = replace(coin_view().fills, from_ws=100, from_rest=318)
    late = snapshot(coins=(coin_view(fills=few),), fills=(_fill("rest"),))
    assert _first(late) == "Fills are missing"
    recovered = replace(late, fills=(_fill("ws"),))
    assert all(severity is None for _, severity in ordered(Look(recovered, NOW_MS), page()))


def test_an_open_breaker_is_named_with_its_reason_and_its_probe() -> None:
    assert "✖ place half_open: no answer from the exchange within 5 s +1" in _row(
        tripped(), "The exchange doesn't answer", 1
    )
    api = replace(
        tripped().api, breakers=(BreakerView("info", BreakerState.OPEN, "HTTP 502", cooldown_left_s=8.4),)
    )
    assert "✖ info open, probes in 8s: HTTP 502" in _row(snapshot(api=api), "The exchange doesn't answer", 1)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("shown", [None, snapshot(coins=()), snapshot(), drifting(), halted()], ids=str)
def test_every_value_is_total(name: str, shown: Snapshot | None) -> None:
    hints = (KeyHint("U", "Resume", "why not"),)
    assert VALUES[name](Look(shown, NOW_MS, hints=hints)).text


# -- the screen -------------------------------------------------------------------------------------------------------


async def test_the_runbook_scrolls_explains_and_shows_the_events_that_its_steps_name(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("8")
        await pilot.pause()
        assert isinstance(it.app.screen, RunbookScreen)
        assert " POSITION DRIFTS " in it.read("#runbook")
        await pilot.press("end")
        assert " ANY OTHER ALERT " in it.read("#runbook")
        await pilot.press("home", "enter")
        assert "either a fill is still missing" in it.read("#runbook")
        await pilot.press("enter")
        assert "either a fill is still missing" not in it.read("#runbook")
        await pilot.press("d")
        assert "filter: drift" in it.read("#events")
        await pilot.press("s")
        assert "filter: compression" in it.read("#events")


async def test_a_reader_who_has_scrolled_keeps_his_place_when_an_alert_comes(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        await pilot.press("8", "pagedown")
        await pilot.pause()
        top = it.read("#runbook").splitlines()[1]
        it.core.snapshot = drifting()
        it.app.tick()
        await pilot.pause()
        assert it.read("#runbook").splitlines()[1] == top
        await pilot.press("home")
        assert "═ POSITION DRIFTS ═" in it.read("#runbook")


async def test_the_first_look_at_a_screen_does_not_wait_for_the_next_tick(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test(size=(80, 24)) as pilot:
        for key in "2345678":
            await pilot.press(key)
            await pilot.pause()
            assert "RUNNING" in it.read("#status"), key
