"""Where alerts go to: apprise's URLs, one a line, from a systemd credential, a file for this user alone, or the environment.

Each is a secret, as whoever has it can write there: no text here holds any part of one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote

from core.runtime.http_url import split_http_url
from core.runtime.private_file import read_private
from core.runtime.settings.model import Settings
from core.runtime.statedir import StateDir
from core.runtime.usage import UsageError
from core.telemetry.alerting.target import Target

CREDENTIAL = "alert_urls"
"""Its name for systemd's ``LoadCredential``."""

URLS, WEBHOOK = "HL_ALERT_URLS", "HL_ALERT_WEBHOOK_URL"
TARGETS_MOST = 16
"""Each target has a thread of its own."""

_HOLDING = "the URLs that alerts go to, one a line"
_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
_HOSTS = {"slack": ("hooks.slack.com",), "discord": ("discord.com", "discordapp.com")}


def read_targets(settings: Settings, state: StateDir, environ: Mapping[str, str]) -> tuple[Target, ...]:
    """All that are named anywhere, each once. It doesn't look whether a service takes them.

    Raises:
        UsageError: a file that others may read or that can't be read, or a webhook that isn't what it is said to be.
    """
    if not settings.alert_enabled:
        return ()
    found = [*_of_a_credential(environ), *_of_the_file(settings.alert_urls_file, state.alert_urls)]
    found += [Target(url, URLS) for url in environ.get(URLS, "").split()]
    if webhook := environ.get(WEBHOOK, "").strip():
        found.append(Target(_of_a_webhook(webhook, settings.alert_webhook_type), WEBHOOK))
    first: dict[str, Target] = {}
    for target in found:
        first.setdefault(target.url, target)
    found = list(first.values())
    if len(found) > TARGETS_MOST:
        raise UsageError(
            f"{len(found)} targets for alerts are named, and {TARGETS_MOST} is the most; let one of them pass the alerts on"
        )
    return _numbered(found)


def checked(targets: tuple[Target, ...], service_of: Callable[[str], str]) -> tuple[Target, ...]:
    """With the name of each one's service. Raises ``UsageError`` that says which can't be used, and not what is in it."""
    out = []
    for target in targets:
        if not (service := service_of(target.url)):
            raise UsageError(
                f"{target.place} is not a URL that alerts can be sent to; write it as apprise wants it, for instance "
                "tgram://BOT_TOKEN/CHAT_ID or jsons://HOST/PATH (docs/alerts.md), or begin the line with #"
            )
        out.append(Target(target.url, target.place, service))
    return tuple(out)


def environment_warnings(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Every process of this user, and each of its children, can read what is there."""
    return tuple(
        f"{name} is in the environment, where every program of this user can read it: a file of mode 0600 "
        "(alert_urls in the state dir) or a systemd credential keeps it better"
        for name in (URLS, WEBHOOK)
        if environ.get(name, "").strip()
    )


def _of_a_credential(environ: Mapping[str, str]) -> list[Target]:
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder, CREDENTIAL)
    if not folder or not path.exists():
        return []
    return list(_targets(read_private(path, _HOLDING, is_guarded=True), f"the credential {CREDENTIAL}"))


def _of_the_file(named: Path | None, usual: Path) -> list[Target]:
    """A file that is named must be there, the usual one may."""
    path = named or usual
    if named is None and not os.path.lexists(path):
        return []
    return list(_targets(read_private(path, _HOLDING), str(path)))


def _targets(text: str, called: str) -> Iterator[Target]:
    if "\ufffd" in text:
        raise UsageError(f"{called} is not a text of one URL a line")
    for number, line in enumerate(text.splitlines(), 1):
        if (url := line.strip()) and not url.startswith("#"):
            yield Target(url, f"line {number} of {called}")


def _numbered(found: list[Target]) -> tuple[Target, ...]:
    """So that no two have one place: several of one variable are told apart."""
    places = [target.place for target in found]
    return tuple(
        Target(target.url, f"{target.place} no. {places[: n + 1].count(target.place)}")
        if places.count(target.place) > 1
        else target
        for n, target in enumerate(found)
    )


def _of_a_webhook(url: str, kind: str) -> str:
    """The predecessor's one target as apprise knows it."""
    if kind == "pagerduty":
        key = url.removeprefix("pagerduty://")
        if not _ROUTING_KEY.fullmatch(key):
            raise UsageError(
                f"{WEBHOOK} is not a routing key of PagerDuty, as HL_ALERT_WEBHOOK_TYPE says: 32 letters and digits"
            )
        return f"pagerduty://{key}@{key}"
    parts = split_http_url(url)
    if parts is None:
        raise UsageError(f"{WEBHOOK} is not a URL that begins with https:// or http://")
    if kind != "generic":
        if parts.hostname not in _HOSTS[kind]:
            raise UsageError(
                f"{WEBHOOK} is not on {_HOSTS[kind][0]}, as HL_ALERT_WEBHOOK_TYPE={kind} says; leave the type away for a "
                "webhook that takes JSON"
            )
        return url
    asked = "&".join(
        f"-{quote(name, safe='')}={quote(value, safe='')}" for name, value in parse_qsl(parts.query, True)
    )
    scheme = "jsons" if parts.scheme == "https" else "json"
    return f"{scheme}://{parts.netloc}{parts.path}{f'?{asked}' if asked else ''}"
