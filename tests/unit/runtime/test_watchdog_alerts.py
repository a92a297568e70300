"""What a watchdog sends to the bot's targets when there is no bot that could."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.effects import Notify, notify
from core.runtime.heartbeat import Beat, Heartbeat
from core.runtime.keys import Identity
from core.runtime.settings import Settings
from core.runtime.statedir import StateDir, UsageError
from core.runtime.watchdog import Watchdog
from core.runtime.watchdog_alerts import WatchdogAlerts
from gridbot_tui import watchdog_command
from tests.unit.telemetry.alerting.sink import Sink, sink, until

T0 = 1_767_276_183_000
ACCOUNT = "0x14" + "0" * 36 + "25"
LOST = notify("watchdog_bot_lost", "crit", "", reason="no sign of pid 7 for 60 s", orders=9)
CANCELLED = notify("watchdog_orders_cancelled", "crit", "", cancelled=9, reason="none rests")
RETURNED = notify("watchdog_bot_returned", "info", "", pid=8)
ENDED = notify("watchdog_stopped", "info", "")
TOLD = {
    LOST: "✖ 14:03:03Z THE WATCHDOG TAKES THE GRID BACK: no sign of pid 7 for 60 s. Find out what became of the bot.",
    CANCELLED: "✖ 14:03:03Z THE WATCHDOG HAS CANCELLED 9 ORDERS: none rests. Look at the position, then start the bot.",
    notify("watchdog_cannot_reach", "crit", "", reason="HTTP 502"): (
        "✖ 14:03:03Z THE WATCHDOG CAN'T CANCEL: HTTP 502. "
        "It tries on; cancel them on the exchange's own page, or start the bot."
    ),
    notify("watchdog_cancel_failed", "crit", "", orders=2, reason="HTTP 503"): (
        "✖ 14:03:03Z THE WATCHDOG CAN'T CANCEL 2 ORDERS: HTTP 503. "
        "It tries on; cancel them on the exchange's own page, or start the bot."
    ),
    RETURNED: "✓ 14:03:03Z THE BOT IS BACK (pid 8): it is watched again.",
    ENDED: "• 14:03:03Z The watchdog has ended: nobody takes the grid of a lost bot back.",
    notify("watchdog_failed", "crit", "", reason="nothing is guarded: KeyError: 'x'"): (
        "✖ 14:03:03Z THE WATCHDOG HAS ENDED: nothing is guarded: KeyError: 'x'."
    ),
}


@pytest.fixture
def hook() -> Iterator[Sink]:
    with sink() as one:
        yield one


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """Of a bot on testnet that has beaten."""
    found = StateDir(tmp_path / "state")
    found.prepare()
    _beat(found, "testnet", "https://example.invalid")
    return found


def _beat(state: StateDir, network: str, url: str) -> None:
    beat = Heartbeat(state.heartbeat, Beat("m", 7, network, ACCOUNT, "i", url), lambda _: None)
    beat.end()


def _alerts(state: StateDir, hook: Sink, **settings: str) -> WatchdogAlerts:
    urls = {"HL_ALERT_URLS": f"json://{hook.host}/x"}
    return WatchdogAlerts(state, Settings.model_validate(settings), urls, lambda *_, **__: None)


@pytest.mark.parametrize("notice", TOLD, ids=lambda notice: notice.name)
def test_taking_back_failing_to_and_ending_are_sent_with_what_to_do(
    state: StateDir, hook: Sink, notice: Notify
) -> None:
    alerts = _alerts(state, hook)
    alerts.take(notice, T0)
    until(lambda: hook.posted, "it is delivered")
    alerts.close()
    assert hook.texts == [TOLD[notice]]
    assert hook.posted[0]["title"] == "GridBot TESTNET 0x14…25"


def test_what_it_only_sees_is_not_sent_nor_what_is_less_grave_than_wanted(
    state: StateDir, hook: Sink
) -> None:
    alerts = _alerts(state, hook, alert_min_severity="crit")
    for quiet in ("watchdog_started", "watchdog_armed", "watchdog_at_rest", "watchdog_stopped"):
        alerts.take(notify(quiet, "info", "", pid=1, orders=2, reason="x"), T0)
    alerts.take(LOST, T0)
    alerts.close()
    assert hook.texts == [TOLD[LOST]]


def test_the_return_of_a_bot_ends_what_its_loss_began_at_every_severity(state: StateDir, hook: Sink) -> None:
    alerts = _alerts(state, hook, alert_min_severity="crit")
    alerts.take(LOST, T0)
    until(lambda: hook.posted, "the loss")
    alerts.take(RETURNED, T0)
    alerts.close()
    assert hook.texts == [TOLD[LOST], TOLD[RETURNED]]


def test_a_target_that_cannot_be_used_is_told_and_the_watchdog_goes_on(state: StateDir) -> None:
    state.alert_urls.write_text("nosuch://secret\n")
    state.alert_urls.chmod(0o600)
    told: list[tuple[object, ...]] = []
    alerts = WatchdogAlerts(
        state,
        Settings.model_validate({}),
        {},
        lambda name, severity, **fields: told.append((name, severity, str(fields))),
    )
    alerts.take(LOST, T0)
    alerts.close()
    ((name, severity, fields),) = told
    assert (name, severity) == ("watchdog_alerts_refused", "warn")
    assert "line 1 of" in str(fields)
    assert "secret" not in str(fields)


async def test_the_command_sends_to_the_targets_of_the_bots_state_dir_before_it_ends(
    state: StateDir, hook: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _beat(state, "paper", "")
    state.alert_urls.write_text(f"json://{hook.host}/x\n")
    state.alert_urls.chmod(0o600)
    with pytest.raises(UsageError, match="ends with its bot"):
        await watchdog_command._watch(state, 60, None, None)
    (text,) = hook.texts
    assert "THE WATCHDOG HAS ENDED: nothing is guarded:" in text


def test_apprise_is_loaded_for_targets_alone(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from core.runtime.settings import Settings\n"
        "from core.runtime.statedir import StateDir; from core.runtime.watchdog_alerts import WatchdogAlerts\n"
        "WatchdogAlerts(StateDir(Path(sys.argv[1])), Settings.model_validate({}), {}, print)\n"
        "assert 'apprise' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


async def test_a_watchdog_that_breaks_says_so_before_it_ends(state: StateDir) -> None:
    told = list[Notify]()

    def breaks(_network: str) -> Identity:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        await Watchdog(state, 60_000, breaks, lambda notice, _: told.append(notice)).run()
    assert told[-1] == notify("watchdog_failed", "crit", "", reason="nothing is guarded: RuntimeError: boom")
