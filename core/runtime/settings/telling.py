"""Settings: who is told what while nobody is looking. Where alerts go to is no setting: those URLs are secrets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from core.runtime.http_url import split_http_url
from core.runtime.settings.values import HIDDEN, OF_THE_ACCOUNT, File, Whole


def _pinged(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not value:
        return secret
    if split_http_url(value) is None or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be a URL that begins with https:// or http://")
    return secret


Port = Annotated[Whole, Field(ge=0, le=65_535)]
PingUrl = Annotated[SecretStr, AfterValidator(_pinged)]


class TellingFields(BaseModel):
    """Of the whole account, all of them."""

    alert_enabled: Annotated[bool, OF_THE_ACCOUNT] = Field(
        True, description="Whether alerts are delivered to the targets of docs/alerts.md; false: to none"
    )
    alert_urls_file: Annotated[File | None, OF_THE_ACCOUNT] = Field(
        None,
        description="The file (mode 0600) of the URLs that alerts go to, one a line; if not set: alert_urls in the state dir",
    )
    alert_webhook_type: Annotated[Literal["generic", "slack", "discord", "pagerduty"], OF_THE_ACCOUNT] = (
        Field("generic", description="What HL_ALERT_WEBHOOK_URL is of; other URLs say it themselves")
    )
    alert_min_severity: Annotated[Literal["info", "warn", "crit"], OF_THE_ACCOUNT] = Field(
        "info",
        description="The least grave that is delivered; info: also starts, stops and what operators do",
    )
    daily_report: Annotated[bool, OF_THE_ACCOUNT] = Field(
        False,
        description="Whether the day's profit, fills and fees are delivered after 00:00 UTC, whatever the severity",
    )
    metrics_port: Annotated[Port, OF_THE_ACCOUNT] = Field(
        0,
        description="Where /metrics, /status, /health and /ready are served, on 127.0.0.1 alone (docs/metrics.md); 0: nowhere",
    )
    heartbeat_url: Annotated[PingUrl, OF_THE_ACCOUNT, HIDDEN] = Field(
        SecretStr(""),
        description="A URL that is fetched every minute while trading goes on, the stream is live and the position compared; "
        "who watches it raises the alarm when that ends",
    )
