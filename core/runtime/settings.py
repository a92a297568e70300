"""Settings: flag > environment ``HL_*`` > ``gridbot.toml`` > default. Unknown names and contradictions are refused at start.

``*_pct`` settings are fractions (0.0006 = 0.06 %). Keys are not settings: they never enter this object.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from core.runtime.statedir import UsageError

Fraction = Annotated[Decimal, Field(ge=0, lt=1, allow_inf_nan=False)]
Positive = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]

MIN_LEVEL_USD = Decimal(11)
"""The exchange's minimum is 10 USD, on the lowest line of the grid and after rounding down to lots."""

SECRET_NAMES = frozenset({"HL_AGENT_KEY", "HL_PRIVATE_KEY"})
OUTSIDE_NAMES = SECRET_NAMES | {"HL_USER_ADDRESS"}
"""Names read by ``core.runtime.keys``, not here."""

MAY_BE_OFF = (
    *("max_drawdown_pct", "max_unrealized_dd_pct", "daily_pnl_stop", "daily_pnl_take"),
    *("stop_loss_low", "stop_loss_high", "max_single_fill_pnl", "funding_bleed_pct"),
)
"""Limits: ``off`` means 0, which means none."""

PRICES_OF_ONE_COIN = ("stop_loss_low", "stop_loss_high")

NOT_YET_IN_EFFECT = frozenset(
    """HL_DEX HL_RANDOM_SIZE_JITTER HL_REPRICE_TICK_THRESHOLD HL_DEFAULT_STRATEGY HL_ATR_LENGTH HL_EWMA_ALPHA
    HL_INIT_VOL_MULTIPLIER HL_TREND_FAST_EMA HL_TREND_SLOW_EMA HL_VOL_CIRCUIT_SIGMA HL_SKEW_SOFT HL_SKEW_HARD
    HL_LOOP_INTERVAL_SEC HL_RESYNC_POSITION_SEC HL_REST_FILL_POLL_SEC HL_FILL_RESCAN_MS HL_PNL_LOG_INTERVAL_SEC
    HL_WS_STALE_AFTER_SEC HL_WS_WATCH_INTERVAL_SEC HL_DATA_HALT_SEC HL_REST_MID_BACKOFF_SEC HL_HTTP_TIMEOUT
    HL_MID_CACHE_TTL_MS HL_MAX_SKEW_RATIO
    HL_API_ERROR_THRESHOLD HL_COALESCE_MS HL_COALESCE_PCT HL_COALESCE_WINDOW HL_USE_CLOID HL_ORDER_TTL_MS
    HL_STUCK_ORDER_CANCEL_SEC HL_WAL_ENABLED HL_WAL_DIR HL_FILL_LOG_RETENTION_DAYS HL_FILL_LOG_COMPACT_INTERVAL_SEC
    HL_FILL_LOG_BATCH_FLUSH_SEC HL_ARCHIVE_S3_BUCKET HL_DEAD_MAN_SWITCH_SEC HL_METRICS_PORT HL_METRICS_TOKEN
    HL_ALERT_WEBHOOK_URL HL_ALERT_WEBHOOK_TYPE HL_ALERT_ENABLED HL_LOG_ORDER_INTENT_SAMPLE HL_LOG_STRATEGY_SAMPLE
    HL_LOG_SUBMIT_SAMPLE HL_PER_COIN_CONFIG HL_MIN_NOTIONAL_USD""".split()  # noqa: SIM905 - a table of names reads better so
)
"""Names that are valid and have no effect in this version; one that is set is warned about at start."""


