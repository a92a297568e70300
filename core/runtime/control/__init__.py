"""The control socket: how other processes of the same user reach a running core, and how screens look on and act.

``protocol`` says what a line is, ``viewers`` who looks on and who may act, ``watching`` sends snapshots and what changed of
them, ``server`` answers.
"""

from core.runtime.control.protocol import ANSWER_WITHIN_S, LINE_MAX, PROTOCOL
from core.runtime.control.server import ControlServer
from core.runtime.control.viewers import HOST, Viewers

__all__ = ["ANSWER_WITHIN_S", "HOST", "LINE_MAX", "PROTOCOL", "ControlServer", "Viewers"]
