"""Where alerts go to: from which places URLs are read, who may read them, and what is said of one that can't be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.runtime.alert_targets import checked, environment_warnings, read_targets
from core.runtime.settings import Settings
from core.runtime.statedir import StateDir
from core.runtime.usage import UsageError
from core.telemetry.alerting.delivery import service_of
from core.telemetry.alerting.target import Target

CANARY = "canary0123456789"


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path)


def _settings(**written: Any) -> Settings:
    return Settings(**written)


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def read(state: StateDir, settings: dict[str, Any] | None = None, **environ: str) -> list[tuple[str, str]]:
    found = read_targets(_settings(**(settings or {})), state, environ)
    return [(target.url, target.place) for target in found]


def refused(state: StateDir, settings: dict[str, Any] | None = None, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        checked(read_targets(_settings(**(settings or {})), state, environ), service_of)
    assert CANARY not in str(caught.value)
    return str(caught.value)


def test_without_any_there_are_none(state: StateDir) -> None:
    assert read(state) == []


def test_they_are_read_from_the_state_dir_with_the_line_of_each(state: StateDir) -> None:
    path = written(state.alert_urls, "# mine\n\njson://a/1\n  json://b/2  \n")
    assert read(state) == [("json://a/1", f"line 3 of {path}"), ("json://b/2", f"line 4 of {path}")]


def test_a_credential_a_file_that_is_named_and_the_environment_count_together_each_once(
    state: StateDir, tmp_path: Path
) -> None:
    written(state.alert_urls, "json://not/read")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    written(credentials / "alert_urls", "json://c/1", 0o440)
    named = written(tmp_path / "mine", "json://f/1\njson://c/1")
    found = read(
        state,
        {"alert_urls_file": named},
        CREDENTIALS_DIRECTORY=str(credentials),
        HL_ALERT_URLS="json://e/1 json://e/2",
        HL_ALERT_WEBHOOK_URL="https://hooks.example/x",
    )
    assert found == [
        ("json://c/1", "line 1 of the credential alert_urls"),
        ("json://f/1", f"line 1 of {named}"),
        ("json://e/1", "HL_ALERT_URLS no. 1"),
        ("json://e/2", "HL_ALERT_URLS no. 2"),
        ("jsons://hooks.example/x", "HL_ALERT_WEBHOOK_URL"),
    ]


def test_alert_enabled_false_reads_none(state: StateDir) -> None:
    written(state.alert_urls, "json://a/1", 0o644)
    assert read(state, {"alert_enabled": False}, HL_ALERT_URLS="json://e/1") == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_may_read_is_refused_with_the_fix(state: StateDir, mode: int) -> None:
    path = written(state.alert_urls, f"json://a/{CANARY}", mode)
    assert refused(state) == f"{path} may be read by others; fix: chmod 600 {path}"


def test_a_link_a_directory_and_a_named_file_that_is_not_there_are_refused(
    state: StateDir, tmp_path: Path
) -> None:
    state.alert_urls.symlink_to(written(tmp_path / "elsewhere", f"json://a/{CANARY}"))
    assert "is a symbolic link" in refused(state)
    state.alert_urls.unlink()
    state.alert_urls.mkdir()
    assert "is not a file" in refused(state)
    assert "can't be read (No such file or directory)" in refused(
        state, {"alert_urls_file": tmp_path / "none"}
    )


def test_what_is_no_text_too_long_or_too_many_is_refused(state: StateDir) -> None:
    state.alert_urls.write_bytes(b"\xff\xfe")
    state.alert_urls.chmod(0o600)
    assert "is not a text of one URL a line" in refused(state)
    written(state.alert_urls, "#" * 70_000)
    assert "has more than 65,536 bytes" in refused(state)
    written(state.alert_urls, "\n".join(f"json://a/{n}" for n in range(17)))
    assert refused(state).startswith("17 targets for alerts are named, and 16 is the most")


def test_a_url_that_is_mistyped_is_refused_by_its_line_and_not_its_content(state: StateDir) -> None:
    path = written(state.alert_urls, f"json://a/1\njsn://a/{CANARY}\n")
    assert refused(state).startswith(f"line 2 of {path} is not a URL that alerts can be sent to")


KEY = "a1" * 16
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
DISCORD = f"https://discord.com/api/webhooks/123456789012345678/{'a' * 68}"


@pytest.mark.parametrize(
    ("kind", "url", "becomes", "service"),
    [
        ("generic", "https://h.example/x", "jsons://h.example/x", "JSON"),
        (
            "generic",
            "http://me:pw@127.0.0.1:81/x/y?t=a b&u=",
            "json://me:pw@127.0.0.1:81/x/y?-t=a%20b&-u=",
            "JSON",
        ),
        ("slack", SLACK, SLACK, "Slack"),
        ("discord", DISCORD, DISCORD, "Discord"),
        ("pagerduty", KEY, f"pagerduty://{KEY}@{KEY}", "Pager Duty"),
    ],
)
def test_the_predecessors_webhook_stays_valid_as_what_it_says_it_is(
    state: StateDir, kind: str, url: str, becomes: str, service: str
) -> None:
    settings = _settings(alert_webhook_type=kind)
    found = checked(read_targets(settings, state, {"HL_ALERT_WEBHOOK_URL": url}), service_of)
    assert [(target.url, target.service) for target in found] == [(becomes, service)]


@pytest.mark.parametrize(
    ("kind", "url", "said"),
    [
        ("generic", f"hooks.example/{CANARY}", "is not a URL that begins with https:// or http://"),
        ("generic", f"https://[x/{CANARY}", "is not a URL that begins with"),
        (
            "slack",
            f"https://hooks.example/{CANARY}",
            "is not on hooks.slack.com, as HL_ALERT_WEBHOOK_TYPE=slack says",
        ),
        ("pagerduty", f"https://events.pagerduty.com/{CANARY}", "is not a routing key of PagerDuty"),
    ],
)
def test_one_that_is_something_else_is_refused(state: StateDir, kind: str, url: str, said: str) -> None:
    assert said in refused(state, {"alert_webhook_type": kind}, HL_ALERT_WEBHOOK_URL=url)


def test_what_is_in_the_environment_is_warned_about() -> None:
    (warning,) = environment_warnings({"HL_ALERT_URLS": f"json://a/{CANARY}", "HL_ALERT_WEBHOOK_URL": " "})
    assert warning.startswith("HL_ALERT_URLS is in the environment")
    assert CANARY not in warning


def test_a_target_without_a_service_keeps_its_place() -> None:
    assert checked((Target("json://a", "line 1"),), lambda url: "JSON")[0].name == "JSON (line 1)"
