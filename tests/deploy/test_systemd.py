"""The units: what they may do, what ends them, and that both agree with the program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.runtime import alert_targets
from core.runtime.exit_code import ExitCode
from core.runtime.keys import sources
from core.runtime.reach import REACH_FOR_S
from core.runtime.settings import load_settings
from core.runtime.vigil import KEPT_MS
from gridbot_tui.cli import app
from tests.deploy.units import BACKUP, DEPLOY, UNITS, arguments, blocks, environment, unit
from tests.e2e.program import GRIDBOT

HARDENING = ("StateDirectory", "StateDirectoryMode", "UMask", "LimitCORE", "CapabilityBoundingSet")
STARTS_AGAIN = {ExitCode.INTERNAL, ExitCode.UNREACHABLE}
"""A bug may not come back, and an exchange does."""
WANTS_A_PERSON = {ExitCode.USAGE, ExitCode.HALTED, ExitCode.STORAGE}
NEVER_OF_A_RUN = {ExitCode.REFUSED}

systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@systemd
@pytest.mark.parametrize("name", [*UNITS, BACKUP])
def test_what_a_unit_exposes_is_little(name: str) -> None:
    found = analyze("security", "--offline=true", "--threshold=20", str(DEPLOY / "systemd" / name))
    assert found.returncode == 0, found.stdout


@systemd
@pytest.mark.parametrize("name", [*UNITS, BACKUP])
def test_systemd_has_nothing_to_say_about_a_unit(name: str, tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
    there = tmp_path / name
    there.write_text(text.replace("/opt/gridbot/bin/gridbot", GRIDBOT), encoding="utf-8")
    found = analyze("verify", "--man=no", str(there))
    assert (found.returncode, found.stderr) == (0, "")


def test_every_exit_code_is_started_again_or_wants_a_person() -> None:
    service = unit("gridbot.service")["Service"]
    prevented = {ExitCode(int(code)) for code in service["RestartPreventExitStatus"][0].split()}
    assert service["Restart"] == ["on-failure"]
    assert prevented == WANTS_A_PERSON
    assert set(ExitCode) == prevented | STARTS_AGAIN | NEVER_OF_A_RUN | {ExitCode.CLEAN}


def test_an_outage_of_the_exchange_never_ends_the_tries_and_a_loop_of_crashes_does() -> None:
    found = unit("gridbot.service")
    within_s, burst = (int(found["Unit"][key][0]) for key in ("StartLimitIntervalSec", "StartLimitBurst"))
    pause_s = int(found["Service"]["RestartSec"][0])
    assert within_s / (REACH_FOR_S + pause_s) < burst
    assert burst * pause_s < within_s
    halts_after = int(environment(found["Service"])["HL_CRASH_LOOP_STARTS"])
    assert 0 < halts_after < burst, "it comes up halted, and watches, before it is given up"


def test_the_trading_loop_feeds_the_watchdog_and_a_stop_has_its_minute() -> None:
    service = unit("gridbot.service")["Service"]
    assert (service["Type"], service["NotifyAccess"]) == (["notify"], ["main"])
    assert int(service["WatchdogSec"][0]) >= 30
    assert int(service["TimeoutStopSec"][0]) >= 60
    assert int(service["TimeoutStartSec"][0]) > REACH_FOR_S + 60


def test_both_units_are_locked_in_alike() -> None:
    bot, dog = (unit(name)["Service"] for name in UNITS)
    keys = {
        key
        for key in bot.keys() | dog.keys()
        if key.startswith(("Private", "Protect", "Restrict", "SystemCall", "Memory", "Lock"))
    }
    for key in keys | set(HARDENING):
        assert bot[key] == dog[key], key
    assert bot["StateDirectoryMode"] == ["0700"]
    assert (bot["UMask"], bot["LimitCORE"]) == (["0077"], ["0"])


@pytest.mark.parametrize("name", [*UNITS, BACKUP])
def test_the_program_takes_what_a_unit_starts_it_with(name: str) -> None:
    service = unit(name)["Service"]
    _, bound, _ = app.parse_args(arguments(service), exit_on_error=False, print_error=False)
    assert bound.arguments["state_dir"] == Path("/var/lib/gridbot/paper")
    settings = {key: value for key, value in environment(service).items() if key.startswith("HL_")}
    load_settings({}, settings, None, default_file=Path("there is none"))


def test_the_credentials_are_files_that_the_guide_makes() -> None:
    lines = (DEPLOY / "systemd" / "credentials.conf").read_text(encoding="utf-8").splitlines()
    loaded = dict(line.removeprefix("LoadCredential=").split(":") for line in lines if "=" in line)
    guide = (DEPLOY / "install.md").read_text(encoding="utf-8")
    assert loaded.keys() == {sources.CREDENTIAL, alert_targets.CREDENTIAL}
    for path in loaded.values():
        assert f"/dev/stdin {path}" in guide


def test_the_guide_says_what_the_units_and_the_watchdog_do() -> None:
    guide = (DEPLOY / "install.md").read_text(encoding="utf-8")
    assert f"leaves them alone for {KEPT_MS // 60_000} minutes" in guide
    service = unit("gridbot.service")["Service"]
    assert f"after {service['RestartSec'][0]} s; five times in five minutes" in guide
    assert f"systemd waits for {service['TimeoutStopSec'][0]} s" in guide
    assert blocks("chroot as root")


def test_each_hour_there_is_a_backup_of_the_journal_that_the_bot_writes_in_a_directory_that_the_guide_makes() -> (
    None
):
    service, bot = unit(BACKUP)["Service"], unit("gridbot.service")["Service"]
    assert environment(service)["GRIDBOT_STATE_DIR"] == environment(bot)["GRIDBOT_STATE_DIR"]
    assert service["EnvironmentFile"] == bot["EnvironmentFile"]
    _, place, *_ = arguments(service)
    assert service["ReadWritePaths"] == [place]
    made, *_ = blocks("chroot as root")
    assert f"-o gridbot -g gridbot {place}\n" in made
    timer = unit("gridbot-backup.timer")
    assert timer["Timer"]["OnCalendar"] == ["hourly"]
    assert timer["Install"]["WantedBy"] == ["timers.target"]


ENVIRONMENT = (
    "# the bot\nHL_METRICS_PORT=9464\nGRIDBOT_FLAGS=--network testnet --live --config=/etc/gridbot/x.toml --coin \"B'\n"
    "HL_COIN=\"B T C\"\n$(touch x)\nHL_X-Y=1\nHL_USER_ADDRESS=$(touch x)\nHL_LEVERAGE='2'"
)


def gb(root: Path, settings: str, *arguments: str) -> tuple[str, list[str]]:
    """The command itself, with the machine's places under another root: what it starts, then where, and with what
    environment.
    """
    script = (DEPLOY / "systemd" / "gb").read_text(encoding="utf-8")
    for place in ("/etc/gridbot/", "/run/credentials/", "/var/lib/gridbot"):
        script = re.sub(rf"(?<!state_dir=){place}", f"{root}{place}", script)
        (root / place.strip("/")).mkdir(parents=True, exist_ok=True)
    (root / "run/credentials/gridbot.service").mkdir(exist_ok=True)
    (root / "etc/gridbot/gridbot.env").write_text(settings)
    programs = root / "bin"
    programs.mkdir(exist_ok=True)
    for name, text in (
        ("id", "#!/bin/sh\necho 0\n"),
        ("setpriv", '#!/bin/sh\n[ "$6" = test ] && exit; printf "%s\\n" "$*"; pwd; env\n'),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    shell = {"PATH": f"{programs}:/usr/bin:/bin", "XDG_STATE_HOME": "/root/state"}
    ran = subprocess.run(
        ["sh", "-c", script, "gb", *arguments],
        env=shell,
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    command, *lines = ran.stdout.splitlines()
    return command, lines


def test_gb_is_gridbot_with_the_settings_directory_and_credentials_of_the_service(tmp_path: Path) -> None:
    command, (where, *lines) = gb(tmp_path, ENVIRONMENT, "alerts", "list --x")
    service = unit("gridbot.service")["Service"]
    assert command == (
        f"--reuid {service['User'][0]} --regid {service['Group'][0]} --init-groups "
        f"{service['ExecStart'][0].split()[0]} alerts list --x"
    )
    assert where == f"{tmp_path}{service['WorkingDirectory'][0]}"
    assert {
        "HL_METRICS_PORT=9464",
        "HL_COIN=B T C",
        "HL_USER_ADDRESS=$(touch x)",
        "HL_LEVERAGE=2",
        f"HL_STATE_DIR={environment(service)['GRIDBOT_STATE_DIR']}",
        f"HOME={where}",
        f"CREDENTIALS_DIRECTORY={tmp_path}/run/credentials/gridbot.service",
    } <= set(lines)
    assert not [line for line in lines if line.startswith(("GRIDBOT_", "XDG_"))]
    assert not list(tmp_path.glob("**/x"))


def test_gb_means_the_state_dir_that_the_service_is_given(tmp_path: Path) -> None:
    """The service's own flag comes before a setting, so it does here."""
    _, lines = gb(tmp_path, "GRIDBOT_STATE_DIR=/srv/second\nHL_STATE_DIR=/srv/third\n", "verify")
    assert "HL_STATE_DIR=/srv/second" in lines


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        (["doctor", "--json"], "doctor --json --network testnet --config=/etc/gridbot/x.toml --coin \"B'"),
        (["preview", "--coin", "ETH"], "preview --coin ETH --network testnet --config=/etc/gridbot/x.toml"),
        (["doctor", "--network=paper", "--config", "y"], "doctor --network=paper --config y --coin \"B'"),
        (["status", "--json"], "status --json"),
        ([], ""),
    ],
)
def test_gb_gives_doctor_and_preview_those_flags_of_the_service_that_they_take_and_that_are_not_typed(
    typed: list[str], becomes: str, tmp_path: Path
) -> None:
    command, _ = gb(tmp_path, ENVIRONMENT, *typed)
    assert command.partition("/opt/gridbot/bin/gridbot")[2].strip() == becomes
