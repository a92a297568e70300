from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from textual import events

from core.domain.commands import Action
from core.view import (
    BreakerState,
    BreakerView,
    ClosingView,
    CommandStatus,
    CommandView,
    FeedView,
    OrderShown,
    OrderView,
    Snapshot,
)
from gridbot_tui.screens.ask_dialog import AskDialog
from gridbot_tui.screens.cancel_all import CancelAllDialog
from gridbot_tui.screens.dashboard import DashboardScreen
from gridbot_tui.screens.flatten import FlattenDialog, turned
from gridbot_tui.screens.resume import ResumeDialog
from gridbot_tui.screens.typed_guard import OPEN_MS
from tests.tui.conftest import Console
from tests.tui.factory import coin_view, drifting, halted, snapshot

MakeConsole = Callable[[Snapshot | None], Console]


def with_position(size: str) -> Snapshot:
    return snapshot(coins=(coin_view(position=Decimal(size)),))


@pytest.mark.parametrize(
    ("armed", "now", "differs"),
    [
        ("1", "1.1", False),
        ("1", "99", False),
        ("1", "0", False),
        ("0", "0", False),
        ("0", "-0.1", True),
        ("0", "0.1", True),
        ("1", "-1", True),
        ("-1", "1", True),
        ("-1", "-5", False),
    ],
)
def test_only_another_side_is_another_position(armed: str, now: str, differs: bool) -> None:
    assert turned(Decimal(armed), Decimal(now)) is differs


async def test_flatten_states_steps_size_notional_network_account_and_its_keys(console: MakeConsole) -> None:
    it = console(snapshot(network="mainnet"))
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        text = " ".join(it.read("#dialog-box").replace("┃", " ").split())
        for part in (
            "FLATTEN BTC — LIVE MAINNET",
            "Account 0x71…e4 on LIVE MAINNET",
            "cancels 30 orders",
            "closes LONG +0.1875 BTC, about $12,044 at mid 64,233.1, reduce-only",
            "not past 63,911.8",
            "stays HALTED",
            "Type BTC and press enter",
            "enter flatten · esc cancel · closes in 20s",
        ):
            assert part in text
        assert it.app.screen.query_one("#dialog-box").size.width == 58


async def test_each_dialog_that_wants_a_word_has_room_for_how_long_it_stays_open(
    console: MakeConsole,
) -> None:
    for key, shown in (("A", drifting()), ("F", snapshot()), ("U", halted())):
        it = console(shown)
        async with it.app.run_test() as pilot:
            await pilot.press(key)
            assert "esc cancel · closes in 20s" in it.read("#dialog-box")


@pytest.mark.parametrize("coin", ["BTC", "xyz:TSLA"])
@pytest.mark.parametrize("case", [str.upper, str.lower])
async def test_the_coin_typed_in_any_case_without_its_dex_flattens_it(
    console: MakeConsole, coin: str, case: Callable[[str], str]
) -> None:
    it = console(snapshot(coins=(coin_view(coin=coin),)))
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press(*case(coin.rpartition(":")[2]), "enter")
        assert it.core.submitted == [(Action.FLATTEN, coin)]
        assert isinstance(it.app.screen, DashboardScreen)
        assert it.toasts() == [f"F Flatten {coin}: sent"]


