"""What an operator can ask of a running core, by key, by command line or by socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

CLEAR = "default"
"""The value that takes an override of spacing or levels away."""

MOST_LEVELS = 500
"""A side; more is no grid."""

ALL_COINS = "all"
"""The value of a flatten that means every coin: without it the coin has to be named where there are several."""


KEEP_ORDERS = "keep"
"""The value of a stop that leaves the grid's orders at the exchange, for the next start to go on with."""


class Action(StrEnum):
    HALT = "halt"
    RESUME = "resume"
    FLATTEN = "flatten"
    """Of one coin, or with the value ``ALL_COINS`` of every coin."""
    FLATTEN_PREVIEW = "flatten_preview"
    """Read what a flatten would be closed against: ``CoinView.closing`` tells it. It is in no log."""
    CANCEL_ALL_PREVIEW = "cancel_all_preview"
    CANCEL_ALL = "cancel_all"
    PARK = "park"
    """Cancel one order and leave its slot empty until it is unparked; ``Command.value`` is the order's cloid."""
    UNPARK = "unpark"
    """Every parked slot of the coin is quoted again."""
    RESET_BREAKER = "reset_breaker"
    ACKNOWLEDGE = "acknowledge"
    """The alerts that hold now are known: no bell for a while."""
    RESYNC = "resync"
    RECONNECT = "reconnect"
    POLL = "poll"
    RECONCILE = "reconcile"
    ACCEPT = "accept"
    STOP = "stop"
    """End the run in order, as SIGTERM does; with the value ``KEEP_ORDERS`` what rests of the grid stays."""
    MARGIN_PREVIEW = "margin_preview"
    MARGIN_ADD = "margin_add"
    SET_SPACING_PREVIEW = "set_spacing_preview"
    SET_SPACING = "set_spacing"
    SET_LEVELS_PREVIEW = "set_levels_preview"
    SET_LEVELS = "set_levels"
    ATTACH = "attach"
    """A screen began to look on. Like the two that follow, only the core's own door writes it down."""
    DETACH = "detach"
    TAKE_CONTROL = "take_control"
    """A screen acts now, in place of another or of nobody."""
    ROTATE_KEY = "rotate_key"
    """Another agent signs now, in place of the one before; ``Command.value`` says which."""


PREVIEWS = frozenset(
    {
        Action.CANCEL_ALL_PREVIEW,
        Action.FLATTEN_PREVIEW,
        Action.MARGIN_PREVIEW,
        Action.SET_SPACING_PREVIEW,
        Action.SET_LEVELS_PREVIEW,
    }
)
"""What an operator looks at before he acts: answered, and in no log."""

LOOKS = PREVIEWS | {Action.ACKNOWLEDGE}
"""What changes nothing in trading, so that every screen may ask it."""

WAYS_OUT = frozenset({Action.HALT, Action.FLATTEN, Action.CANCEL_ALL, Action.STOP})
"""What ends the quoting: it is taken, however much else waits (I7)."""

OF_THE_DOOR = frozenset({Action.ATTACH, Action.DETACH, Action.TAKE_CONTROL, Action.ROTATE_KEY})
"""What nobody can ask the desk for by name: it has been done elsewhere, and is written down here."""


class Origin(StrEnum):
    """What asked. The engine's own decide what a flatten does: one of a session halts nothing, one of a restart goes on."""

    TUI = "tui"
    """The screen of the process that trades."""
    SCREEN = "screen"
    """An attached one."""
    CLI = "cli"
    """A command line, or a script on the socket."""
    RISK = "risk"
    SESSION = "session"
    RESTART = "restart"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Operator:
    """Who asked, for the operator's log; all empty for a rule of our own."""

    user: str = ""
    """The login name of the process that asked."""
    client: str = ""
    """The address of its SSH client; empty for a local terminal."""
    via: str = ""
    """The key that was pressed (``key F``) or the command that was typed (``gridbot flatten``)."""
    tty: str = ""
    """The terminal, as in ``pts/3``; empty without one."""

    @property
    def name(self) -> str:
        """``alice@pts/3``; ``?`` for one that didn't say."""
        return (f"{self.user}@{self.tty}" if self.tty else self.user) or "?"

    @property
    def label(self) -> str:
        """The name and where from: ``alice@pts/3 from 203.0.113.7``."""
        return f"{self.name} from {self.client}" if self.client else self.name


@dataclass(frozen=True, slots=True)
class Command:
    """One request. ``id`` makes it idempotent: the same id acts once, however often it arrives.

    ``coin`` empty means every coin.
    """

    id: str
    action: Action
    coin: str = ""
    origin: Origin = Origin.CLI
    value: str = ""
    """What it is to be set to, or how much; as it was typed."""
    by: Operator = field(default_factory=Operator)
    refusal: str = ""
    """Why whoever asks may not act; empty if he may. The desk writes it down and does nothing."""

    @property
    def asked_by(self) -> str:
        """What asked, and who: ``cli``, ``tui (alice@pts/3 from 203.0.113.7)``."""
        return f"{self.origin.value} ({self.by.label})" if self.by.user else self.origin.value
