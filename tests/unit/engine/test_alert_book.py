"""Alerts don't flap, and one that is known rings again only when it comes anew or gets worse."""

from __future__ import annotations

from core.domain.commands import Action
from core.engine.alert_book import SNOOZE_MS, AlertBook, Limit
from core.engine.alerts import alerts_of
from core.view import Severity
from tests.unit.engine.builders import Bench, at


def test_a_value_that_swings_around_its_limit_passes_it_once() -> None:
    limit, seen = Limit(), []
    for turn in range(100):
        seen.append(limit.look(1.05 if turn % 2 else 0.95, at(200 * turn)))
    assert (seen[0], all(seen[1:])) == (False, True)


def test_it_ends_only_after_two_looks_below_four_fifths_of_the_limit_that_are_apart() -> None:
    limit = Limit()
    assert limit.look(1.01, at(0))
    assert limit.look(0.81, at(200))
    assert limit.look(0.79, at(400)), "one look"
    assert limit.look(0.79, at(450)), "the same look, as good as"
    assert limit.look(0.9, at(600)), "back in between: it begins anew"
    assert limit.look(0.79, at(800))
    assert not limit.look(0.79, at(1_000))
    assert not limit.look(1.0, at(1_200)), "at the limit is not past it"
    assert limit.look(1.1, at(1_400))
    assert not limit.look(0.1, at(1_410)), "what is over is over at once"


def test_a_known_alert_rings_again_when_it_gets_worse_when_it_comes_anew_and_after_a_quarter_of_an_hour() -> (
    None
):
    book = AlertBook()
    book.saw("drift", Severity.WARN, at(0))
    assert book.acknowledge(at(10)) == ["drift"]
    until = at(10).wall_ms + SNOOZE_MS
    assert book.saw("drift", Severity.WARN, at(100)).snoozed_until_ms == until
    assert book.saw("drift", Severity.CRIT, at(200)).snoozed_until_ms == 0, "it got worse"
    book.acknowledge(at(300))
    assert book.saw("drift", Severity.CRIT, at(300 + SNOOZE_MS)).snoozed_until_ms == 0, "time is up"
    book.acknowledge(at(400 + SNOOZE_MS))
    book.forget_others(set(), at(5_000 + SNOOZE_MS))
    assert book.saw("drift", Severity.CRIT, at(5_100 + SNOOZE_MS)).snoozed_until_ms == 0, "it came anew"


def test_one_that_was_away_for_a_moment_is_the_same_one() -> None:
    book = AlertBook()
    since = book.saw("breaker", Severity.CRIT, at(0)).since_ms
    book.acknowledge(at(100))
    book.forget_others(set(), at(1_500))
    back = book.saw("breaker", Severity.CRIT, at(1_600))
    assert (back.since_ms, back.snoozed_until_ms) == (since, at(100).wall_ms + SNOOZE_MS)


def test_the_operators_key_snoozes_what_holds_now_and_is_logged() -> None:
    bench = Bench().started()
    bench.ask(Action.ACKNOWLEDGE, id_="early")
    assert bench.outcome("early") == ("refused", "no alert holds now")
    bench.engine.halted = "drawdown of 13 %"
    (alert,) = alerts_of(bench.engine, bench.now)
    assert alert.snoozed_until_ms == 0
    bench.ask(Action.ACKNOWLEDGE)
    assert bench.outcome() == ("done", "known for 15 minutes: halt")
    (alert,) = alerts_of(bench.engine, bench.now)
    assert alert.snoozed_until_ms == bench.now.wall_ms + SNOOZE_MS


def test_the_age_of_the_data_at_its_limit_makes_one_alert() -> None:
    bench = Bench().started()
    limit_ms, seen = bench.engine.feed_age.stale_ms, []
    for turn in range(40):
        bench.ms += 200
        bench.engine.feed.last_message_ms = bench.now.wall_ms - limit_ms + (-500 if turn % 2 else 500)
        seen.append(any(a.id == "ws_age" for a in alerts_of(bench.engine, bench.now)))
    assert (seen[0], all(seen[1:])) == (False, True)
