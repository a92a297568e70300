"""Names as written, in the environment and in the file: what is no setting, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.runtime.settings.file import ConfigFile
from core.runtime.settings.model import WHOLE_ACCOUNT, Settings
from core.runtime.settings.names import (
    ALERT_URL_NAMES,
    METRICS_TOKEN_NAME,
    REFUSED,
    SECRET_NAMES,
    WITHOUT_EFFECT,
    environment_name,
    known_environment_names,
    known_file_keys,
    nearest,
    without_effect_text,
)
from core.runtime.settings.problem import Origin, Problem, Source, plain, shown

LISTS = "docs/configuration.md and `gridbot config show` list the settings"


FLAGS = frozenset({"network", "live"})
"""What is deliberately no setting: a file that is copied must not decide where real money is at stake."""


def environment_problems(environ: Mapping[str, str]) -> Iterator[Problem]:
    """Unknown ``HL_*`` names: a typo must not silently mean the default."""
    known = known_environment_names()
    for name in sorted(environ):
        origin = Origin(Source.ENVIRONMENT, "")
        if name.upper().startswith("HL_") and name not in known:
            yield _unknown(origin, name, nearest(name, known))
        elif name in REFUSED:
            rule, fix = REFUSED[name]
            yield Problem(origin, name, f" {rule}", fix, shown(environ[name]))


def file_problems(config: ConfigFile) -> Iterator[Problem]:
    """Of the file's tables and keys, not of their values."""
    for key, value in config.top.items():
        if isinstance(value, dict) and key not in Settings.model_fields:
            fix = f"the settings of one coin stand under [coins.{plain(key)}]"
            yield Problem(config.where(key), key, " is not a setting", fix)
        else:
            yield from _key_problem(config, key, "")
    for coin, table in config.coins.items():
        if not isinstance(table, dict):
            fix = f"write its settings as a table: [coins.{plain(coin)}]"
            yield Problem(config.where_table(coin), f"coins.{coin}", " must be a table", fix, shown(table))
        elif not coin:
            yield Problem(
                config.where_table(coin), "coins", " has a table without a name", "write [coins.BTC]"
            )
        else:
            for key in table:
                yield from _key_problem(config, key, coin)


def _key_problem(config: ConfigFile, key: str, coin: str) -> Iterator[Problem]:
    where = config.where(key, coin)
    if _old_name(key) in REFUSED:
        rule, fix = REFUSED[_old_name(key)]
        yield Problem(where, key, f" {rule}", fix)
    elif coin and key in WHOLE_ACCOUNT:
        yield Problem(where, key, " is not one coin's", f"write it above [coins.{plain(coin)}]")
    elif key not in Settings.model_fields and _old_name(key) not in WITHOUT_EFFECT:
        yield _unknown(where, key, nearest(key, known_file_keys()))


def _old_name(key: str) -> str:
    return environment_name(key) if key.islower() else ""


def _unknown(origin: Origin, name: str, near: str) -> Problem:
    if environment_name(name) in ALERT_URL_NAMES:
        fix = "it is a secret and lives in a file of its own: alert_urls in the state dir, or name one as alert_urls_file"
        return Problem(origin, name, " is not a setting", fix)
    if environment_name(name) == METRICS_TOKEN_NAME:
        fix = "it is a secret and lives in a file of its own: metrics_token in the state dir, mode 0600"
        return Problem(origin, name, " is not a setting", fix)
    if environment_name(name) in SECRET_NAMES:
        fix = "no key lives in a settings file: `gridbot keys import` keeps it, and key_file names it"
        return Problem(origin, name, " is not a setting", fix)
    if (flag := name.removeprefix("HL_").lower()) in FLAGS:
        fix = f"it is chosen at each start: --{flag.replace('_', '-')}"
        return Problem(origin, name, " is not a setting", fix)
    if origin.source is Source.FILE and name.startswith("HL_"):
        near = nearest(name[3:].lower(), known_file_keys())
    return Problem(origin, name, " is not a setting", f"did you mean {near}?" if near else LISTS, passes=near)


def names_without_effect(environ: Mapping[str, str], config: ConfigFile) -> Iterator[str]:
    """A warning for each that is set."""
    for name in sorted(environ):
        if name in WITHOUT_EFFECT:
            yield f"{name} {without_effect_text(name)}"
    for coin, table in {"": config.top, **{coin: config.table(coin) for coin in config.coins}}.items():
        for key in table:
            if _old_name(key) in WITHOUT_EFFECT:
                yield f"{key} ({config.where(key, coin).text}) {without_effect_text(_old_name(key))}"
