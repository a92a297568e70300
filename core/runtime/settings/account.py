"""Settings: where to trade, what, and whose."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from core.runtime.settings.values import OF_THE_ACCOUNT, Directory, File


def _split(value: Any) -> Any:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _coin_name(value: str) -> str:
    if not value or not value.isprintable() or " " in value:
        raise ValueError("must be a coin's name, as BTC or xyz:TSLA")
    return value


def address(value: str) -> str:
    """In lower case. Raises ``ValueError``."""
    value = value.strip().lower()
    if value and re.fullmatch("0x[0-9a-f]{40}", value) is None:
        raise ValueError("must be an address (0x and 40 hex digits)")
    return value


Address = Annotated[str, AfterValidator(address)]
CoinName = Annotated[str, AfterValidator(_coin_name)]


class AccountFields(BaseModel):
    """Of the whole account, all of them."""

    profile: Annotated[Literal["", "simple"], OF_THE_ACCOUNT] = Field(
        "",
        description="simple: eight settings must be written, the rest are defaults, also where a network wants them written",
    )
    base_url: Annotated[str, OF_THE_ACCOUNT] = Field(
        "", description="A paper exchange's URL, in place of the embedded one; it never selects a network"
    )
    coins: Annotated[tuple[CoinName, ...], NoDecode, BeforeValidator(_split), OF_THE_ACCOUNT] = Field(
        (), description="Coins to trade, comma-separated; HIP-3 as dex:NAME; in the file a [coins.NAME] each"
    )
    coin: Annotated[CoinName | Literal[""], OF_THE_ACCOUNT] = Field(
        "", description="One coin to trade; without any it is BTC"
    )
    state_dir: Annotated[Directory | None, OF_THE_ACCOUNT] = Field(
        None, description="Where journal, logs and socket live; one per user, network and account if not set"
    )
    user_address: Annotated[Address, OF_THE_ACCOUNT] = Field(
        "",
        description="The account that is traded: its address, never the agent's; testnet and mainnet need it",
    )
    key_file: Annotated[File | None, OF_THE_ACCOUNT] = Field(
        None,
        description="A file with the agent's key, 0600, or its keystore; without it the one that `gridbot init` has made",
    )
    live_account: Annotated[str, OF_THE_ACCOUNT] = Field(
        "", description="mainnet: the account's address, in place of the typed confirmation"
    )
    adopt: bool = Field(
        False, description="Keep the leverage and margin mode of a position that has others than configured"
    )
