"""What a preview says of a market that closes."""

from __future__ import annotations

from typing import Any

from core.domain.sessions import CALENDARS, Session, utc_text
from core.runtime.settings import Settings

_MEANING = {
    "keep": "the grid rests as it is and follows nothing",
    "widen": "its lines move apart",
    "reduce": "only what reduces the position is quoted, and it is closed bit by bit",
    "flatten": "the position is closed at once and nothing is quoted",
}


def _next_two(settings: Settings, now_ms: int) -> tuple[Session, Session]:
    calendar = CALENDARS[settings.session_calendar]
    present = calendar(now_ms)
    return present, calendar(present.until_ms)


def as_lines(settings: Settings, now_ms: int) -> list[str]:
    """Nothing for a market that never closes."""
    if settings.session_calendar == "always":
        return []
    present, following = _next_two(settings, now_ms)
    if present.is_open:
        times = f"open now, closed ({following.why}) from {utc_text(following.since_ms)} to {utc_text(following.until_ms)}"
    else:
        times = f"closed now ({present.why}) until {utc_text(present.until_ms)}, then open until {utc_text(following.until_ms)}"
    policy = settings.closed_session
    factor = f" by {settings.closed_widen.normalize():f}" if policy == "widen" else ""
    begins = f"from {settings.session_margin_min.normalize():f} min before each close"
    return [
        f"sessions of {settings.session_calendar}: {times}; {begins}: {policy}: {_MEANING[policy]}{factor}"
    ]


def as_dict(settings: Settings, now_ms: int) -> dict[str, Any] | None:
    """``None`` for a market that never closes; times in milliseconds UTC."""
    if settings.session_calendar == "always":
        return None
    present, following = _next_two(settings, now_ms)
    return {
        "calendar": settings.session_calendar,
        "policy": settings.closed_session,
        "margin_min": float(settings.session_margin_min),
        "is_open": present.is_open,
        "why": present.why,
        "until_ms": present.until_ms,
        "next": {"is_open": following.is_open, "why": following.why, "until_ms": following.until_ms},
    }
