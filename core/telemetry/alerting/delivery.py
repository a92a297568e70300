"""The way out by apprise: a letter to one target, and why it could not be delivered, in words that hold no part of its URL."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from core.telemetry.alerting.message import Letter, letter
from core.telemetry.alerting.target import Target
from core.view import Severity

Deliver = Callable[[Target, Letter], str]
"""Why it failed, in a few words; empty if it is delivered. It may take as long as it likes, and raises nothing."""

UNREACHED = "it can't be reached, or doesn't answer"
_BUSY = re.compile(r"it answers (408|425|429)")
_BROKEN = re.compile(r"it answers 5\d\d")


class _Said(logging.Handler):
    """What apprise has logged of the delivery that this thread makes: the only place where it says why one failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        lines = self.lines.get(threading.get_ident())
        if lines is not None and len(lines) < 20:
            lines.append(record.getMessage())


_said = _Said()


def service_of(url: str) -> str:
    """What apprise calls the service, empty if it can't use the URL. It loads apprise, with all of its services."""
    found = _instantiate(url)
    return str(found.service_name) if found is not None else ""


def is_refusal(reason: str) -> bool:
    """The target has answered and won't take this letter: it may be its text, and another letter may go through."""
    return reason not in ("", UNREACHED) and _BUSY.fullmatch(reason) is None and not is_broken(reason)


def is_broken(reason: str) -> bool:
    """It has a trouble of its own (5xx), or breaks at what it was sent."""
    return _BROKEN.fullmatch(reason) is not None


def deliver(target: Target, message: Letter) -> str:
    """By apprise. The reason names a status or a kind of trouble: what a service answers may repeat the URL."""
    lines = _said.lines[threading.get_ident()] = []
    try:
        from apprise import NotifyFormat

        # Unless it is told that this is plain text, apprise passes it on as the service's own markup, with a raw "<".
        form = NotifyFormat.TEXT
        for url, each in _ways(target.url, message):
            found = _instantiate(url)
            if found is None:
                return "apprise can't use its URL any more"
            if not found.notify(title=each.title, body=each.body, notify_type=_kind(each), body_format=form):
                return _reason(lines)
        return ""
    except (
        Exception
    ) as error:  # a service of apprise's is other people's code: none of it may end this thread
        return f"apprise fails with {type(error).__name__}"
    finally:
        _said.lines.pop(threading.get_ident(), None)


def _ways(url: str, message: Letter) -> list[tuple[str, Letter]]:
    """To a service that keeps incidents go the messages one by one, each under the key of what it is about: the end of an
    alert then closes what it has opened. What is sent twice after a failure is one incident all the same. Who names action
    or key in the URL has it as he says.
    """
    arguments = _arguments(url)
    named = {name for name, _ in parse_qsl(urlsplit(url).query, True)}
    if "map" not in arguments.get("action", {}).get("values", ()) or named & {"action", *_KEYS}:
        return [(url, message)]
    more = f"{url}{'&' if '?' in url else '?'}"
    key = next((name for name in _KEYS if name in arguments), "")
    if not key:
        # Opsgenie and Jira: apprise takes what is neither good nor bad for a note on what it has opened, and sends nothing.
        return [(f"{more}:info=new", message)]
    return [
        (
            f"{more}action=map&{key}={_incident(message.head, each.key)}",
            letter(message.head, [each], 0 if number else message.lost),
        )
        for number, each in enumerate(message.messages)
    ]


_KEYS = ("dedup", "entity_id")
"""What apprise calls the key of an incident: PagerDuty, ilert, GoAlert, incident.io, Squadcast, …; Splunk On-Call."""


def _arguments(url: str) -> Any:
    """What the URL of such a service may have behind its question mark."""
    found = _instantiate(url)
    return found.template_args if found is not None else {}


def _incident(head: str, key: str) -> str:
    """The same in every run of this account."""
    return f"gridbot-{sha256(f'{head} {key}'.encode()).hexdigest()[:32]}"


def _listen() -> None:
    """What apprise logs is heard here alone, and nothing of what it is built on: both write parts of URLs."""
    logger = logging.getLogger("apprise")
    if _said not in logger.handlers:
        logger.addHandler(_said)
    for name in ("apprise", "urllib3", "requests"):
        logging.getLogger(name).propagate = False


def _instantiate(url: str) -> Any:
    """``None`` if there is no such service or the URL lacks something."""
    import apprise

    _listen()
    try:
        return apprise.Apprise.instantiate(url, suppress_exceptions=True)
    except Exception:  # as above
        return None


def _kind(message: Letter) -> Any:
    from apprise import NotifyType

    if message.is_resolved:
        return NotifyType.SUCCESS
    kinds = {
        Severity.CRIT: NotifyType.FAILURE,
        Severity.WARN: NotifyType.WARNING,
        Severity.INFO: NotifyType.INFO,
    }
    return kinds[message.severity]


def _reason(lines: list[str]) -> str:
    text = " ".join(lines)
    if status := re.search(r"\berror=(\d{3})\b", text):
        return f"it answers {status[1]}"
    if re.search(r"connection error|timed? ?out", text, re.IGNORECASE):
        return UNREACHED
    return "it did not take the message"
