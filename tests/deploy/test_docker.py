"""The image and its compose files, as far as they can be read without an engine: no root, nothing to write, nothing open."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from core.runtime import alert_targets
from core.runtime.keys import sources
from core.runtime.settings import load_settings
from gridbot_tui.cli import app
from tests.deploy.units import DEPLOY

ROOT = DEPLOY.parent
DOCKER = DEPLOY / "docker"
UID = "10001:10001"


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments), continued lines joined."""
    text = re.sub(r"\\\n", " ", (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def last(name: str) -> str:
    return [rest for each, rest in instructions() if each == name][-1]


def services(file: str = "compose.yml") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((DOCKER / file).read_text(encoding="utf-8"))["services"]
    return found


def test_it_runs_as_nobody_in_particular_and_ends_by_the_signal_that_stops_in_order() -> None:
    assert last("USER") == UID
    assert last("STOPSIGNAL") == "SIGTERM"
    assert all(rest.startswith("python:3.11-slim") for name, rest in instructions() if name == "FROM")
    assert not [rest for name, rest in instructions() if name in ("ADD", "ARG")], (
        "nothing comes from elsewhere"
    )
    install = next(rest for name, rest in instructions() if "requirements.lock" in rest and name == "RUN")
    assert "--require-hashes --only-binary :all:" in install


def test_its_commands_are_gridbots() -> None:
    (program,) = json.loads(last("ENTRYPOINT"))
    assert program == "gridbot"
    _, health = last("HEALTHCHECK").split(" CMD ")
    live = services("compose.live.yml")["gridbot"]
    for state, command in (
        ("state", json.loads(last("CMD"))),
        ("state", json.loads(health)[1:]),
        ("testnet", live["command"]),
        ("testnet", live["healthcheck"]["test"][2:]),
    ):
        _, bound, _ = app.parse_args(command, exit_on_error=False, print_error=False)
        assert bound.arguments["state_dir"] == Path(last("VOLUME"), state)


def test_what_is_copied_is_there_and_let_through_and_is_all_that_a_wheel_needs() -> None:
    copied = {
        word
        for name, rest in instructions()
        if name == "COPY" and not rest.startswith("--from")
        for word in shlex.split(rest)[:-1]
    }
    assert all((ROOT / path).exists() for path in copied)
    lines = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    assert copied == {line[1:] for line in lines if line.startswith("!")}
    hatch = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    wheel = hatch["targets"]["wheel"]
    assert copied >= {*wheel["packages"], *wheel["force-include"], "pyproject.toml", "README.md"}


@pytest.mark.parametrize("name", ["gridbot", "prometheus", "alertmanager"])
def test_a_container_can_write_and_open_next_to_nothing(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc"}
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service.get("network_mode", "bridge") != "host"


def test_the_bot_has_time_to_stop_and_settings_that_there_are() -> None:
    bot = services()["gridbot"]
    assert bot["user"] == UID
    assert int(bot["stop_grace_period"].removesuffix("s")) >= 60
    assert fnmatch.fnmatch(bot["restart"], "on-failure:[1-9]")
    set_by_image = dict(pair.split("=", 1) for pair in shlex.split(last("ENV")))
    assert int(set_by_image["HL_CRASH_LOOP_STARTS"]) < int(bot["restart"].partition(":")[2])
    settings = {
        key: value for key, value in {**set_by_image, **bot["environment"]}.items() if key.startswith("HL_")
    }
    load_settings({}, settings, None, default_file=Path("there is none"))


def test_secrets_are_files_of_the_host_and_the_guide_s_credentials() -> None:
    live = yaml.safe_load((DOCKER / "compose.live.yml").read_text(encoding="utf-8"))
    names = [sources.CREDENTIAL, alert_targets.CREDENTIAL]
    assert live["services"]["gridbot"]["secrets"] == names == list(live["secrets"])
    assert live["services"]["gridbot"]["environment"]["CREDENTIALS_DIRECTORY"] == "/run/secrets"
    assert all(secret.keys() == {"file"} for secret in live["secrets"].values())


def test_a_real_network_has_the_settings_that_it_wants_from_a_file_of_the_host() -> None:
    live = yaml.safe_load((DOCKER / "compose.live.yml").read_text(encoding="utf-8"))
    bot = live["services"]["gridbot"]
    (mounted,) = bot["configs"]
    assert live["configs"][mounted["source"]].keys() == {"file"}
    _, bound, _ = app.parse_args(bot["command"], exit_on_error=False, print_error=False)
    assert bound.arguments["config"] == Path(mounted["target"])
    head = (DOCKER / "compose.live.yml").read_text(encoding="utf-8").partition("services:")[0]
    assert all(name in head for name in ("gridbot.toml", "user_address", *live["secrets"]))


def test_the_alertmanager_is_where_prometheus_sends_to() -> None:
    command = services()["alertmanager"]["command"]
    (sent_to,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))[
        "alerting"
    ]["alertmanagers"]
    assert sent_to["static_configs"][0]["targets"] == ["127.0.0.1:9093"]
    assert "--web.listen-address=127.0.0.1:9093" in command
    (place,) = [each for each in services()["alertmanager"]["volumes"] if each.startswith("../prometheus:")]
    folder = place.split(":")[1]
    (config,) = [each.partition("=")[2] for each in command if each.startswith("--config.file=")]
    assert (DEPLOY / "prometheus" / Path(config).relative_to(folder)).exists()
