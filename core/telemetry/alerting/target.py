"""One place that messages go to. Its URL is a secret: whoever knows it can write there, and nothing here ever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.redaction import remember


@dataclass(frozen=True, slots=True)
class Target:
    """``url`` is apprise's; ``place``: where it was written, as in ``line 2 of /home/me/alert_urls``."""

    url: str = field(repr=False)
    place: str
    service: str = "?"
    """What apprise calls it, as in ``Telegram``."""

    def __post_init__(self) -> None:
        remember(self.url)

    @property
    def name(self) -> str:
        return f"{self.service} ({self.place})"
