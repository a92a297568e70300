"""The files of deploy/ as tests read them."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = ("gridbot.service", "gridbot-watchdog.service")
BACKUP = "gridbot-backup.service"

Unit = dict[str, dict[str, list[str]]]


def unit(name: str) -> Unit:
    """Sections, and in each the values of a key, oldest first."""
    found: Unit = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in (DEPLOY / "systemd" / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[section][key].append(value)
    return found


def environment(service: dict[str, list[str]]) -> dict[str, str]:
    """What a unit sets by itself."""
    pairs = [pair for value in service["Environment"] for pair in shlex.split(value)]
    return dict(pair.split("=", 1) for pair in pairs)


def arguments(service: dict[str, list[str]]) -> list[str]:
    """Of ``ExecStart``, as systemd makes them: ``$NAME`` is as many words as it holds, ``${NAME}`` is one."""
    values, words = environment(service), list[str]()
    (command,) = service["ExecStart"]
    for word in command.split()[1:]:
        if re.fullmatch(r"\$[A-Z_]+", word):
            words += shlex.split(values[word[1:]])
        else:
            words.append(re.sub(r"\$\{([A-Z_]+)\}", lambda found: values[found[1]], word))
    return words


def blocks(mark: str) -> list[str]:
    """The commands of install.md that stand under this mark."""
    text = (DEPLOY / "install.md").read_text(encoding="utf-8")
    return re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)```", text, re.DOTALL)
