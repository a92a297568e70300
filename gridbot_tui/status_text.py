"""``gridbot status`` for the eye."""

from __future__ import annotations

from typing import Any


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
        fix = f"; {alert['fix']}" if alert.get("fix") else ""
        lines.append(f"ALERT {alert['text']}{fix}")
    control = found.get("control") or {}
    if control.get("viewers"):
        lines.append(f"screens: {', '.join(control['viewers'])}; acts: {control['holder'] or 'nobody'}")
    for coin, view in found["coins"].items():
        looked_s = (now_ms - view["exchange_seen_ms"]) / 1000
        lines.append(
            f"{coin}: position {view['position']} (exchange {view['exchange_position']} {looked_s:.0f} s ago, drift "
            f"{view['drift']}), "
            f"{view['open_orders']} orders, {view['fills']} fills (ws {view['fills_from_ws']}, rest "
            f"{view['fills_from_rest']}, duplicates {view['duplicates']}), realized {view['realized_pnl']}, fees {view['fees']}"
        )
    return "\n".join(lines)
