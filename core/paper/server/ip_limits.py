"""What Hyperliquid lets one IP address do: REST weight a minute, WebSocket connections, subscriptions, messages.

All windows slide over the last minute, which is the strictest reading of the documents. Times are seconds of a clock that
never runs back.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from core.paper.jsonio import Json

_MINUTE_S = 60.0

_CHEAP = frozenset(
    {
        "l2Book",
        "allMids",
        "clearinghouseState",
        "orderStatus",
        "spotClearinghouseState",
        "exchangeStatus",
    }
)
_CHEAP_WEIGHT, _USUAL_WEIGHT, _ROLE_WEIGHT = 2, 20, 60

_ITEMS_PER_WEIGHT = {
    "recentTrades": 20,
    "historicalOrders": 20,
    "userFills": 20,
    "userFillsByTime": 20,
    "fundingHistory": 20,
    "userFunding": 20,
    "userNonFundingLedgerUpdates": 20,
    "twapHistory": 20,
    "userTwapSliceFills": 20,
    "userTwapSliceFillsByTime": 20,
    "delegatorHistory": 20,
    "delegatorRewards": 20,
    "validatorStats": 20,
    "candleSnapshot": 60,
}
"""So many items of the answer weigh 1 more."""

_ACTIONS_PER_WEIGHT = 40
_BATCHES = ("orders", "cancels", "modifies")


def info_weight(request: object) -> int:
    """Of POST /info before its answer is known. What can't be read weighs as usual."""
    kind = request.get("type") if isinstance(request, dict) else None
    if kind == "userRole":
        return _ROLE_WEIGHT
    return _CHEAP_WEIGHT if isinstance(kind, str) and kind in _CHEAP else _USUAL_WEIGHT


def answer_weight(request: object, answer: Json) -> int:
    """What the items of an answer weigh on top."""
    kind = request.get("type") if isinstance(request, dict) else None
    per_weight = _ITEMS_PER_WEIGHT.get(kind) if isinstance(kind, str) else None
    return len(answer) // per_weight if per_weight and isinstance(answer, list) else 0


def exchange_weight(request: object) -> int:
    """Of POST /exchange: 1, and 1 more for every 40 items of a batch."""
    action = request.get("action") if isinstance(request, dict) else None
    if not isinstance(action, dict):
        return 1
    batches = (action.get(name) for name in _BATCHES)
    return 1 + max(len(batch) if isinstance(batch, list) else 0 for batch in batches) // _ACTIONS_PER_WEIGHT


@dataclass(slots=True)
class Window:
    """What was spent in the last minute."""

    spent: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def spend(self, weight: int, most: int, now_s: float) -> bool:
        """Whether ``weight`` still fits below ``most``; nothing is spent if not."""
        self.forget(now_s)
        if self.total + weight > most:
            return False
        self.add(weight, now_s)
        return True

    def add(self, weight: int, now_s: float) -> None:
        """Spend it whatever the limit."""
        if weight:
            self.spent.append((now_s, weight))
            self.total += weight

    def forget(self, now_s: float) -> None:
        while self.spent and self.spent[0][0] <= now_s - _MINUTE_S:
            self.total -= self.spent.popleft()[1]


@dataclass(slots=True)
class Peer:
    """One IP address."""

    rest: Window = field(default_factory=Window)
    connects: Window = field(default_factory=Window)
    messages: Window = field(default_factory=Window)
    connections: int = 0
    subscriptions: int = 0
    users: Counter[str] = field(default_factory=Counter)
    """Subscriptions by the user that they watch."""
    posts: int = 0
    """Not yet answered."""

    def subscribe(self, user: str | None) -> None:
        """Count a subscription, which watches ``user`` or nobody."""
        self.subscriptions += 1
        if user is not None:
            self.users[user] += 1

    def unsubscribe(self, user: str | None) -> None:
        """The opposite of ``subscribe``."""
        self.subscriptions -= 1
        if user is not None:
            self.users[user] -= 1
            if not self.users[user]:
                del self.users[user]

    def is_idle(self, now_s: float) -> bool:
        windows = (self.rest, self.connects, self.messages)
        for window in windows:
            window.forget(now_s)
        return not self.connections and not any(window.total for window in windows)


@dataclass(frozen=True, slots=True)
class Caps:
    """Per IP address; those of a minute say so."""

    weight_a_minute: int
    connections: int = 10
    connects_a_minute: int = 30
    subscriptions: int = 1000
    users: int = 10
    messages_a_minute: int = 2000
    posts: int = 100


class IpLimits:
    """Where ``caps`` is None nothing is limited; what is counted is counted all the same."""

    def __init__(self, caps: Caps | None) -> None:
        self._caps = caps
        self._peers: dict[str, Peer] = {}

    def peer(self, address: str) -> Peer:
        return self._peers.setdefault(address, Peer())

    def sweep(self, now_s: float) -> None:
        """Forget addresses that have been silent for a minute."""
        for address in [address for address, peer in self._peers.items() if peer.is_idle(now_s)]:
            del self._peers[address]

    def spend(self, address: str, weight: int, now_s: float) -> bool:
        """Whether a REST request of that weight is answered."""
        return self._caps is None or self.peer(address).rest.spend(weight, self._caps.weight_a_minute, now_s)

    def add(self, address: str, weight: int, now_s: float) -> None:
        """What an answer turned out to weigh."""
        if self._caps is not None:
            self.peer(address).rest.add(weight, now_s)

    def connect(self, address: str, now_s: float) -> Peer | None:
        """Count a new WebSocket; None if it is one too many. The caller takes it off ``connections`` at its end."""
        peer, caps = self.peer(address), self._caps
        if caps is not None and (
            peer.connections >= caps.connections or not peer.connects.spend(1, caps.connects_a_minute, now_s)
        ):
            return None
        peer.connections += 1
        return peer

    def refuse_message(self, peer: Peer, now_s: float) -> str:
        """What a client that talks too much is told, else nothing."""
        caps = self._caps
        if caps is None or peer.messages.spend(1, caps.messages_a_minute, now_s):
            return ""
        return f"Cannot send more than {caps.messages_a_minute} messages per minute."

    def refuse_subscription(self, peer: Peer, user: str | None) -> str:
        """As ``refuse_message``, for a new subscription, which watches ``user`` or nobody."""
        caps = self._caps
        if caps is None:
            return ""
        if peer.subscriptions >= caps.subscriptions:
            return f"Cannot subscribe to more than {caps.subscriptions} channels."
        if user is not None and user not in peer.users and len(peer.users) >= caps.users:
            return f"Cannot track more than {caps.users} total users."
        return ""

    def refuse_post(self, peer: Peer, number: int) -> str:
        """As ``refuse_message``, for a post with that id."""
        is_full = self._caps is not None and peer.posts >= self._caps.posts
        return f"too many pending post requests id={number}" if is_full else ""
