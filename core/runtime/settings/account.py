"""Settings: where to trade, what, and whose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from core.runtime.settings.values import OF_THE_ACCOUNT


def _split(value: Any) -> Any:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


class AccountFields(BaseModel):
    """Of the whole account, all of them."""

    base_url: Annotated[str, OF_THE_ACCOUNT] = Field(
        "", description="The exchange's URL; it never selects a network by itself"
    )
    coins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), OF_THE_ACCOUNT] = Field(
        (), description="Coins to trade, comma-separated; HIP-3 as dex:NAME"
    )
    coin: Annotated[str, OF_THE_ACCOUNT] = Field("", description="One coin to trade")
    state_dir: Annotated[Path | None, OF_THE_ACCOUNT] = Field(
        None, description="Where journal, logs and socket live"
    )
    live_account: Annotated[str, OF_THE_ACCOUNT] = Field(
        "", description="mainnet: the account's address, in place of the typed confirmation"
    )
    adopt: Annotated[bool, OF_THE_ACCOUNT] = Field(
        False, description="Keep the leverage and margin mode of a position that has others than configured"
    )