class Settings(BaseSettings):
    """All settings but secrets, for one coin: ``[coins.NAME]`` of the file is laid over its top level."""

    model_config = SettingsConfigDict(env_prefix="HL_", extra="forbid", frozen=True)

    base_url: str = Field("", description="The exchange's URL; it never selects a network by itself")
    coins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Coins to trade, comma-separated; HIP-3 as dex:NAME"
    )
    coin: str = Field("", description="One coin to trade")
    state_dir: Path | None = Field(None, description="Where journal, logs and socket live")
    live_account: str = Field(
        "", description="mainnet: the account's address, in place of the typed confirmation"
    )

    investment_usd: Positive = Field(Decimal(1000), description="Money the grid works with, in USD")
    leverage: Positive = Field(
        Decimal(3), le=100, description="Sizing only: all levels together are investment x leverage"
    )
    num_grids: int = Field(10, ge=1, le=500, description="Levels per side")
    grid_spacing_pct: Fraction = Field(Decimal("0.0005"), description="Distance between levels")
    grid_spacing_max_pct: Fraction = Field(
        Decimal("0.005"), description="The spacing is never more than this"
    )
    trailing_pct: Fraction = Field(
        Decimal(0),
        description="How far the mid may leave the center before the grid follows; 0: one spacing past the last level",
    )
    recenter_interval_sec: NotNegative = Field(
        Decimal(10), description="The least time between two grids, in seconds"
    )
    max_position_abs: NotNegative = Field(
        Decimal(0), description="Worst-case position cap in the coin; 0: none"
    )
    max_symbol_notional: NotNegative = Field(
        Decimal(0), description="Worst-case position cap in USD; 0: investment x leverage"
    )
    maker_fee_pct: Fraction = Field(
        Decimal("0.00015"), description="Your maker fee; the spacing must be above two of them"
    )
    flatten_slippage_pct: Fraction = Field(
        Decimal("0.005"), description="How far past the best price flatten may trade"
    )

    funding_bleed_pct: Fraction = Field(
        Decimal("0.02"),
        description="Net funding paid within a day, of the account's value, that halts a coin; 0: no limit",
    )

    max_drawdown_pct: Fraction = Field(
        Decimal("0.12"),
        description="Loss since the highest profit, of the account, that halts all; off: no limit",
    )
    max_unrealized_dd_pct: Fraction = Field(
        Decimal("0.15"),
        description="Loss of the open positions, of the account, that halts all; off: no limit",
    )
    daily_pnl_stop: Annotated[Decimal, Field(le=0, allow_inf_nan=False)] = Field(
        Decimal(0), description="Profit since 00:00 UTC, in USD and negative, that halts all; off: no limit"
    )
    daily_pnl_take: NotNegative = Field(
        Decimal(0), description="Profit since 00:00 UTC, in USD, that halts all; off: no limit"
    )
    stop_loss_low: NotNegative = Field(
        Decimal(0), description="Below this price the position is closed and the coin halts; off: no limit"
    )
    stop_loss_high: NotNegative = Field(
        Decimal(0), description="Above this price the position is closed and the coin halts; off: no limit"
    )
    max_single_fill_pnl: NotNegative = Field(
        Decimal(500), description="Profit or loss of one fill, in USD, above which it is told of; off: never"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What it is given and nothing else: ``load_settings`` lays the sources over each other, and can name each."""
        return (init_settings,)

    @field_validator("coins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("num_grids", mode="before")
    @classmethod
    def _not_a_flag(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("must be a whole number, not true or false")
        return value

    @field_validator(*MAY_BE_OFF, mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return 0 if isinstance(value, str) and value.strip().lower() == "off" else value

    def contradiction(self) -> tuple[str, str]:
        """The setting that can't be, and why with what would do; two empty texts if all is well."""
        round_trip = 2 * self.maker_fee_pct
        if self.grid_spacing_pct <= round_trip:
            return "grid_spacing_pct", (
                f"is not above the fees of a round trip ({round_trip}), so every round trip would lose money; "
                f"use at least {round_trip * Decimal('1.25')}"
            )
        if self.grid_spacing_pct > self.grid_spacing_max_pct:
            return "grid_spacing_pct", (
                f"is above grid_spacing_max_pct ({self.grid_spacing_max_pct}); lower it or raise the maximum"
            )
        size = self.investment_usd * self.leverage / (2 * self.num_grids)
        if size < MIN_LEVEL_USD:
            return "investment_usd", (
                f"x leverage over {2 * self.num_grids} levels makes {size:.2f} USD a level, below the exchange's minimum of "
                f"10 USD; use at least {MIN_LEVEL_USD * 2 * self.num_grids / self.leverage:.0f}, or fewer levels"
            )
        if 0 < self.stop_loss_high <= self.stop_loss_low:
            return (
                "stop_loss_high",
                f"is not above stop_loss_low ({self.stop_loss_low}); raise it, or write off",
            )
        if self.grid_spacing_pct * self.num_grids >= 1:
            return "num_grids", f"levels of {self.grid_spacing_pct} reach a price of 0; lower it"
        return "", ""


WHOLE_ACCOUNT = frozenset(
    {
        *("base_url", "coins", "coin", "state_dir", "live_account"),
        *("max_drawdown_pct", "max_unrealized_dd_pct", "daily_pnl_stop", "daily_pnl_take"),
    }
)
"""Settings that no single coin can have."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings by coin, in the order named, and what to warn about."""

    by_coin: dict[str, Settings]
    common: Settings
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A TOML file and its text, so that errors can name the line."""

    path: Path
    top: dict[str, Any]
    coins: dict[str, dict[str, Any]]
    lines: tuple[str, ...]
    unused: tuple[str, ...] = ()
    """Keys that are valid and have no effect in this version."""

    def where(self, key: str, coin: str = "") -> str:
        """``gridbot.toml line 3``, the place of a key."""
        section = ""
        for number, line in enumerate(self.lines, 1):
            header = re.match(r"\s*\[([^\]]+)\]", line)
            if header:
                section = header.group(1).strip().replace('"', "")
            elif re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line) and section == (
                f"coins.{coin}" if coin else ""
            ):
                return f"{self.path} line {number}"
        return str(self.path)


def load_settings(
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    file: Path | None,
    default_file: Path = Path("gridbot.toml"),
) -> Loaded:
    """Read every source and check them. Raises ``UsageError`` with file, line, value and the fix."""
    check_environment(environ)
    config = read_config_file(file, default_file)
    common = _validated(config, flags, environ, "")
    coins = common.coins or ((common.coin,) if common.coin else tuple(config.coins) or ("BTC",))
    doubled = {coin for coin in coins if coins.count(coin) > 1}
    if doubled:
        raise UsageError(f"{', '.join(sorted(doubled))} is named twice; name each coin once")
    by_coin = {coin: _validated(config, flags, environ, coin) for coin in coins}
    for name in PRICES_OF_ONE_COIN if len(coins) > 1 else ():
        if getattr(common, name):
            raise UsageError(
                f"{_origin(config, flags, environ, '', name)}: {name} is the price of one coin, and {len(coins)} are traded; "
                "write it under [coins.NAME]"
            )
    unused = (*sorted(name for name in environ if name in NOT_YET_IN_EFFECT), *config.unused)
    warnings = [f"{name} is set and has no effect in this version" for name in unused]
    warnings += [
        f"[coins.{name}] has no effect: {name} is not traded here"
        for name in config.coins
        if name not in coins
    ]
    return Loaded(by_coin, common, tuple(warnings))


def check_environment(environ: Mapping[str, str]) -> None:
    """Refuse unknown ``HL_*`` names: a typo must not silently mean the default."""
    known = {f"HL_{name.upper()}" for name in Settings.model_fields} | OUTSIDE_NAMES | NOT_YET_IN_EFFECT
    for name in sorted(environ):
        if name.upper().startswith("HL_") and name not in known:
            raise UsageError(f"{name} is not a setting{_nearest(name, known)}")


def read_config_file(file: Path | None, default_file: Path) -> ConfigFile:
    """The named file, or ``gridbot.toml`` here if there is one, or nothing."""
    path = file or default_file
    if not path.exists():
        if file is None:
            return ConfigFile(path, {}, {}, ())
        raise UsageError(f"the config file {file} doesn't exist; fix the path given with --config")
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    tables = content.get("coins")
    overrides = content.pop("coins") if isinstance(tables, dict) else {}
    config = ConfigFile(path, content, overrides, tuple(text.splitlines()))
    unused = []
    for coin, table in {"": content, **overrides}.items():
        if not isinstance(table, dict):
            raise UsageError(f"{config.where(coin)}: coins.{coin} must be a table: [coins.{coin}]")
        for key in list(table):
            if f"HL_{key.upper()}" in NOT_YET_IN_EFFECT:
                unused.append(f"{key} ({config.where(key, coin)})")
                del table[key]
            elif coin and key in WHOLE_ACCOUNT:
                raise UsageError(
                    f"{config.where(key, coin)}: {key} is not one coin's; write it above [coins.{coin}]"
                )
            elif key not in Settings.model_fields:
                known = {*Settings.model_fields, *(name[3:].lower() for name in NOT_YET_IN_EFFECT)}
                raise UsageError(f"{config.where(key, coin)}: {key} is not a setting{_nearest(key, known)}")
    return replace(config, unused=tuple(unused))


def _validated(
    config: ConfigFile, flags: Mapping[str, Any], environ: Mapping[str, str], coin: str
) -> Settings:
    from_file: dict[str, Any] = {**config.top, **config.coins.get(coin, {})}
    from_environment: dict[str, Any] = {
        name: environ[f"HL_{name.upper()}"]
        for name in Settings.model_fields
        if f"HL_{name.upper()}" in environ
    }

    try:
        settings = Settings(**{**from_file, **from_environment, **flags})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UsageError(
            f"{_origin(config, flags, environ, coin, name)}: {name} {first['input']!r}: {first['msg'].lower()}; "
            f"the default is {_default(name)}"
        ) from None
    name, reason = settings.contradiction()
    if name:
        where = _origin(config, flags, environ, coin, name)
        raise UsageError(f"{where}: {name} {getattr(settings, name)} {reason}")
    return settings


def _origin(
    config: ConfigFile, flags: Mapping[str, Any], environ: Mapping[str, str], coin: str, name: str
) -> str:
    """Where a value came from, so that the message can say where to change it."""
    if name in flags:
        return f"--{name.replace('_', '-')}"
    if f"HL_{name.upper()}" in environ:
        return f"HL_{name.upper()}"
    if name in config.coins.get(coin, {}):
        return config.where(name, coin)
    return config.where(name) if name in config.top else "default"


def _default(name: str) -> str:
    return repr(Settings.model_fields[name].default).removeprefix("Decimal('").removesuffix("')")


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else "; the README lists the settings"
