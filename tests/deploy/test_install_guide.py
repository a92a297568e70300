"""deploy/install.md: its commands, in one shell and in their order, as far as they need neither root nor a package registry."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.units import DEPLOY, blocks
from tests.e2e.program import GRIDBOT, environment, free_port

ROOT = DEPLOY.parent
MINUTES = 3
PORTS = ("9464", "9465")
"""Of the guide; on a machine that runs tests somebody else may have them."""
ENDS_WHAT_IT_STARTED = "trap 'kill $(jobs -p) 2>/dev/null || :' EXIT"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


def test_the_commands_of_the_guide_run_a_bot_deliver_an_alert_and_go_on_with_the_orders_of_a_stop(
    home: Path,
) -> None:
    shell = environment(home)
    shell["PATH"] = f"{Path(GRIDBOT).parent}:{shell['PATH']}"
    commands = "\n".join((ENDS_WHAT_IT_STARTED, *blocks("run")))
    for port in PORTS:
        commands = commands.replace(port, str(free_port()))
    ended = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", commands],
        cwd=home,
        env=shell,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=MINUTES * 60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "orders of the grid stay at the exchange" in ended.stdout
    assert ended.stdout.count("VERIFIED") == 2, ended.stdout
    assert "This is a test" in (home / "alert.json").read_text(encoding="utf-8"), "an alert was delivered"


def test_what_the_guide_links_to_and_installs_is_there() -> None:
    guide = (DEPLOY / "install.md").read_text(encoding="utf-8")
    for target in (
        "systemd",
        "docker/compose.live.yml",
        "../docs/configuration.md",
        "../docs/upgrading.md",
        "../docs/alerts.md",
    ):
        assert f"({target})" in guide
        assert (DEPLOY / target).exists()
    for block in (*blocks("chroot"), *blocks("chroot as root")):
        for word in block.split():
            if word.startswith("deploy/"):
                assert (ROOT / word).exists(), word


@pytest.mark.parametrize("mark", ["run", "metrics", "chroot", "chroot as root"])
def test_every_block_is_one_that_a_shell_can_read(mark: str) -> None:
    for block in blocks(mark):
        read = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert (read.returncode, read.stderr) == (0, ""), block
