"""The real Prometheus and Alertmanager on loopback, with the rules of deploy/ and a webhook of the test's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.e2e.program import free_port, get, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"
PROGRAMS = ("prometheus", "prometheus-alertmanager", "amtool")


def missing() -> str:
    """Which of the programs isn't here; empty if all are."""
    return next((program for program in PROGRAMS if shutil.which(program) is None), "")


@dataclass
class Monitors:
    """Scrapes ``target`` every half second, and posts alerts to ``webhook``: else the configurations are those of deploy/."""

    home: Path
    target: str
    token: Path
    webhook: str
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prometheus, self.alertmanager = (f"127.0.0.1:{free_port()}" for _ in range(2))

    def start(self) -> None:
        config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
        config["global"] = {
            "scrape_interval": "500ms",
            "scrape_timeout": "400ms",
            "evaluation_interval": "500ms",
        }
        config["rule_files"] = [str(DEPLOY / "gridbot.rules.yml")]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [self.alertmanager]
        (job,) = config["scrape_configs"]
        job["static_configs"][0]["targets"] = [self.target]
        job["authorization"] = {"credentials_file": str(self.token)}
        (self.home / "prometheus.yml").write_text(yaml.safe_dump(config))
        carrier = yaml.safe_load((DEPLOY / "alertmanager.yml").read_text())
        carrier["receivers"][0]["webhook_configs"][0]["url"] = self.webhook
        (self.home / "alertmanager.yml").write_text(yaml.safe_dump(carrier))
        self._run(
            *(
                "prometheus-alertmanager",
                f"--config.file={self.home}/alertmanager.yml",
                "--cluster.listen-address=",
            ),
            *(f"--storage.path={self.home}/alertmanager", f"--web.listen-address={self.alertmanager}"),
        )
        self._run(
            *(
                "prometheus",
                f"--config.file={self.home}/prometheus.yml",
                f"--storage.tsdb.path={self.home}/tsdb",
            ),
            f"--web.listen-address={self.prometheus}",
        )
        for each in (self.prometheus, self.alertmanager):
            wait_until(lambda each=each: _answers(f"http://{each}/-/ready"), 30, f"{each} is ready")  # type: ignore[misc]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query; ``ValueError`` if Prometheus refuses it."""
        asked = urllib.parse.urlencode({"query": expression})
        try:
            answer = get(f"http://{self.prometheus}/api/v1/query?{asked}")
        except OSError as error:
            raise ValueError(f"{expression}: {error}") from error
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def carried(self) -> set[str]:
        """The alerts that Alertmanager has now, as ``amtool`` lists them."""
        listed = subprocess.run(
            ["amtool", f"--alertmanager.url=http://{self.alertmanager}", "alert", "--output=json"],
            capture_output=True,
            timeout=30,
            check=True,
        )
        return {alert["labels"]["alertname"] for alert in json.loads(listed.stdout)}

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    def _run(self, *command: str) -> None:
        with (self.home / f"{command[0]}.log").open("wb") as log:
            self._running.append(
                subprocess.Popen(command, cwd=self.home, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
