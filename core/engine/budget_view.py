"""What the Snapshot says of requests and weight."""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.request_limits import IpWeight
from core.engine.address_budget import RESERVED, AddressBudget
from core.view import BudgetView


def budget_view(requests: AddressBudget, weight: IpWeight, now: Instant) -> BudgetView:
    empty_ms = requests.empty_in_ms(now)
    return BudgetView(
        ip_limit=weight.limit,
        ip_left=weight.left,
        ip_reserve=weight.reserve,
        is_shared=weight.is_shared,
        paused_until_ms=now.wall_ms + weight.paused_ms if weight.paused_ms else 0,
        paused_why=weight.paused_why,
        address_cap=requests.cap,
        address_used=requests.used,
        address_left=max(0, requests.left),
        address_reserve=RESERVED,
        cancels_left=requests.cancels_left,
        actions_last_min=requests.pace.sent_within(1, now),
        actions_last_hour=requests.pace.sent_within(60, now),
        hours_to_empty=None if empty_ms is None else round(empty_ms / 3_600_000, 2),
        mode=requests.mode,
        read_ms=requests.read_wall_ms,
    )
