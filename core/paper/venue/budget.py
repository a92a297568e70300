"""How many requests an account may send: 10,000 for its life and one more for every USDC that it trades.

A batch of n counts n; what fails counts; a request refused for the budget costs nothing. Cancels have more room. Beyond the
budget one request every ten seconds still passes. Reserved requests (paid for) come off what counts as used.
"""

from __future__ import annotations

from core.domain.clock import DAY_MS
from core.paper.venue.accounts import Account
from core.paper.venue.refusals import RefusedError
from core.paper.wiretext import micro_wire

_BASE_REQUESTS = 10_000
_CANCEL_ROOM = 100_000
_MICRO = 1_000_000
_TENTH_OF_A_CENT = 10_000
_THROTTLE_MS = 10_000

DAILY_ACTIONS = 50_000
"""Of an account in unified or portfolio mode."""

WEIGHT_PRICE_MICRO = 500
"""0.0005 USDC for a reserved request."""


def request_cap(account: Account) -> int:
    return _BASE_REQUESTS + account.volume // _MICRO


def requests_used(account: Account) -> int:
    """After what was reserved."""
    return max(0, account.requests - account.reserved_requests)


def requests_surplus(account: Account) -> int:
    """Reserved and not yet used."""
    return max(0, account.reserved_requests - account.requests)


def charge(
    account: Account, weight: int, now_ms: int, *, is_cancel: bool, throttles_batches: bool = True
) -> None:
    """Count a request of ``weight`` items. Beyond the budget a batch never passes if ``throttles_batches``.

    Raises:
        RefusedError: over the budget; nothing is counted. A batch that would exceed it is refused whole.
    """
    _check_day(account, now_ms)
    cap = request_cap(account)
    limit = min(cap + _CANCEL_ROOM, 2 * cap) if is_cancel else cap
    used = requests_used(account) + weight
    if used > limit:
        is_batch = throttles_batches and weight > 1
        if is_batch or now_ms - account.throttled_ms < _THROTTLE_MS:
            raise RefusedError(
                f"Too many cumulative requests sent ({used} > {limit}) for cumulative volume traded "
                f"${traded_text(account)}. Place taker orders to free up 1 request per USDC traded."
            )
        account.throttled_ms = now_ms
    account.day_actions += 1
    account.requests += weight


def _check_day(account: Account, now_ms: int) -> None:
    """Hyperliquid's words for this cap are not known."""
    day = now_ms // DAY_MS
    if account.day != day:
        account.day, account.day_actions = day, 0
    if account.is_unified and account.day_actions >= DAILY_ACTIONS:
        raise RefusedError(f"Too many actions sent today. Limit for unified accounts is {DAILY_ACTIONS}.")


def traded_text(account: Account, most_micro: int | None = None) -> str:
    """The volume in dollars and whole cents, below ``most_micro``."""
    volume = account.volume if most_micro is None else min(account.volume, most_micro - _TENTH_OF_A_CENT)
    return micro_wire(volume // _TENTH_OF_A_CENT * _TENTH_OF_A_CENT)
