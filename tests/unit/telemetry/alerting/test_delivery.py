"""The way out, over real sockets: a webhook that takes a message, that answers 500, that refuses, and that hangs."""

from __future__ import annotations

import json
import logging
import threading

import pytest

from core.telemetry.alerting.delivery import UNREACHED, deliver, is_refusal, service_of
from core.telemetry.alerting.message import Message, letter
from core.telemetry.alerting.target import Target
from core.view import Severity
from tests.e2e.program import free_port
from tests.unit.telemetry.alerting.sink import sink, until

SECRET = "canary0123456789"
LETTER = letter("GridBot TESTNET", [Message("stop:BTC", Severity.CRIT, "NO STOP RESTS FOR BTC", 0)])


def target(host: str, more: str = "") -> Target:
    return Target(f"json://{host}/{SECRET}{more}", "line 1 of urls", "JSON")


def test_a_webhook_gets_title_text_and_gravity() -> None:
    with sink() as hook:
        assert deliver(target(hook.host), LETTER) == ""
    (row,) = hook.posted
    assert (row["title"], row["message"], row["type"]) == (
        "GridBot TESTNET",
        "✖ 00:00:00Z NO STOP RESTS FOR BTC",
        "failure",
    )


def test_good_news_is_marked_as_such() -> None:
    over = letter("GridBot", [Message("stop:BTC", Severity.CRIT, "OVER", 0, is_resolved=True)])
    with sink() as hook:
        deliver(target(hook.host), over)
    assert hook.posted[0]["type"] == "success"


@pytest.mark.parametrize("status", [500, 403, 302])
def test_an_answer_that_is_none_is_told_by_its_status_and_nothing_of_the_url(
    status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), sink() as hook:
        hook.status = status
        reason = deliver(target(hook.host), LETTER)
    assert reason == f"it answers {status}"
    assert SECRET not in caplog.text
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_one_that_is_not_there_or_never_answers_is_a_sentence() -> None:
    assert deliver(target(f"127.0.0.1:{free_port()}"), LETTER) == "it can't be reached, or doesn't answer"
    with sink() as hook:
        hook.status = 0
        assert deliver(target(hook.host, "?rto=0.1"), LETTER) == "it can't be reached, or doesn't answer"


def test_one_that_hangs_leaves_the_others_alone() -> None:
    with sink() as hook, sink() as other:
        hook.status = 0
        threading.Thread(target=deliver, args=(target(hook.host, "?rto=60"), LETTER), daemon=True).start()
        until(lambda: hook.asked, "the first is out")
        assert deliver(target(other.host), LETTER) == ""
        assert hook.posted == []


def test_a_url_that_apprise_does_not_know_or_that_lacks_something_has_no_service() -> None:
    assert service_of("json://127.0.0.1/x") == "JSON"
    assert service_of("tgram://123456789:abcdefg_hijklmnop/12315544") == "Telegram"
    assert [
        service_of(url) for url in ("jsn://127.0.0.1", "tgram://x", "json://", "https://example.com", "")
    ] == [""] * 5


def test_a_fault_of_a_service_of_apprises_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.custom_json import NotifyJSON

    def fails(*_: object, **__: object) -> bool:
        raise RuntimeError(f"no, not {SECRET}")

    monkeypatch.setattr(NotifyJSON, "notify", fails)
    assert deliver(target("127.0.0.1:1"), LETTER) == "apprise fails with RuntimeError"


def test_telegram_gets_a_text_in_which_nothing_is_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers 400 to a "<" that begins none of its tags."""
    import requests

    posted: list[str] = []

    def post(*_: object, data: str, **__: object) -> requests.Response:
        posted.append(json.loads(data)["text"])
        answer = requests.Response()
        answer.status_code, answer._content = 200, b"{}"
        return answer

    monkeypatch.setattr(requests, "post", post)
    bad = letter("GridBot", [Message("x", Severity.CRIT, "TypeError: '<' not supported & so on", 0)])
    assert deliver(Target("tgram://123456789:abcdefg_hijklmnop/12315544", "line 1"), bad) == ""
    assert posted == ["<b>GridBot</b>\r\n✖ 00:00:00Z TypeError: '&lt;' not supported &amp; so on"]


@pytest.mark.parametrize(
    ("reason", "may_be_the_text"),
    [
        ("", False),
        (UNREACHED, False),
        ("it answers 429", False),
        ("it answers 502", False),
        ("it answers 400", True),
        ("it answers 403", True),
        ("it did not take the message", True),
        ("apprise fails with TypeError", True),
    ],
)
def test_what_is_answered_to_a_text_may_be_because_of_it(reason: str, may_be_the_text: bool) -> None:
    assert is_refusal(reason) is may_be_the_text
