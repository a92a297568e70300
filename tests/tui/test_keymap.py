from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from core.domain.commands import Action
from core.view import ApiView, BreakerState, BreakerView, DriftView, FeedView, RunState
from gridbot_tui import keymap
from gridbot_tui.keymap import ACTIONS, BY_ID, Danger
from gridbot_tui.screens.help import help_lines
from tests.tui.factory import NOW_MS, coin_view, halted, snapshot
from widgets.ink import plain
from widgets.look import Look


def test_no_two_actions_share_a_key_or_differ_by_case_alone() -> None:
    keys = Counter(key.casefold() for action in ACTIONS for key in (*action.keys, *action.priority_keys))
    assert [key for key, count in keys.items() if count > 1] == []


def test_lowercase_looks_and_uppercase_acts() -> None:
    for action in ACTIONS:
        for key in action.keys:
            if len(key) == 1 and key.isalpha():
                assert key.isupper() == (action.danger is not Danger.LOOK), action.id


def test_no_printable_key_has_priority_over_what_is_typed() -> None:
    for action in ACTIONS:
        for key in action.priority_keys:
            assert key.startswith("ctrl+")


def test_the_keys_of_tmux_and_flow_control_stay_free() -> None:
    taken = {key for action in ACTIONS for key in (*action.keys, *action.priority_keys)}
    assert not taken & {"ctrl+a", "ctrl+b", "ctrl+s", "ctrl+z", "q", "k", "space"}


def test_every_command_of_the_core_has_a_key() -> None:
    looks_only = {
        "reconcile",
        "unpark",
        "cancel_all_preview",
        "flatten_preview",
    }  # R settles and A accepts; what it adds is a sentence for scripts
    with_an_amount = {
        a.value for a in Action if a.value.startswith(("margin_", "set_"))
    }  # typed on the command line
    assert {str(action) for action in Action} - looks_only - with_an_amount - {
        "attach",
        "detach",
        "stop",
        "rotate_key",  # of a command that holds the new key
    } <= set(BY_ID)


def test_every_binding_carries_an_id_and_a_tooltip() -> None:
    for scope in keymap.Scope:
        made = keymap.bindings(scope)
        assert all(binding.id and binding.tooltip for binding in made)
        assert len({binding.id for binding in made}) == len(made)


@pytest.mark.parametrize("width", [56, 76, 96])
@pytest.mark.parametrize("place", [*keymap.PLACES, keymap.Scope.PREVIEW])
def test_the_help_names_every_action_once_on_every_screen_and_fits(place: keymap.Scope, width: int) -> None:
    rows = [plain(each) for each in help_lines(Look(snapshot(), NOW_MS), width, place)]
    for action in ACTIONS:
        found = [row for row in rows if row.startswith(f"{action.key} ") and f" {action.title} " in row]
        assert len(found) == 1, action.id
    assert max(map(len, rows)) <= width
    text = " ".join(" ".join(rows).split())
    assert "Resume refused: nothing is halted" in text


@pytest.mark.parametrize("action_id", ["resync", "reconnect", "poll", "flatten", "resume"])
def test_before_the_first_report_nothing_but_halt_is_sent(action_id: str) -> None:
    assert BY_ID[action_id].disabled_reason(None) == "the engine has not reported yet"
    assert BY_ID["halt"].disabled_reason(None) is None


@pytest.mark.parametrize("action_id", ["halt", "resync", "reconnect", "poll", "flatten", "resume"])
def test_a_dead_engine_takes_no_command_and_the_reason_says_what_to_do(action_id: str) -> None:
    reason = BY_ID[action_id].disabled_reason(snapshot(state=RunState.DEAD))
    assert reason == "the engine has ended: start it again, it settles what rests"


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.DEAD])
def test_the_way_out_is_open_in_every_state(state: RunState) -> None:
    assert BY_ID["halt"].disabled_reason(snapshot(state=state)) is None
    assert BY_ID["flatten"].disabled_reason(snapshot(state=state)) is None


def test_resume_is_refused_with_the_reason_while_one_holds() -> None:
    resume = BY_ID["resume"].disabled_reason
    coin = halted().coins[0]
    drifting = replace(halted(), coins=(replace(coin, drift=DriftView(coin.position, NOW_MS, pct=4.2)),))
    stale = halted(feed=FeedView(connected=True, ready=True, last_message_ms=NOW_MS - 30_000))
    assert resume(halted()) is None
    assert resume(snapshot()) == "nothing is halted"
    assert resume(drifting) == "BTC drifts 4.20% (limit 1%): R resync first, A accepts what stays"
    assert resume(stale) == "the market feed is down or stale: W reconnect first"
    assert resume(halted(feed=FeedView())) == "the market feed is down or stale: W reconnect first"
    assert resume(halted(api=ApiView(breaker_open=True, breaker_reason="5 errors"))) == (
        "the circuit breaker is open: 5 errors"
    )
    auth = ApiView(breaker_open=True, breakers=(BreakerView("auth", BreakerState.OPEN), BreakerView("place")))
    assert resume(halted(api=auth)) is None, "resuming is what probes it"


def test_one_halted_coin_of_two_can_be_resumed() -> None:
    both = snapshot(coins=(coin_view(), coin_view(coin="ETH", state=RunState.HALTED)))
    assert BY_ID["resume"].disabled_reason(both) is None
