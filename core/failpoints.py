"""Where a test may end the program as ``kill -9`` would: named steps of the pipelines of fills and orders.

``GRIDBOT_FAILPOINT=name`` kills the process at the first passage of that point, ``name:3`` at the third. Unset, a point is one
comparison. The variable is read once, at import, and has no ``HL_`` in its name because it is no setting.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Literal, NamedTuple, get_args

VARIABLE = "GRIDBOT_FAILPOINT"

Point = Literal[
    # starting
    "migrated",
    "anchor_read",
    "boot_saved",
    "orphan_cancel",
    # a fill
    "fill_arrived",
    "fill_inserted",
    "fill_committed",
    "fill_stepped",
    # the rows that a step wants
    "rows_written",
    "intent_committed",
    "checkpoint_saved",
    "log_folding",
    # an order on its way
    "order_signed",
    "order_sent",
    "order_answered",
    # an order on its way into the place of another
    "modify_committed",
    "modify_signed",
    "modify_sent",
    "modify_answered",
    # a batch of cancels on its way
    "cancel_signed",
    "cancel_sent",
    "cancel_answered",
    # an action whose nonce or time was refused, before it is sent once more
    "send_again",
    # the exchange's dead man's switch, asked for or taken back; its row when that is committed
    "switch_signed",
    "switch_sent",
    "switch_answered",
    "switch_saved",
    # a flatten: every row of the turn is durable, and nothing of it has begun
    "flatten_cancel",
    "flatten_read",
    "flatten_close",
    "flatten_rest",
    "flatten_verify",
    # a row of the operator's log, with what its command has changed
    "action_inserted",
    "action_committed",
    # another key on its way into the place of the one that signs: the command's steps, the running bot's two, and a start's
    "rotation_begun",
    "rotation_approved",
    "rotation_proven",
    "rotation_signs",
    "rotation_done",
    "rotation_kept",
    "rotation_settled",
    # stopping
    "stop_last_read",
    "journal_closing",
]
"""In the order in which a run passes them; where each stands is told at its call."""

POINTS: tuple[Point, ...] = get_args(Point)


class Steps(NamedTuple):
    """The points of one kind of action on its way."""

    signed: Point
    sent: Point
    answered: Point


STEPS = {
    "order": Steps("order_signed", "order_sent", "order_answered"),
    "batchModify": Steps("modify_signed", "modify_sent", "modify_answered"),
    "cancelByCloid": Steps("cancel_signed", "cancel_sent", "cancel_answered"),
    "scheduleCancel": Steps("switch_signed", "switch_sent", "switch_answered"),
}
"""By the action's type."""


FLATTEN_STEPS: dict[str, Point] = {
    "cancel": "flatten_cancel",
    "read": "flatten_read",
    "close": "flatten_close",
    "rest": "flatten_rest",
    "verify": "flatten_verify",
}
"""By the phase of a flatten."""


def failpoint(name: Point) -> None:
    """Pass a point; the process ends here if it is the one asked for."""
    if name == _name:
        _pass()


def _armed(wanted: str) -> tuple[str, int]:
    """The name and the count of passages in the variable's text; ends the program if it means nothing."""
    name, _, nth = wanted.partition(":")
    if (wanted and name not in POINTS) or not (nth or "1").isdecimal() or nth == "0":
        sys.stderr.write(
            f"gridbot: {VARIABLE}={wanted} is not a fail point; unset it, or write one of {', '.join(POINTS)}, "
            "with :2 for the second passage\n"
        )
        sys.exit(2)
    return name, int(nth or 1)


def _pass() -> None:
    global _left
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)


_name, _left = _armed(os.environ.get(VARIABLE, ""))
