"""The last line of defence: what must never be read is masked where text leaves for a log, a report, a socket or a screen.

Nothing is meant to put a secret there in the first place. What gets past that is caught by what it looks like (32 bytes of hex,
a password in a URL, a value that is named as one) and by what it is: each secret that this process has loaded is remembered,
as long as it runs. A private key isn't: every one is known by its look, so there is no second place that keeps it.
Addresses, order ids and cloids are shorter than a key and stay as they are. A transaction's hash looks like a key, so it goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any
from urllib.parse import unquote

MASK = "[masked]"

SHORTEST = 6
"""Characters. What is shorter is no secret, and would be found in the midst of ordinary words."""

KEY_DIGITS = 64
_KEY = re.compile(rf"(?:0[xX])?[0-9a-fA-F]{{{KEY_DIGITS},}}")
_BARE_KEY = re.compile(rf"(0x)?[0-9a-fA-F]{{{KEY_DIGITS}}}")
_IN_URL = re.compile(r"(?<=://)[^\s/@\"'<>]+(?=@)")
_VALUES = tuple(
    value
    for quote in "\"'"
    for value in (
        rf"\\{quote}(?!\[masked\])(?:[^{quote}\\\n]|\\\\\\{quote}|\\[^{quote}\n]){{6,}}",
        rf"{quote}(?!\[masked\])(?:[^{quote}\\\n]|\\.){{6,}}",
    )
)
"""Behind a quote, which may be escaped as in JSON within JSON, as far as the next of its kind: a quote of the other kind, or
one that is escaped once more, is of the value."""
_BARE = r"[^\s\"'\\,;&}\]]"
_NAMED = re.compile(
    r"(?i)((?:private_?key|agent_?key|passphrase|password|secret|token|api_?key)[\w-]*\\?[\"']?\s*[=:]\s*)"
    rf"({'|'.join(_VALUES)}|(?!\[masked\]){_BARE}{{6,}}|{_BARE}{{1,5}}[\"']\w{{3}}{_BARE}*)"
)
_QUOTE = re.compile(r"\\?[\"']")
_HEADER = re.compile(
    r"(?i)(authorization\\?[\"']?\s*[=:]\s*(?:\\?[\"'])?(?>(?:[a-z]+\s+)?)|\bbearer\s+)"
    rf"(?!\[masked\]){_BARE}{{6,}}"
)
_TOKEN = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\w+~.:=%-]{12,}", re.ASCII)
"""What a service gives out, in a part of its URL. A name of a host, a path of words or a number is none."""
SECRET_NAMES = frozenset(
    {
        "HL_AGENT_KEY",
        "HL_PRIVATE_KEY",
        "HL_METRICS_TOKEN",
        "HL_ALERT_URLS",
        "HL_ALERT_WEBHOOK_URL",
        "HL_HEARTBEAT_URL",
    }
)
"""Variables of the environment whose values are secret. A test holds them to what the settings call so."""

_shortest_known = 2**31
_known: tuple[str, ...] = ()
"""Longest first, so that no part of one is left behind. Replaced whole: readers of other threads need no lock. No keys."""


def remember(*secrets: str) -> None:
    """Mask these wherever they would be written from now on, in every spelling they may take in JSON or as hex; of a URL also
    the parts that are secret by themselves: a library builds an address of its own of them. A key needs no remembering.
    """
    global _known, _shortest_known
    told = [secret.strip() for secret in secrets if not is_key(secret.strip())]
    parts = chain.from_iterable(_parts(secret) for secret in told if "://" in secret)
    fresh = {spelling for secret in (*told, *parts) for spelling in _spellings(secret)}
    _known = tuple(sorted({*_known, *fresh}, key=len, reverse=True))
    _shortest_known = len(_known[-1]) if _known else _shortest_known


def forget() -> None:
    """What was remembered: for whoever tests what is found without."""
    global _known, _shortest_known
    _known, _shortest_known = (), 2**31


def remember_environment(environ: Mapping[str, str]) -> None:
    """The values of the variables that are secret, and of several targets each."""
    for name in SECRET_NAMES & environ.keys():
        remember(environ[name], *environ[name].split())


def _parts(url: str) -> Iterable[str]:
    """The password, and whatever else looks like a token."""
    user, at, _ = url.partition("://")[2].rpartition("@")
    password = user.partition(":")[2] if at else ""
    named = (part.rpartition("=")[2] for part in re.split(r"[/?&#@]", url))
    found = {password, *(part for part in named if _TOKEN.fullmatch(part) and not _is_host(part))}
    yield from found | {unquote(part) for part in found}


def _is_host(part: str) -> bool:
    """With its port, or without."""
    last = part.partition(":")[0].rpartition(".")
    return bool(last[1]) and (last[2].isalpha() or last[2].isdigit())


def _spellings(secret: str) -> Iterable[str]:
    if len(secret) < SHORTEST:
        return
    bare = secret[2:] if secret[:2].lower() == "0x" else secret
    is_hex = len(bare) >= SHORTEST and all(letter in "0123456789abcdefABCDEF" for letter in bare)
    for each in (secret, bare, bare.lower(), bare.upper()) if is_hex else (secret,):
        yield each
        yield json.dumps(each)[1:-1]
        yield json.dumps(each, ensure_ascii=False)[1:-1]
        yield repr(each)[1:-1]


def is_key(text: str) -> bool:
    """32 bytes of hex and nothing else."""
    return _BARE_KEY.fullmatch(text) is not None


def holds_key(text: str) -> bool:
    """32 bytes of hex or more are in it, whatever stands around them: a slip of a finger beside a key makes it no other."""
    return len(text) >= KEY_DIGITS and _KEY.search(text) is not None


def redacted(text: str) -> str:
    """The text without secrets; the same object if there are none."""
    if len(text) < SHORTEST:
        return text
    known = _known if len(text) >= _shortest_known else ()
    is_masked = len(text) < KEY_DIGITS
    for secret in known:
        if not is_masked and len(secret) < KEY_DIGITS:  # which might be a part of a key
            text, is_masked = _KEY.sub(MASK, text), True
        if secret in text:
            text = text.replace(secret, MASK)
    if not is_masked:
        text = _KEY.sub(MASK, text)
    if ":" in text or "=" in text:
        text = _NAMED.sub(_masked, _IN_URL.sub(MASK, text) if "://" in text else text)
    if "earer" in text or "uthorization" in text or "EARER" in text or "UTHORIZATION" in text:
        text = _HEADER.sub(_masked_header, text)
    return text


def _masked(found: re.Match[str]) -> str:
    quote = _QUOTE.match(found[2])
    return f"{found[1]}{quote[0] if quote else ''}{MASK}"


def _masked_header(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}"


def redacted_row(row: dict[str, Any]) -> dict[str, Any]:
    """An event's row, or any JSON object, with each of its texts so; the names are the program's own."""
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    match value:
        case str():
            return redacted(value)
        case dict():
            return redacted_row(value)
        case list() | tuple():
            return [_value(each) for each in value]
        case _:
            return value
