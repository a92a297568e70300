"""Rules about several settings, or several coins, at once. Each finding stands once, however many coins it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from core.runtime.settings.contradictions import contradictions
from core.runtime.settings.layers import Layers
from core.runtime.settings.model import PRICES_OF_ONE_COIN, WHOLE_ACCOUNT, Settings
from core.runtime.settings.names import environment_name
from core.runtime.settings.options import without_effect
from core.runtime.settings.problem import Origin, Problem, Source, plain, setting_text
from core.runtime.settings.reading import Reading
from core.runtime.settings.required import EXAMPLES, NO_STOP, missing


def coins_together(layers: Layers, common: Settings, coins: tuple[str, ...]) -> Iterator[Problem]:
    """A coin named twice, one price for several coins, coins of several dexs, a coin of another dex than the one named."""
    word = "coins" if common.coins else "coin"
    named = layers.origin(word, "")
    for coin in dict.fromkeys(coin for coin in coins if coins.count(coin) > 1):
        yield Problem(named, coin, " is named twice", "name each coin once")
    if common.coins and common.coin and named.source is not Source.FLAG:
        rule = f" stands beside coins, which is {', '.join(map(plain, common.coins))}"
        fix = "name them all in coins, and take coin away"
        yield Problem(layers.origin("coin", ""), "coin", rule, fix, plain(common.coin))
    for name in PRICES_OF_ONE_COIN if len(coins) > 1 else ():
        of_all = layers.origin(name, "")
        if getattr(common, name) and any(layers.origin(name, coin) == of_all for coin in coins):
            rule = f" is the price of one coin, and {len(coins)} are traded"
            yield Problem(
                of_all, name, rule, "write it under [coins.NAME]", setting_text(getattr(common, name))
            )
    dexs = {coin.rpartition(":")[0]: coin for coin in reversed(coins)}
    if len(dexs) > 1:
        if named.source is Source.DEFAULT:
            word, named = "coins", layers.file.where_table(next(iter(dexs.values())))
        rule = f" are of {len(dexs)} dexs ({', '.join(map(plain, coins))}), and one instance trades one"
        yield Problem(named, word, rule, "start one for each dex, each with its own --state-dir and --config")
    yield from _of_another_dex(layers, coins)


def _of_another_dex(layers: Layers, coins: tuple[str, ...]) -> Iterator[Problem]:
    """The predecessor's ``HL_DEX`` named the dex of all coins; ``hl`` and nothing were the first one."""
    origin = Origin(Source.ENVIRONMENT, "HL_DEX") if "HL_DEX" in layers.environ else layers.file.where("dex")
    dex = str(layers.environ.get("HL_DEX", layers.file.top.get("dex", ""))).strip()
    for coin in coins if dex not in ("", "hl") else ():
        own, _, name = coin.rpartition(":")
        if own != dex:
            passes = f"{plain(dex)}:{plain(name)}"
            fix = f"write {passes}, or take the dex away: each coin names its own"
            yield Problem(origin, "dex", f": {plain(coin)} is not on it", fix, plain(dex), passes)


def contradictory(layers: Layers, readings: Iterable[Reading]) -> Iterator[Problem]:
    """What can't be meant together in the settings of one coin."""
    found: dict[Problem, list[str]] = {}
    readings = list(readings)
    for each in readings:
        for wrong in contradictions(each.settings, without=each.invalid):
            value = setting_text(getattr(each.settings, wrong.name))
            origin = layers.origin(wrong.name, each.coin)
            problem = Problem(
                origin, wrong.name, f" {wrong.why}", wrong.fix, value, setting_text(wrong.passes)
            )
            found.setdefault(problem, []).append(each.coin)
    return _by_coin(found, len(readings))


def idle(layers: Layers, readings: Iterable[Reading]) -> Iterator[Problem]:
    """What is written, and changes nothing with the strategy of its coin."""
    found: dict[Problem, list[str]] = {}
    readings = list(readings)
    for each in readings:
        for one in without_effect(each.settings, layers.written(each.coin), each.invalid):
            origin = layers.origin(one.name, each.coin)
            value = setting_text(getattr(each.settings, one.name))
            found.setdefault(Problem(origin, one.name, one.rule, one.fix, value, one.passes), []).append(
                each.coin
            )
    return _by_coin(found, len(readings))


def not_written(layers: Layers, profile: str, coins: tuple[str, ...], network: str) -> Iterator[Problem]:
    """What the operator must write for a network or a profile, and hasn't."""
    file = layers.file.itself()
    found: dict[Problem, list[str]] = {}
    for coin in coins:
        written = layers.values(coin) | ({"coins": coin} if coin in layers.file.coins else {})
        for each in missing(written, network, profile):
            example = EXAMPLES.get(each.name, "")
            rule = f" is not written, and {each.why} {each.what} must be"
            if example == NO_STOP:
                fix = f"write a price, as {each.name} = …, or {each.name} = {NO_STOP} if none is meant"
            else:
                fix = f"write for instance {each.name} = {example}"
            fix += f", or {each.or_else}" if each.or_else else ""
            fix += f" ({environment_name(each.name)} in the environment)"
            found.setdefault(Problem(file, each.name, rule, fix, passes=example.strip('"')), []).append(coin)
    return _by_coin(found, len(coins))


def _by_coin(found: dict[Problem, list[str]], coins: int) -> Iterator[Problem]:
    """What all have in common is named once, the rest for each coin."""
    for problem, whose in found.items():
        is_of_all = len(whose) == coins or problem.name in WHOLE_ACCOUNT
        yield from [problem] if is_of_all else [replace(problem, coin=coin) for coin in whose]
