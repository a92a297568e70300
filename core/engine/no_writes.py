"""That the exchange takes no actions though it answers reads: why, beside the words of whoever waits to act."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.causes import Cause
from core.domain.events import CancelOutcome, Event, PlaceOutcome


@dataclass(slots=True)
class NoWrites:
    """``why``: the failure of the newest action; empty if that was answered."""

    why: str = ""
    was_maintenance: bool = False
    """It has said at least once that it is down for a while."""
    _said: str = ""

    def heed(self, event: Event | None) -> None:
        if isinstance(event, CancelOutcome | PlaceOutcome) and event.results:
            self.why = event.failure.text if event.failure is not None else ""
            self.was_maintenance |= event.failure is not None and event.failure.cause is Cause.MAINTENANCE

    def told(self, text: str) -> str:
        """What is done, with what keeps it from being done in place of what kept it before."""
        doing = text.removesuffix(self._said)
        self._said = f"; no action is taken now: {self.why}" if self.why and self.why not in doing else ""
        return doing + self._said
