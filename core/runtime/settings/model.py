"""All settings of one coin in one frozen object. Keys are not settings: they never enter it."""

from __future__ import annotations

from decimal import Decimal

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.runtime.settings.account import AccountFields
from core.runtime.settings.features import FeatureFields
from core.runtime.settings.grid import GridFields
from core.runtime.settings.risk import RiskFields
from core.runtime.settings.sessions import SessionFields
from core.runtime.settings.telling import TellingFields
from core.runtime.settings.timing import TimingFields
from core.runtime.settings.values import HIDDEN, MAY_BE_OFF_MARK, OF_THE_ACCOUNT, PRICE_OF_ONE_COIN, marked

ORDERS_PER_MIN = 300


class Settings(
    TellingFields,
    TimingFields,
    SessionFields,
    RiskFields,
    FeatureFields,
    GridFields,
    AccountFields,
    BaseSettings,
):
    """``*_pct`` settings are fractions (0.0006 = 0.06 %). A new setting is one field of a group, and its use.

    The last base's fields come first.
    """

    model_config = SettingsConfigDict(env_prefix="HL_", extra="forbid", frozen=True)

    @property
    def budget_usd(self) -> Decimal:
        """What all levels are worth together."""
        return self.investment_usd * self.leverage

    @property
    def position_cap_usd(self) -> Decimal:
        """``max_symbol_notional``, or the budget where that isn't written. ``max_position_abs`` may be less."""
        return self.max_symbol_notional or self.budget_usd

    @property
    def orders_per_min(self) -> int:
        """``max_orders_per_min``, 0 for no limit; not written: five a second, or what replaces the grid a few times."""
        if self.max_orders_per_min is not None:
            return self.max_orders_per_min
        return max(ORDERS_PER_MIN, 12 * self.num_grids)

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


MAY_BE_OFF = marked(Settings.model_fields, MAY_BE_OFF_MARK)
"""Limits: ``off`` means 0, which means none."""

WHOLE_ACCOUNT = frozenset(marked(Settings.model_fields, OF_THE_ACCOUNT))
"""Settings that no single coin can have."""

PRICES_OF_ONE_COIN = marked(Settings.model_fields, PRICE_OF_ONE_COIN)

HIDDEN_NAMES = frozenset(marked(Settings.model_fields, HIDDEN))
"""Settings whose value isn't shown."""
