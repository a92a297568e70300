"""What services take, each in its own words: mail, ntfy, Gotify; and incident systems, whose incidents end with the alert."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.telemetry.alerting.delivery import deliver
from core.telemetry.alerting.message import Letter, Message, letter
from core.telemetry.alerting.target import Target
from core.view import Severity
from tests.unit.telemetry.alerting.mail_server import mail_server
from tests.unit.telemetry.alerting.sink import Sink, sink

HEAD = "GridBot TESTNET 0x14…25"
KEY = "a1" * 16
STOP = Message("stop:BTC", Severity.CRIT, "NO STOP RESTS FOR BTC", 0)
STILL = Message("stop:BTC", Severity.CRIT, "STILL, after 30 min: NO STOP RESTS FOR BTC", 0)
OVER = Message("stop:BTC", Severity.CRIT, "OVER: NO STOP RESTS FOR BTC", 0, is_resolved=True)
DRIFT = Message("drift:BTC", Severity.WARN, "DRIFT 0.1 BTC", 0)
TEST = Message("test", Severity.INFO, "This is a test", 0)


@pytest.fixture
def hook() -> Iterator[Sink]:
    with sink() as one:
        yield one


def told(url: str, *messages: Message, head: str = HEAD) -> str:
    return deliver(Target(url, "line 1 of urls"), letter(head, messages))


def test_mail_arrives_and_a_refusal_is_told_without_the_address() -> None:
    with mail_server() as box:
        url = (
            f"mailto://127.0.0.1:{box.port}?from=bot@example.com&to=me@example.com&mode=insecure&format=text"
        )
        assert told(url, STOP) == ""
        box.refuses = True
        assert told(url, STOP) == "it did not take the message"
    (mail,) = box.mails
    assert mail["Subject"] == HEAD
    assert "NO STOP RESTS FOR BTC" in mail.get_content()
    assert "me@example.com" in box.rcpt[0]


def test_ntfy_gets_its_json(hook: Sink) -> None:
    """As docs.ntfy.sh/publish/#publish-as-json has it: at the root, with the topic inside."""
    assert told(f"ntfy://{hook.host}/my-topic", STOP) == ""
    assert hook.asked == ["/"]
    (row,) = hook.posted
    assert (row["topic"], row["title"]) == ("my-topic", HEAD)
    assert "NO STOP RESTS FOR BTC" in row["message"]


def test_gotify_gets_its_json_and_the_token_in_a_header(hook: Sink) -> None:
    """As gotify.net/docs/pushmsg has it."""
    assert told(f"gotify://{hook.host}/Atoken0123456789", STOP) == ""
    assert hook.asked == ["/message"]
    assert hook.headers[0]["x-gotify-key"] == "Atoken0123456789"
    (row,) = hook.posted
    assert row["title"] == HEAD
    assert "NO STOP RESTS FOR BTC" in row["message"]
    assert isinstance(row["priority"], int)


@pytest.fixture
def pager(hook: Sink, monkeypatch: pytest.MonkeyPatch) -> Sink:
    """In PagerDuty's place."""
    from apprise.plugins import pagerduty

    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"http://{hook.host}/v2/enqueue")
    return hook


def test_an_incident_of_pagerdutys_is_opened_once_and_closed_with_its_alert(pager: Sink) -> None:
    url = f"pagerduty://{KEY}@{KEY}"
    for messages in ((STOP, DRIFT), (STILL,), (OVER,)):
        assert told(url, *messages) == ""
    did = [(row["event_action"], row["dedup_key"]) for row in pager.posted]
    stop, drift = did[0][1], did[1][1]
    assert stop != drift
    assert did == [("trigger", stop), ("trigger", drift), ("trigger", stop), ("resolve", stop)]
    assert "NO STOP RESTS" in pager.posted[0]["payload"]["summary"]
    assert pager.posted[0]["payload"]["severity"] == "critical"
    assert "DRIFT" not in pager.posted[0]["payload"]["summary"], "each incident is of one thing"


def test_two_accounts_at_one_pager_have_incidents_of_their_own(pager: Sink) -> None:
    url = f"pagerduty://{KEY}@{KEY}?region=us"
    assert told(url, STOP) == told(url, STOP, head="GridBot MAINNET 0x99…01") == ""
    assert len({row["dedup_key"] for row in pager.posted}) == 2


@pytest.mark.parametrize("own", ["action=trigger", "dedup=mine", "action=map&dedup=mine"])
def test_who_says_in_the_url_what_becomes_of_incidents_has_it_so(pager: Sink, own: str) -> None:
    assert told(f"pagerduty://{KEY}@{KEY}?{own}", STOP, OVER) == ""
    (row,) = pager.posted
    assert row.get("dedup_key") == ("mine" if "dedup" in own else None)


def test_an_alert_of_goalerts_is_closed(hook: Sink) -> None:
    url = f"goalert://{hook.host}/abcdefab-0000-0000-0000-abcdefabcdef"
    assert told(url, STOP) == told(url, OVER) == ""
    opened, closed = hook.posted
    assert opened["dedup"] == closed["dedup"]
    assert (opened.get("action"), closed["action"]) == (None, "close")


def test_opsgenie_is_told_of_what_is_neither_good_nor_bad_too(
    hook: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins import opsgenie

    monkeypatch.setitem(opsgenie.OPSGENIE_API_LOOKUP, "us", f"http://{hook.host}/v2/alerts")
    hook.answer = b'{"requestId": "r1"}'
    assert told("opsgenie://abcdefab-0000-0000-0000-abcdefabcdef", TEST) == ""
    (row,) = hook.posted
    assert "This is a test" in row["description"]


def test_a_failure_among_several_incidents_is_told(pager: Sink) -> None:
    pager.status = 429
    assert told(f"pagerduty://{KEY}@{KEY}", STOP, DRIFT) == "it answers 429"
    assert len(pager.asked) == 1, "the others wait with it"


def test_how_many_were_lost_is_told_once(pager: Sink) -> None:
    assert deliver(Target(f"pagerduty://{KEY}@{KEY}", "line 1"), letter(HEAD, [STOP, DRIFT], lost=7)) == ""
    summaries = [row["payload"]["summary"] for row in pager.posted]
    assert ["7 more came" in text for text in summaries] == [True, False]


def test_a_letter_has_what_it_is_made_of_the_gravest_first() -> None:
    found: Letter = letter(HEAD, [DRIFT, STOP])
    assert (found.head, found.messages) == (HEAD, (STOP, DRIFT))
