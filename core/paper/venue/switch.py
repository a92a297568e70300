"""The dead man's switch (``scheduleCancel``): all of an account's orders go at a time that it keeps moving on."""

from __future__ import annotations

import heapq

from core.domain.clock import DAY_MS
from core.paper.venue.accounts import Account
from core.paper.venue.budget import traded_text
from core.paper.venue.refusals import RefusedError

_REQUIRED_VOLUME_MICRO = 1_000_000_000_000
_MICRO = 1_000_000
_LEAST_AHEAD_MS = 5_000
_FIRINGS_A_DAY = 10


def set_switch(account: Account, at_ms: int | None, now_ms: int) -> None:
    """None clears. What Hyperliquid says after the tenth firing of a day is not known.

    Raises:
        RefusedError: nothing is changed.
    """
    switch = account.switch
    if account.volume < _REQUIRED_VOLUME_MICRO:
        raise RefusedError(
            "Cannot set scheduled cancel time until enough volume traded. "
            f"Required: ${_REQUIRED_VOLUME_MICRO // _MICRO}. "
            f"Traded: ${traded_text(account, _REQUIRED_VOLUME_MICRO)}."
        )
    if at_ms is not None and at_ms < now_ms + _LEAST_AHEAD_MS:
        raise RefusedError("Scheduled cancel time too early, must be at least 5 seconds from now.")
    if at_ms is not None and switch.day == now_ms // DAY_MS and switch.firings >= _FIRINGS_A_DAY:
        raise RefusedError(f"Scheduled cancel has already been triggered {_FIRINGS_A_DAY} times today.")
    switch.at_ms = at_ms


def fire_switch(account: Account, now_ms: int) -> None:
    """Count the firing, and turn the switch off."""
    switch = account.switch
    today = now_ms // DAY_MS
    switch.firings = switch.firings + 1 if switch.day == today else 1
    switch.day = today
    switch.at_ms = None


class SwitchBoard:
    """Whose switch is to be looked at next. One that is moved on needs no other look before its old time has come."""

    def __init__(self) -> None:
        self._looks: list[tuple[int, str]] = []
        self._next: dict[str, int] = {}
        """The first look at each user's switch."""

    def __len__(self) -> int:
        """Looks that are still to be taken."""
        return len(self._looks)

    def watch(self, account: Account) -> None:
        at_ms, user = account.switch.at_ms, account.user
        if at_ms is not None and at_ms < self._next.get(user, at_ms + 1):
            self._next[user] = at_ms
            heapq.heappush(self._looks, (at_ms, user))

    def pop_due(self, now_ms: int) -> list[str]:
        """Users whose switch has to be looked at now, and watched again if its time hasn't come yet."""
        due: list[str] = []
        while self._looks and self._looks[0][0] <= now_ms:
            at_ms, user = heapq.heappop(self._looks)
            if self._next.get(user) == at_ms:
                del self._next[user]
                due.append(user)
        return due
