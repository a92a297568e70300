"""``gridbot status`` for the eye."""

from __future__ import annotations

import re
from typing import Any

from core.domain.agent import left_text

COMMAND_OF_KEY = {
    "A": "reconcile --accept",
    "B": "reset-breaker",
    "F": "flatten",
    "H": "halt",
    "O": "cancel-all",
    "P": "poll",
    "R": "resync",
    "U": "resume",
    "W": "reconnect",
}
"""What does without a screen what the key does on it."""
_KEY = re.compile(rf"(?<![\w`'-])([{''.join(COMMAND_OF_KEY)}])(?= [a-z]|$|[,;])")


def status_text(found: dict[str, Any]) -> str:
    """A few lines for the eye."""
    head = f"{found['network'].upper()} {found['account']} {found['state'].upper()}"
    lines = [head + (f" ({found['halt_reason']})" if found["halt_reason"] else "") + f", pid {found['pid']}"]
    feed, now_ms = found["feed"], found["time_ms"]
    silent_s = (now_ms - feed["last_message_ms"]) / 1000
    link = "connected" if feed["connected"] else "NOT CONNECTED"
    stale = "" if silent_s < feed["stale_after_s"] else " (STALE)"
    lines.append(f"feed: {link}, last message {silent_s:.0f} s ago{stale}")
    lines += [
        f"breaker {b['name']}: {b['state']}, {b['reason']}"
        for b in found["api"]["breakers"]
        if b["state"] != "closed"
    ]
    for alert in found["alerts"]:
        lines.append(f"ALERT {'; '.join([alert['text'], *_treatment(alert)])}")
    lines += _signer_lines(found)
    lines += _router_lines(found)
    control = found.get("control") or {}
    if control.get("viewers"):
        lines.append(f"screens: {', '.join(control['viewers'])}; acts: {control['holder'] or 'nobody'}")
    for coin, view in found["coins"].items():
        lines.append(
            f"{coin}: position {view['position']} ({_against_the_exchange(view, now_ms)}), "
            f"{view['open_orders']} orders, {view['fills']} fills (ws {view['fills_from_ws']}, rest "
            f"{view['fills_from_rest']}, duplicates {view['duplicates']}), realized {view['realized_pnl']}, fees {view['fees']}"
        )
    return "\n".join(lines)


def _treatment(alert: dict[str, Any]) -> list[str]:
    """What treats it, with commands in place of keys."""
    fix, key = alert.get("fix") or "", alert.get("key") or ""
    said = _KEY.sub(lambda found: f"`gridbot {COMMAND_OF_KEY[found[1]]}`", fix)
    command = f"`gridbot {COMMAND_OF_KEY[key]}`" if key in COMMAND_OF_KEY else ""
    return [part for part in ("" if command in said else command, said) if part]


def _against_the_exchange(view: dict[str, Any], now_ms: int) -> str:
    """Whether the two agree, and what the exchange said last: fills since then are no drift."""
    drift, seen_s = view["drift"], (now_ms - view["exchange_seen_ms"]) / 1000
    seen = f"exchange {view['exchange_position']} {seen_s:.0f} s ago"
    if drift != "0":
        return f"DRIFT {drift}; {seen}"
    return f"no drift; {seen}" + (
        "" if view["exchange_position"] == view["position"] else ", before the newest fills"
    )


def _signer_lines(found: dict[str, Any]) -> list[str]:
    """The agent that signs and the last rotation of this run. An older bot tells of none."""
    agent = found.get("agent") or {}
    if not agent.get("address"):
        return []
    name = f" ({agent['name']})" if agent["name"] else ""
    lasts = "its end isn't told"
    if agent["is_gone"]:
        lasts = "LISTED NO MORE"
    elif agent["until_ms"]:
        left_ms = agent["until_ms"] - found["time_ms"]
        lasts = f"approved for another {left_text(left_ms)}" if left_ms > 0 else "HAS RUN OUT"
    rotated = [each["text"] for each in found.get("commands", ()) if each["action"] == "rotate_key"]
    return [f"signs: {agent['address']}{name}, {lasts}", *rotated[-1:]]


def _router_lines(found: dict[str, Any]) -> list[str]:
    """What the exchange still takes, and who takes the orders back if the bot is gone. An older bot tells neither."""
    if "watchdog_pid" not in found:
        return []
    budget, switch = found["budget"], found["dead_man"]
    requests = "requests not read yet"
    if budget["address_cap"]:
        hours = budget["hours_to_empty"]
        lasts = "they last at this churn" if hours is None else f"gone in {hours:.1f} h at this churn"
        requests = f"{budget['address_left']:,} requests left of {budget['address_cap']:,}"
        requests += f", {lasts}" if budget["address_left"] else ""
        requests += "" if budget["mode"] == "normal" else f" ({budget['mode']})"
    weight = f"IP weight {budget['ip_left']:,} left of {budget['ip_limit']:,} a minute"
    dog = found["watchdog_pid"]
    watched = "no watchdog runs" if dog is None else f"watchdog pid {dog or 'unknown'}"
    return [f"{requests}; {weight}", f"dead man's switch {switch['state'].replace('_', ' ')}; {watched}"]
