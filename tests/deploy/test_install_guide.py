"""deploy/install.md: its commands, in one shell and in their order, as far as they need neither root nor a package registry."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

from core import VERSION
from core.runtime.settings import judge
from tests.deploy.units import DEPLOY, blocks
from tests.e2e.program import GRIDBOT, environment, free_port

ROOT = DEPLOY.parent
MINUTES = 4
PORTS = ("9464", "9465", "9090", "9093")
"""Of the guide; on a machine that runs tests somebody else may have them."""

TO_RUN = "run(?: prometheus)?" if shutil.which("prometheus") else "run"
ENDS_WHAT_IT_STARTED = "trap 'kill $(jobs -p) 2>/dev/null || :' EXIT"


def _run(commands: str, home: Path, shell: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """In one shell. What it has started ends with it, also if it takes too long."""
    with subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail", "-c", commands],
        cwd=home,
        env=shell,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as bash:
        try:
            out, err = bash.communicate(timeout=MINUTES * 60)
        except subprocess.TimeoutExpired:
            os.killpg(bash.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(bash.args, bash.returncode, out, err)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With what the guide's commands use of the source."""
    path = tmp_path / "home"
    shutil.copytree(DEPLOY / "prometheus", path / "gridbot" / "deploy" / "prometheus")
    return path


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here: apt-get install curl")
def test_the_commands_of_the_guide_run_a_bot_scrape_it_deliver_an_alert_and_go_on_with_the_orders_of_a_stop(
    home: Path,
) -> None:
    shell = environment(home)
    shell["PATH"] = f"{Path(GRIDBOT).parent}:{shell['PATH']}"
    commands = "\n".join((ENDS_WHAT_IT_STARTED, *blocks(TO_RUN)))
    scraping = home / "gridbot" / "deploy" / "prometheus" / "prometheus.yml"
    config = scraping.read_text(encoding="utf-8").replace("scrape_interval: 15s", "scrape_interval: 1s")
    for port in PORTS:
        free = str(free_port())
        commands, config = commands.replace(port, free), config.replace(port, free)
    scraping.write_text(config, encoding="utf-8")
    ended = _run(commands, home, shell)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "orders of the grid stay at the exchange" in ended.stdout
    assert ended.stdout.count("VERIFIED") == 2, ended.stdout
    assert 'gridbot_position{coin="BTC"}' in ended.stdout, "it was scraped by hand"
    if TO_RUN != "run":
        assert '"__name__":"gridbot_position"' in ended.stdout, "and by Prometheus"
    assert "This is a test" in (home / "alert.json").read_text(encoding="utf-8"), "an alert was delivered"


def test_what_the_guide_links_to_and_installs_is_there() -> None:
    guide = (DEPLOY / "install.md").read_text(encoding="utf-8")
    for target in (
        "systemd",
        "prometheus",
        "grafana/gridbot.json",
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
                assert list(ROOT.glob(word)), word


@pytest.mark.parametrize("mark", ["run", "run prometheus", "chroot", "chroot as root"])
def test_every_block_is_one_that_a_shell_can_read(mark: str) -> None:
    for block in blocks(mark):
        read = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert (read.returncode, read.stderr) == (0, ""), block


def test_real_money_has_settings_that_testnet_takes(tmp_path: Path) -> None:
    guide = (DEPLOY / "install.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    file = tmp_path / "gridbot.toml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    assert [each.text for each in judge({}, {}, file, network="testnet").problems] == []


def _as_root(home: Path, commands: str) -> subprocess.CompletedProcess[str]:
    """The guide's commands for root, under a root of its own, with a python3 that makes an environment of nothing."""
    for place in ("/etc/", "/opt/", "/usr/local/bin/", "/var/"):
        commands = re.sub(rf"(?<![\w/]){place}", f"{home}{place}", commands)
        (home / place.strip("/")).mkdir(parents=True, exist_ok=True)
    commands = commands.replace("/usr/bin/python3", "python3")
    (home / "etc/systemd/system").mkdir(parents=True, exist_ok=True)
    programs = home / "programs"
    programs.mkdir(exist_ok=True)
    makes = 'mkdir -p "$3/bin" && printf "#!/bin/sh\\n" > "$3/bin/python" && chmod +x "$3/bin/python"'
    for name, text in (("useradd", "echo useradd $*"), ("python3", makes)):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    shell = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(home)}
    return subprocess.run(
        ["bash", "-c", commands.replace("-o gridbot -g gridbot ", "")],
        cwd=home,
        env=shell,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_for_root_put_each_commit_beside_the_other_and_never_a_nameless_one(
    tmp_path: Path,
) -> None:
    first, build, switch, settings = blocks("chroot as root")
    refused = _as_root(tmp_path, build)
    assert refused.returncode != 0, "there is no source"
    assert not list((tmp_path / "opt").iterdir())
    assert _as_root(tmp_path, switch).returncode != 0
    assert not list((tmp_path / "opt").iterdir())

    source = tmp_path / "gridbot"
    shutil.copytree(DEPLOY, source / "deploy")
    (source / "core").mkdir()
    (source / "core" / "__init__.py").write_text((ROOT / "core" / "__init__.py").read_text(encoding="utf-8"))
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.invalid"]
    folders = []
    for commit in ("one", "two"):
        (source / "file").write_text(commit)
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", commit]):
            subprocess.run([*git, *command], check=True)
        ended = _as_root(tmp_path, first + build + switch + settings)
        assert (ended.returncode, ended.stderr) == (0, "")
        folders.append((tmp_path / "opt" / "gridbot").resolve())
    assert len(set(folders)) == 2
    assert all(each.name.startswith(f"gridbot-{VERSION}-") and each.is_dir() for each in folders)
    assert os.access(tmp_path / "usr/local/bin/gb", os.X_OK)
    units = {path.name for path in (DEPLOY / "systemd").glob("gridbot*")}
    assert {path.name for path in (tmp_path / "etc/systemd/system").iterdir()} == units


def test_a_start_that_is_refused_shows_why_and_is_waited_for_no_longer(home: Path) -> None:
    shell = environment(home)
    shell["PATH"] = f"{Path(GRIDBOT).parent}:{shell['PATH']}"
    (home / "gridbot.toml").write_text("levrage = 2\n")
    start = blocks("run")[0].partition("gridbot status\n")[0]
    ended = _run(f"{ENDS_WHAT_IT_STARTED}\n{start}\necho it goes on", home, shell)
    assert "is not a setting" in ended.stdout, ended.stdout + ended.stderr
    assert ended.stdout.endswith("it goes on\n")
