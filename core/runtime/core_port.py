"""What a terminal may do with a core: read its newest Snapshot, hand it a command, wait for its end. Nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from core.domain.commands import Operator

if TYPE_CHECKING:
    from core.domain.commands import Action
    from core.preview_view import PreviewView
    from core.view import Snapshot

NOBODY = Operator()


class CorePort(Protocol):
    """The seam between the terminal's thread and the core's. No call blocks, except ``preview`` and ``wait_ended``."""

    def latest(self) -> Snapshot | None:
        """The newest Snapshot, ``None`` before the first."""

    def submit(self, action: Action, coin: str = "", value: str = "", by: Operator = NOBODY) -> str | None:
        """Hand over a command; its id, by which ``Snapshot.commands`` tells what became of it.

        ``None`` if the core's inbox (bounded) is full or the core has ended: show it as a refusal.
        """

    def preview(self, coin: str) -> PreviewView:
        """The grid of the running settings at the present price. It asks and reckons: call it from a worker thread."""

    def wait_ended(self, timeout_s: float) -> bool:
        """Block until the core's thread has ended or the time is up; whether it has ended."""

    def request_stop(self) -> None:
        """Ask the core to stop in order: no new orders, cancel ours, drain, reconcile, report."""

    def acting_refusal(self) -> str:
        """Why this screen may not act now, or can't; empty if it may. Halting is never refused to one that can."""

    def link_trouble(self) -> str:
        """What is wrong between this screen and the core; empty if nothing is."""
