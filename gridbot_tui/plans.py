"""From flags, environment and file to a checked ``RunPlan``. Everything wrong is a ``UsageError`` before anything starts."""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.paper.config import EMBEDDED_SPEED
from core.runtime.alert_targets import checked, environment_warnings, read_targets
from core.runtime.http_url import split_http_url
from core.runtime.keys import Identity, KeyQuery, account_hint, find_sources, load_identity
from core.runtime.keys.sources import chosen
from core.runtime.metrics_token import read_token
from core.runtime.plan import RunPlan
from core.runtime.preview import seen as preview_seen
from core.runtime.settings import Judgement, Loaded, judge
from core.runtime.settings.listed import listed
from core.runtime.statedir import StateDir, UsageError, limits_dir, state_root
from core.telemetry.alerting.target import Target
from gridbot_tui.passphrase import passphrase_of
from gridbot_tui.run_flags import RunFlags

OFFICIAL_URLS = {
    "testnet": "https://api.hyperliquid-testnet.xyz",
    "mainnet": "https://api.hyperliquid.xyz",
}


def load(flags: RunFlags) -> tuple[Loaded, StateDir]:
    """Settings and the state dir, made ready; nothing is locked or started yet."""
    _check_live(flags)
    settings, _, state = _found(flags)
    if flags.network == "mainnet":
        objection = preview_seen.objection(settings, state, flags.preview, _preview_command(flags))
        if objection:
            raise UsageError(objection)
    state.prepare()
    return settings, state


def preview_of(flags: RunFlags) -> tuple[Loaded, str, StateDir]:
    """Settings, the exchange's address (empty for the embedded one) and the state dir of a start; nothing is written."""
    return _found(flags)


def judgement_of(network: str, coins: tuple[str, ...], config: Path | None, adopt: bool = False) -> Judgement:
    """What the present flags, environment and file come to."""
    flags: dict[str, Any] = {"coins": coins} if coins else {}
    if adopt:
        flags["adopt"] = True
    return judge(flags, os.environ, config, network=network)


def _found(flags: RunFlags) -> tuple[Loaded, str, StateDir]:
    if flags.exchange_url and flags.network != "paper":
        raise UsageError(f"--exchange-url goes with --network paper; {flags.network} has its own address")
    judged = judgement_of(flags.network, flags.coins, flags.config, flags.adopt)
    settings = replace(judged.settings(), listed=listed(judged))
    url = exchange_url(flags, settings)
    return settings, url, state_of(flags, url, *_where(settings))


def state_of(flags: RunFlags, url: str, account: str, configured: Path | None = None) -> StateDir:
    """The state dir of a start: as the flag, the settings, or the account on its network have it."""
    return StateDir(
        _absolute(flags.state_dir or configured or _default_state_dir(flags.network, url, account))
    )


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise UsageError(f"--state-dir {path} names no home that is there; write the whole path") from None


def _preview_command(flags: RunFlags) -> str:
    """What shows the preview of a start."""
    words = ["gridbot", "preview", "--network", flags.network]
    for coin in flags.coins:
        words += ["--coin", coin]
    words += ["--config", str(flags.config)] if flags.config else []
    words += ["--state-dir", str(flags.state_dir)] if flags.state_dir else []
    return shlex.join(words)


def make_plan(flags: RunFlags, settings: Loaded, state: StateDir) -> RunPlan:
    """The plan; call it with the state dir locked, for a paper key may be made."""
    query = key_query(flags.network, settings)
    identity = load_identity(query, state, os.environ, passphrase_of(flags.passphrase_fd, os.environ))
    if flags.network == "mainnet":
        _confirm_mainnet(identity, settings)
    targets = alert_targets(settings, state)
    token = read_token(state, os.environ) if settings.common.metrics_port else ""
    return RunPlan(
        network=flags.network,
        exchange_url=exchange_url(flags, settings),
        settings=settings,
        state=state,
        identity=identity,
        speed=EMBEDDED_SPEED,
        warnings=(
            *settings.warnings,
            *identity.warnings,
            *(environment_warnings(os.environ) if targets else ()),
        ),
        metrics_token=token,
        limits=limits_dir(),
        targets=targets,
    )


def alert_targets(settings: Loaded, state: StateDir) -> tuple[Target, ...]:
    """Where alerts go to, each one that apprise takes. Raises ``UsageError``; apprise is loaded if there is any."""
    targets = read_targets(settings.common, state, os.environ)
    if not targets:
        return ()
    from core.telemetry.alerting.delivery import service_of

    return checked(targets, service_of)


def key_query(network: str, settings: Loaded) -> KeyQuery:
    """Whose key these settings mean."""
    return KeyQuery(network, settings.common.user_address, settings.common.key_file)


def refused_beside(judged: Judgement, flags: RunFlags) -> tuple[str, ...]:
    """What a start would refuse though each setting could be read: an address, a key, a target of alerts. Opens no keystore."""
    if judged.loaded is None:
        return ()
    settings, out = judged.loaded, list[str]()

    def place() -> None:
        alert_targets(settings, state_of(flags, exchange_url(flags, settings), *_where(settings)))

    def key() -> None:
        chosen(find_sources(key_query(flags.network, settings), os.environ))

    for look in (place, key):
        try:
            look()
        except UsageError as error:
            out.append(str(error))
    return tuple(dict.fromkeys(out))


def _where(settings: Loaded) -> tuple[str, Path | None]:
    return settings.common.user_address, settings.common.state_dir


def exchange_url(flags: RunFlags, settings: Loaded) -> str:
    """Where to trade; empty means the embedded exchange. A URL never selects a network."""
    url = flags.exchange_url or (settings.common.base_url if flags.network == "paper" else "")
    if flags.network != "paper":
        return OFFICIAL_URLS[flags.network]
    if not url:
        return ""
    parts = split_http_url(url)
    if parts is None:
        raise UsageError(f"--exchange-url {url!r} is not a URL; write http://127.0.0.1:3001")
    if (parts.hostname or "").rstrip(".").endswith(("hyperliquid.xyz", "hyperliquid-testnet.xyz")):
        raise UsageError(f"{url} is not a paper exchange; for the real one choose --network testnet")
    return url.rstrip("/")


def _check_live(flags: RunFlags) -> None:
    if flags.network == "mainnet" and not flags.live:
        raise UsageError("mainnet trades real money: add --live if that is meant, or use --network testnet")
    if flags.live and flags.network != "mainnet":
        raise UsageError(
            f"--live means mainnet, but the network is {flags.network}; drop --live or add --network mainnet"
        )


def _default_state_dir(network: str, url: str, account: str) -> Path:
    """Per user, network and account; a paper exchange elsewhere is a network of its own."""
    where = network
    if network == "paper" and url:
        parts = urlsplit(url)
        where = f"paper-{_plain(parts.hostname or '')}-{parts.port or 80}"
    return state_root() / where / (account_hint(os.environ, account) or "default")


def _plain(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host)).replace(":", ".")
    except ValueError:
        return re.sub(r"[^a-z0-9.-]", "_", host.lower())


def _confirm_mainnet(identity: Identity, settings: Loaded) -> None:
    """``live_account`` in the config names the account, or somebody types the end of its address."""
    if settings.common.live_account.lower() == identity.account:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f'mainnet needs a confirmation: set live_account = "{identity.account}" in gridbot.toml, or start in a terminal'
        )
    sys.stderr.write(
        f"This trades REAL MONEY of {identity.account}. Type the last four characters of the address: "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != identity.account[-4:]:
        raise UsageError("not confirmed; nothing was started")