async def test_enter_alone_and_a_wrong_coin_send_nothing_and_the_dialog_stays(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press("enter")
        assert "that is not BTC" in it.read("#dialog-box")
        await pilot.press("E", "T", "H", "enter")
        assert isinstance(it.app.screen, FlattenDialog)
        assert it.app.screen.guard.text == ""
        assert it.core.submitted == []


async def test_keys_typed_ahead_are_not_an_answer(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F", "B", "T", "C", "enter")
        assert isinstance(it.app.screen, FlattenDialog)
        assert it.app.screen.guard.text == ""
        assert it.core.submitted == []


async def test_three_fast_presses_of_flatten_open_one_dialog_and_type_nothing(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F", "F", "F")
        assert len(it.app.screen_stack) == 2
        assert isinstance(it.app.screen, FlattenDialog)
        assert it.app.screen.guard.text == ""


async def test_a_paste_is_swallowed(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        it.app.post_message(events.Paste("BTC\n"))
        await pilot.pause()
        assert isinstance(it.app.screen, FlattenDialog)
        assert it.app.screen.guard.text == ""
        assert "a paste is not taken" in it.read("#dialog-box")
        await pilot.press("enter")
        assert it.core.submitted == []


async def test_escape_leaves_at_once_and_sends_nothing(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F", "escape")
        assert isinstance(it.app.screen, DashboardScreen)
        assert it.core.submitted == []
        assert it.toasts() == []


async def test_ctrl_x_halts_through_the_dialog_and_a_capital_h_types_into_it(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press("H", "R")
        assert it.core.submitted == []
        assert isinstance(it.app.screen, FlattenDialog)
        assert it.app.screen.guard.text == "HR"
        await pilot.press("ctrl+x")
        assert it.core.submitted == [(Action.HALT, "")]
        assert isinstance(it.app.screen, FlattenDialog)
        assert "H Halt: sent" in it.read("ToastBox")


@pytest.mark.parametrize(
    ("opener", "says"), [("question_mark", "ctrl+x halts"), ("Q", "Nothing is done yet")]
)
async def test_a_key_that_does_nothing_in_a_dialog_is_not_silent(
    console: MakeConsole, opener: str, says: str
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press(opener)
        it.clock.advance(0.5)
        await pilot.press("R")
        await pilot.pause()
        assert says in " ".join(it.toasts())
        assert it.core.submitted == []


@pytest.mark.parametrize(("opener", "presses"), [("question_mark", 1), ("Q", 1), ("ctrl+p", 2), ("slash", 2)])
async def test_ctrl_x_halts_from_every_other_screen_and_where_text_is_typed_at_the_second_press(
    console: MakeConsole, opener: str, presses: int
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("5", opener)
        await pilot.pause()
        assert len(it.app.screen_stack) == 2
        for _ in range(presses):
            assert it.core.submitted == []
            await pilot.press("ctrl+x")
        assert it.core.submitted == [(Action.HALT, "")]


async def test_it_closes_itself_after_20_seconds_and_says_so(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press("B", "T", "C")
        it.clock.advance(19.5)
        it.app.tick()
        assert isinstance(it.app.screen, FlattenDialog)
        it.clock.advance(0.1)
        it.app.tick()
        await pilot.pause()
        assert isinstance(it.app.screen, DashboardScreen)
        assert it.toasts() == ["The dialog closed by itself, nothing was sent"]
        assert it.core.submitted == []


async def test_enter_after_the_time_is_up_sends_nothing(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press("B", "T", "C")
        it.clock.advance(3600)
        await pilot.press("enter")
        assert it.core.submitted == []


@pytest.mark.parametrize("size", ["-0.1", "-0.5"])
async def test_it_asks_again_when_the_position_is_no_longer_the_one_on_the_screen(
    console: MakeConsole, size: str
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press("B", "T", "C")
        it.core.snapshot = with_position(size)
        await pilot.press("enter")
        assert it.core.submitted == []
        assert isinstance(it.app.screen, FlattenDialog)
        assert it.app.screen.guard.text == ""
        assert "the position changed from +0.1875" in it.read("#dialog-box")
        it.clock.advance(0.4)
        await pilot.press("B", "T", "C", "enter")
        assert it.core.submitted == [(Action.FLATTEN, "BTC")]


async def test_a_position_that_moved_a_little_is_shown_live_and_keeps_what_was_typed(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        await pilot.press("B", "T", "C")
        it.core.snapshot = with_position("0.2")
        it.app.tick()
        assert "LONG +0.2 BTC" in it.read("#dialog-box")
        await pilot.press("enter")
        assert it.core.submitted == [(Action.FLATTEN, "BTC")]


async def test_flatten_of_a_flat_coin_says_that_nothing_is_closed(console: MakeConsole) -> None:
    it = console(with_position("0"))
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        assert "3 closes nothing: BTC is flat" in it.read("#dialog-box")


async def test_old_numbers_in_the_dialog_say_how_old_they_are(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        it.clock.advance(27)
        await pilot.press("F")
        assert "these numbers are 27s old" in it.read("#dialog-box")


async def test_the_dialog_fits_the_smallest_terminal(console: MakeConsole) -> None:
    it = console(snapshot(network="mainnet"))
    async with it.app.run_test(size=(60, 15)) as pilot:
        await pilot.press("F")
        await pilot.pause()
        box = it.app.screen.query_one("#dialog-box")
        assert it.app.screen.region.contains_region(box.region)
        assert "Type BTC and press enter" in it.read("#dialog-box")
        assert it.read("#dialog-box").splitlines()[-1].startswith("┗")


async def test_resume_wants_the_word_and_shows_why_it_halted(console: MakeConsole) -> None:
    it = console(halted())
    async with it.app.run_test() as pilot:
        await pilot.press("U")
        text = it.read("#dialog-box")
        assert "Halted because: an operator asked" in text
        assert "BTC: LONG +0.1875 BTC, mid 64,233.1" in text
        it.clock.advance(0.4)
        await pilot.press(*"resume", "enter")
        assert it.core.submitted == [(Action.RESUME, "")]


async def test_resume_asks_again_when_it_halted_for_something_else_meanwhile(console: MakeConsole) -> None:
    it = console(halted())
    async with it.app.run_test() as pilot:
        await pilot.press("U")
        it.clock.advance(0.4)
        await pilot.press(*"resume")
        it.core.snapshot = replace(halted(), halt_reason="a liquidation")
        await pilot.press("enter")
        assert it.core.submitted == []
        assert "halted by now for a liquidation" in it.read("#dialog-box")
        it.clock.advance(0.4)
        await pilot.press(*"resume", "enter")
        assert it.core.submitted == [(Action.RESUME, "")]


async def test_resume_says_of_each_coin_why_it_halted_for_it_lifts_every_halt(console: MakeConsole) -> None:
    """Looked at was the one that an operator halted; the other's stop-loss was lifted unread."""
    (first,) = halted().coins
    second = replace(first, coin="ETH", halt_reason="a stop-loss")
    it = console(replace(halted(), halt_reason="", coins=(first, second)))
    async with it.app.run_test(size=(60, 20)) as pilot:
        await pilot.press("U")
        text = " ".join(it.read("#dialog-box").replace("┃", " ").split())
        for part in (
            "halted because: an operator asked",
            "ETH: LONG",
            "halted because: a stop-loss",
            "Every one of them",
        ):
            assert part in text
        it.clock.advance(0.4)
        await pilot.press(*"resume")
        it.core.snapshot = replace(halted(), coins=(first, replace(second, halt_reason="a liquidation")))
        await pilot.press("enter")
        assert it.core.submitted == []


async def test_resume_is_refused_if_the_feed_went_down_while_it_was_typed(console: MakeConsole) -> None:
    it = console(halted())
    async with it.app.run_test() as pilot:
        await pilot.press("U")
        it.clock.advance(0.4)
        await pilot.press(*"RESUME")
        it.core.snapshot = replace(halted(), feed=FeedView())
        await pilot.press("enter")
        assert it.core.submitted == []
        assert it.toasts() == ["U Resume refused: the market feed is down or stale: W reconnect first"]


async def test_resume_takes_no_paste_and_times_out_too(console: MakeConsole) -> None:
    it = console(halted())
    async with it.app.run_test() as pilot:
        await pilot.press("U")
        it.clock.advance(0.4)
        it.app.post_message(events.Paste("RESUME"))
        await pilot.pause()
        assert isinstance(it.app.screen, ResumeDialog)
        assert it.app.screen.guard.text == ""
        it.clock.advance(20)
        it.app.tick()
        await pilot.pause()
        assert isinstance(it.app.screen, DashboardScreen)


# -- the other ways out ----------------------------------------------------------------------------------------------


async def test_all_typed_in_place_of_the_coin_flattens_every_coin(console: MakeConsole) -> None:
    it = console(snapshot(coins=(coin_view(), coin_view(coin="xyz:TSLA"))))
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        it.clock.advance(0.4)
        assert "ALL instead flattens BTC, xyz:TSLA" in it.read("#dialog-box")
        await pilot.press("a", "l", "l", "enter")
        assert it.core.submitted == [(Action.FLATTEN, "")]
        assert it.core.values == ["all"]


async def test_the_book_is_read_while_the_dialog_is_open_and_what_it_holds_is_said(
    console: MakeConsole,
) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("F")
        assert it.core.looked == [(Action.FLATTEN_PREVIEW, "BTC")]
        first = " ".join(it.read("#dialog-box").replace("┃", " ").split())
        assert "the book is being read" in first
        closing = ClosingView(Decimal("63911.8"), Decimal("0.05"), it.clock())
        it.core.snapshot = snapshot(coins=(coin_view(closing=closing),))
        it.clock.advance(3.1)
        it.app.tick()
        text = " ".join(it.read("#dialog-box").replace("┃", " ").split())
        assert "book: 0.05 BTC within 0.50 %, not past 63,911.8" in text
        assert "the rest in parts" in text
        assert len(it.core.looked) == 2


async def test_cancel_all_lists_what_rests_before_y_takes_it(console: MakeConsole) -> None:
    it = console(snapshot())
    async with it.app.run_test() as pilot:
        await pilot.press("O")
        it.clock.advance(0.5)
        await pilot.press("y")
        assert it.core.submitted == [], "not before the list is known"
        assert "wait for the list" in it.read("#dialog-box")
        told = "this halts:\nBTC: 6 ours, 2 foreign, 1 of them triggers\nDOGE (not traded here): 1 foreign"
        listed = CommandView("look-1", "cancel_all_preview", CommandStatus.DONE, told, 0)
        it.core.snapshot = snapshot(commands=(listed,))
        it.app.tick()
        text = " ".join(it.read("#dialog-box").replace("┃", " ").split())
        assert "BTC: 6 ours, 2 foreign, 1 of them triggers" in text
        assert "DOGE (not traded here): 1 foreign" in text
        await pilot.press("y")
        assert it.core.submitted == [(Action.CANCEL_ALL, "")]


async def test_a_phones_capital_y_is_a_y_and_any_other_key_says_that_nothing_is_done(
    console: MakeConsole,
) -> None:
    listed = CommandView("look-1", "cancel_all_preview", CommandStatus.DONE, "this halts:\nBTC: 6 ours", 0)
    it = console(snapshot(commands=(listed,)))
    async with it.app.run_test() as pilot:
        await pilot.press("O", "y")
        assert "before this could be read" in it.read("#dialog-box")
        it.clock.advance(0.5)
        await pilot.press("enter")
        assert "nothing is done yet: y is halt and cancel all" in it.read("#dialog-box")
        await pilot.press("N")
        assert not isinstance(it.app.screen, CancelAllDialog)
        await pilot.press("O")
        it.clock.advance(0.5)
        assert it.core.submitted == []
        it.core.snapshot = snapshot(commands=(replace(listed, id="look-2"),))
        await pilot.press("Y")
        assert it.core.submitted == [(Action.CANCEL_ALL, "")]


@pytest.mark.parametrize(("key", "place"), [("O", "1"), ("C", "2"), ("B", "1")])
async def test_a_question_that_nobody_answers_closes_by_itself_and_a_late_y_acts_nothing(
    console: MakeConsole, key: str, place: str
) -> None:
    told = CommandView("look-1", "cancel_all_preview", CommandStatus.DONE, "this halts:\nBTC: 6 ours", 0)
    opened = BreakerView("place", BreakerState.OPEN, "3 failures")
    price, size = Decimal(64_000), Decimal("0.1")
    order = OrderView("BTC", "0x1", 7, "buy", price, size, Decimal(0), OrderShown.OPEN, 0, "buy 1", "grid")
    shown = replace(snapshot(commands=(told,)), orders=(order,))
    it = console(replace(shown, api=replace(shown.api, breakers=(opened,))))
    async with it.app.run_test() as pilot:
        await pilot.press(place, key)
        assert isinstance(it.app.screen, AskDialog)
        assert "closes in 20s" in it.read("#dialog-box")
        it.clock.advance(OPEN_MS / 1000 - 1)
        it.app.tick()
        assert "closes in 1s" in it.read("#dialog-box")
        it.clock.advance(1)
        it.app.tick()
        await pilot.pause()
        assert not isinstance(it.app.screen, AskDialog)
        assert it.toasts() == ["The dialog closed by itself, nothing was sent"]
        await pilot.press("y")
        assert it.core.submitted == []


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_the_dialogs_fit_a_phone(console: MakeConsole, size: tuple[int, int]) -> None:
    it = console(snapshot(coins=(coin_view(), coin_view(coin="xyz:TSLA"))))
    async with it.app.run_test(size=size) as pilot:
        for key, foot in (("F", "enter flatten"), ("O", "esc cancel")):
            await pilot.press(key)
            box = it.read("#dialog-box").splitlines()
            assert len(box) <= size[1]
            assert foot in box[-1]
            await pilot.press("escape")


@pytest.mark.parametrize(
    ("becomes", "is_asked_again"),
    [("-0.1", True), ("0.3", True), ("0.15", False), ("0.05", False), ("0", False)],
)
async def test_an_adjustment_that_became_another_is_typed_for_anew(
    console: MakeConsole, becomes: str, is_asked_again: bool
) -> None:
    def drifting_by(amount: str) -> Snapshot:
        coin = coin_view()
        return snapshot(coins=(replace(coin, drift=replace(coin.drift, amount=Decimal(amount))),))

    it = console(drifting_by("0.1"))
    async with it.app.run_test() as pilot:
        await pilot.press("A")
        it.clock.advance(0.4)
        await pilot.press(*"ACCEPT")
        it.core.snapshot = drifting_by(becomes)
        await pilot.press("enter")
        assert it.core.submitted == ([] if is_asked_again else [(Action.ACCEPT, "")])
        if is_asked_again:
            assert "the drift of BTC changed from +0.1" in " ".join(it.read("#dialog-box").split())
