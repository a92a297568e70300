from __future__ import annotations

from dataclasses import replace

import pytest

from core.view import AlertView, FeedView, RunState, Severity
from gridbot_tui import keymap
from tests.tui.factory import NOW_MS, coin_view, drifting, halted, snapshot
from widgets.event_rows import event_lines, matching
from widgets.ink import Ink, plain, width_of
from widgets.look import EventFilter, Look
from widgets.panel_rows import grid_fields
from widgets.status_rows import alert_lines, footer_line, status_line, too_small_lines


def shown_alert(look: Look, width: int) -> str:
    return "\n".join(plain(row) for row in alert_lines(look, width))


def status(look: Look, width: int = 120) -> str:
    return plain(status_line(look, width))


def feed(**changes: object) -> FeedView:
    return replace(snapshot().feed, **changes)  # type: ignore[arg-type]


def test_the_status_line_reads_network_coin_connection_state_account_and_clock() -> None:
    words = status(Look(snapshot(), NOW_MS), 80).split("  ")
    assert [word.strip() for word in words if word.strip()] == [
        "PAPER",
        "BTC",
        "● CONN 0.4s",
        "▶ RUNNING",
        "0x71…e4",
        "14:03:03Z",
    ]


@pytest.mark.parametrize(
    ("network", "words", "ink"),
    [
        ("paper", " PAPER ", Ink.BADGE_PAPER),
        ("testnet", " TESTNET ", Ink.BADGE_TESTNET),
        ("mainnet", " LIVE MAINNET ", Ink.BADGE_LIVE),
    ],
)
def test_the_badge_names_the_network_in_words(network: str, words: str, ink: Ink) -> None:
    first = status_line(Look(snapshot(network=network), NOW_MS), 80)[0]
    assert (first.text, first.ink) == (words, ink)


def test_a_market_in_a_hurry_says_its_speed() -> None:
    assert status(Look(snapshot(market_speed=60.0), NOW_MS)).startswith(" PAPER 60× ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "● CONN 0.4s"),
        ({"last_message_ms": NOW_MS - 12_000}, "▲ CONN 12s"),
        ({"last_message_ms": NOW_MS - 27_000}, "✖ STALE 27s"),
        ({"connected": False}, "▲ RECONN #3"),
        ({"connected": False, "last_message_ms": NOW_MS - 27_000}, "✖ STALE 27s"),
        ({"ready": False}, "▲ SYNC 0.4s"),
        ({"connected": False, "last_message_ms": 0}, "▲ CONNECTING"),
    ],
)
def test_the_connection_is_a_glyph_a_word_and_an_age(changes: dict[str, object], words: str) -> None:
    assert words in status(Look(snapshot(feed=feed(**changes)), NOW_MS))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RunState.STARTING, "… STARTING"),
        (RunState.RUNNING, "▶ RUNNING"),
        (RunState.FLATTENING, "▼ FLATTENING"),
        (RunState.STOPPING, "… STOPPING"),
        (RunState.DEAD, "✖ ENGINE DEAD"),
    ],
)
def test_the_run_state_is_a_glyph_and_a_word(state: RunState, words: str) -> None:
    assert words in status(Look(snapshot(state=state), NOW_MS))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_halt_with_a_position_says_what_is_open_at_every_width(width: int) -> None:
    text = status(Look(halted(network="mainnet"), NOW_MS), width)
    assert "■ HALTED, POSITION OPEN +0.1875 BTC" in text
    assert "LIVE MAINNET" in text
    assert len(text) == width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_flatten_whose_cancels_are_not_answered_says_what_still_rests(width: int) -> None:
    coin = replace(halted().coins[0], state=RunState.FLATTENING, grid=coin_view().grid)
    look = Look(replace(halted(network="mainnet"), state=RunState.FLATTENING, coins=(coin,)), NOW_MS)
    assert "▼ FLATTENING, 30 ORDERS REST" in status(look, width)
    (orders,) = [each for each in grid_fields(look) if each.label == "Orders"]
    assert orders.severity is Severity.CRIT


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_halt_whose_cancels_are_not_answered_says_what_still_rests(width: int) -> None:
    held = replace(halted().coins[0], grid=coin_view().grid)
    text = status(Look(replace(halted(network="mainnet"), coins=(held,)), NOW_MS), width)
    assert "■ HALTED, OPEN +0.1875 BTC, 30 ORDERS REST" in text
    flat = replace(held, position=held.worst_short)
    assert "■ HALTED, 30 ORDERS REST" in status(Look(replace(halted(), coins=(flat,)), NOW_MS), width)


def test_a_flat_halt_is_just_a_halt() -> None:
    flat = replace(halted(), coins=(replace(halted().coins[0], position=coin_view().worst_short),))
    assert "POSITION OPEN" not in status(Look(flat, NOW_MS))


def test_a_halt_looked_at_from_a_flat_coin_names_the_coins_that_are_open() -> None:
    btc = replace(halted().coins[0], position=coin_view().worst_short)
    both = replace(halted(), coins=(btc, replace(halted().coins[0], coin="xyz:TSLA")))
    assert "■ HALTED, POSITION OPEN in TSLA" in status(Look(both, NOW_MS))


