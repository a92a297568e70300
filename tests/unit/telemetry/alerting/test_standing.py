"""Standing alerts as messages: told when they come, worsen and end; each id for itself, and none too often."""

from __future__ import annotations

from core.telemetry.alerting.message import Message
from core.telemetry.alerting.standing import APART_MS, REMIND_MS, STANDS_MS, StandingAlerts, sentence
from core.view import AlertView, Severity

T0 = 1_767_276_183_000


def crit(id_: str = "stop:BTC", text: str = "NO STOP RESTS FOR BTC", snoozed_until_ms: int = 0) -> AlertView:
    return AlertView(id_, Severity.CRIT, text, "F", T0, "tried again by itself", snoozed_until_ms)


def warn(id_: str = "drift:BTC", text: str = "POSITION DRIFT 0.001 BTC") -> AlertView:
    return AlertView(id_, Severity.WARN, text, "R", T0, "A accepts what stays")


class Course:
    """Looks at times that a test names, in milliseconds from its beginning."""

    def __init__(self) -> None:
        self.standing = StandingAlerts()

    def at(self, ms: int, *alerts: AlertView) -> list[Message]:
        return self.standing.look(alerts, ms, T0 + ms)


def test_a_critical_alert_is_told_at_once_and_once_with_what_to_do() -> None:
    course = Course()
    (told,) = course.at(0, crit())
    assert told.severity is Severity.CRIT
    assert told.text == "NO STOP RESTS FOR BTC. `gridbot flatten` (key F); tried again by itself."
    assert [course.at(ms, crit()) for ms in range(500, 20_000, 500)] == [[]] * 39


def test_a_warning_is_told_once_it_has_stood_for_a_while_and_one_that_passes_by_to_nobody() -> None:
    course = Course()
    assert course.at(0, warn()) == []
    assert course.at(STANDS_MS - 500, warn()) == []
    assert course.at(STANDS_MS, warn())[0].text.startswith(
        "POSITION DRIFT 0.001 BTC. `gridbot resync` (key R)"
    )
    other = Course()
    assert [other.at(0, warn()), other.at(5_000), other.at(20_000, warn()), other.at(25_000)] == [[]] * 4


def test_one_that_is_over_is_told_so_and_never_before_it_has_been_told_itself() -> None:
    course = Course()
    course.at(0, crit())
    assert course.at(1_000) == []
    (over,) = course.at(APART_MS)
    assert (over.is_resolved, over.text) == (True, "OVER: NO STOP RESTS FOR BTC")
    assert course.at(3 * APART_MS) == []


def test_an_alert_that_comes_and_goes_all_the_time_is_told_once_a_minute() -> None:
    course = Course()
    told = [each for n in range(1_200) for each in course.at(500 * n, *([warn()] if n % 40 < 30 else []))]
    minutes = 1_200 * 500 // APART_MS
    assert 2 <= len(told) <= minutes + 1


def test_a_warning_mutes_no_critical_alert_of_the_same_id_and_one_coin_no_other() -> None:
    course = Course()
    course.at(0, warn())
    course.at(STANDS_MS, warn())
    worse = AlertView("drift:BTC", Severity.CRIT, "POSITION DRIFT 1 BTC", "R", T0)
    (told,) = course.at(STANDS_MS + 500, worse)
    assert told.severity is Severity.CRIT
    (other,) = course.at(
        STANDS_MS + 1_000, worse, AlertView("drift:ETH", Severity.CRIT, "ETH DRIFTS", "R", T0)
    )
    assert other.text.startswith("ETH DRIFTS")


def test_one_that_is_critical_again_after_its_end_was_told_is_told_at_once() -> None:
    course = Course()
    course.at(0, crit())
    course.at(APART_MS)
    assert len(course.at(APART_MS + 500, crit())) == 1


def test_one_that_eases_to_a_warning_is_told_again_only_after_a_minute() -> None:
    course = Course()
    course.at(0, AlertView("drift:BTC", Severity.CRIT, "POSITION DRIFT 1 BTC", "R", T0))
    assert course.at(STANDS_MS + 500, warn()) == []
    assert [each.severity for each in course.at(APART_MS, warn())] == [Severity.WARN]


def test_a_critical_one_that_stands_is_told_again_ever_more_rarely_unless_somebody_knows_of_it() -> None:
    course = Course()
    hours = 48
    told_min = [m for m in range(60 * hours) if course.at(60_000 * m, crit())]
    assert told_min == [0, 30, 90, 210, 450, 930, 1890]
    known = Course()
    known.at(0, crit())
    assert known.at(REMIND_MS, crit(snoozed_until_ms=T0 + 2 * REMIND_MS)) == []
    assert known.at(2 * REMIND_MS, crit())[0].text.startswith("STILL, after 60 min: NO STOP RESTS")


def test_thousands_of_ids_that_come_and_go_leave_nothing_behind() -> None:
    course = Course()
    for n in range(2_000):
        course.at(1_000 * n, crit(f"stop:C{n}"))
    assert len(course.standing._known) < 200
    course.at(2_000_000 + 2 * APART_MS)
    course.at(2_000_000 + 4 * APART_MS)
    assert not course.standing._known


def test_a_key_without_a_command_is_left_out_and_an_alert_without_a_way_has_none() -> None:
    assert sentence(
        AlertView("storage", Severity.CRIT, "JOURNAL CANNOT BE WRITTEN", "", T0, "free disk space")
    ) == ("JOURNAL CANNOT BE WRITTEN. Free disk space.")
    assert sentence(AlertView("x", Severity.WARN, "SOMETHING", "", T0)) == "SOMETHING."