def test_a_core_that_stopped_publishing_is_not_shown_as_running() -> None:
    look = Look(snapshot(), NOW_MS + 27_000)
    assert "✖ ENGINE SILENT 27s" in status(look)
    assert "✖ STALE 27s" in status(look)
    alert = shown_alert(look, 80)
    assert alert.startswith(" ✖ ENGINE SILENT 27s; its orders may fill, no key may reach it")
    assert "kill it, start it again" in " ".join(alert.split()), "what ends it is said, for no key does"


def test_an_ended_core_is_dead_whatever_it_said_last() -> None:
    look = Look(snapshot(), NOW_MS, ended=True, hints=keymap.hints(None))
    assert "✖ ENGINE DEAD" in status(look)
    assert "orders may still rest  press Q quit" in shown_alert(look, 80)


def test_several_coins_are_counted() -> None:
    look = Look(snapshot(coins=(coin_view(), coin_view(coin="ETH"))), NOW_MS, coin_index=1)
    assert "ETH 2/2" in status(look)


def test_without_an_alert_there_is_no_alert_line() -> None:
    assert alert_lines(Look(snapshot(), NOW_MS), 80) == []


def test_the_alert_line_shows_the_worst_the_key_that_treats_it_and_how_many_more() -> None:
    look = Look(drifting(), NOW_MS, hints=keymap.hints(drifting()))
    assert shown_alert(look, 80) == " ✖ POSITION DRIFT 4.20% > 1%  press R resync  ! known  +1 more"


def test_a_long_alert_gives_way_to_its_key() -> None:
    alert = AlertView("x", Severity.WARN, "a" * 300, "W", NOW_MS)
    rows = alert_lines(Look(snapshot(alerts=(alert,)), NOW_MS, hints=keymap.hints(None)), 60)
    assert plain(rows[-1]).endswith(" press W reconnect")
    assert "…" in "".join(map(plain, rows))
    assert len(rows) == 3
    assert all(width_of(row) <= 60 for row in rows)


@pytest.mark.parametrize("width", range(60, 81))
def test_the_keys_of_an_emergency_are_there_at_every_width(width: int) -> None:
    text = plain(footer_line(Look(snapshot(), NOW_MS, hints=keymap.hints(snapshot())), width))
    keys = [word for word in text.split() if len(word) == 1]
    assert {"H", "F", "R", "W", "P", "?"} <= set(keys)
    assert not {"U", "A"} & set(keys), "nothing to resume, nothing to accept"
    assert len(text) == width


@pytest.mark.parametrize("width", range(60, 81))
def test_resume_and_accept_are_there_when_they_matter(width: int) -> None:
    looks_halted = halted()
    look = Look(looks_halted, NOW_MS, hints=keymap.hints(looks_halted))
    assert " U Resume" in plain(footer_line(look, width))
    coin = replace(looks_halted.coins[0], chain_broken=True)
    both = replace(looks_halted, coins=(coin,))
    text = plain(footer_line(Look(both, NOW_MS, hints=keymap.hints(both)), width))
    assert all(f" {key} " in text for key in "HFRWPUA?")
    assert "…" not in text


def test_refused_keys_are_dimmed() -> None:
    look = Look(None, NOW_MS, hints=keymap.hints(None))
    made = footer_line(look, 80)
    assert "F Flatten" in [span.text.strip() for span in made if span.ink is Ink.DIM]


def test_too_small_says_how_small_and_that_trading_goes_on() -> None:
    rows = too_small_lines(50, 12)
    assert " ".join(map(plain, rows)) == "GridBot needs 60x15, this terminal is 50x12; trading goes on"
    assert all(width_of(each) <= 50 for each in rows)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (EventFilter.DRIFT, ["resync_ok", "position_drift_detected"]),
        (EventFilter.COMPRESSION, ["grid_compression_override"]),
        (EventFilter.FILLS, ["fill"]),
    ],
)
def test_event_filters_go_by_name(wanted: EventFilter, names: list[str]) -> None:
    assert [event.name for event in matching(snapshot().events, wanted)] == names


def test_the_event_tail_shows_the_newest_last_and_how_many_match() -> None:
    rows = [plain(each) for each in event_lines(Look(snapshot(), NOW_MS), 80, 4)]
    assert "filter: all  [d]rift [s]pacing fi[l]l [x] all" in rows[0]
    assert rows[0].endswith(" 6/6 ─")
    assert [each.split()[1] for each in rows[1:]] == ["info", "info", "✖"]
    assert len(event_lines(Look(snapshot(), NOW_MS), 80, 12)) == 7


def test_an_empty_event_tail_says_so() -> None:
    assert "nothing yet" in plain(event_lines(Look(snapshot(events=()), NOW_MS), 80, 4)[1])


def test_the_screens_own_alerts_stand_before_the_cores() -> None:
    look = Look(drifting(), NOW_MS, ended=True, fault="it broke")
    assert [alert.id for alert in look.alerts] == [
        "screen_fault",
        "engine_dead",
        "drift:BTC",
        "api_errors",
    ]
