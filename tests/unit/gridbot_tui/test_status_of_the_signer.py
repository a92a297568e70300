"""Who signs, for how long, and who signed before: a part of ``gridbot status``."""

from __future__ import annotations

import pytest

from core.domain.clock import DAY_MS
from core.runtime.report import status
from core.view import AgentView, CommandStatus, CommandView, RunState, Snapshot
from gridbot_tui.status_text import status_text

NOW_MS = 1_769_814_589_170
AGENT, BEFORE = "0x" + "ab" * 20, "0x" + "cd" * 20


def lines(agent: AgentView, *commands: CommandView) -> list[str]:
    shown = Snapshot(1, NOW_MS, "testnet", "0x" + "ef" * 20, RunState.RUNNING, agent=agent, commands=commands)
    return status_text(status(shown)).splitlines()


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        (
            AgentView(AGENT, "grid", NOW_MS + 43 * DAY_MS),
            f"signs: {AGENT} (grid), approved for another 43 days",
        ),
        (AgentView(AGENT), f"signs: {AGENT}, its end isn't told"),
        (AgentView(AGENT, "grid", NOW_MS - 1), f"signs: {AGENT} (grid), HAS RUN OUT"),
        (AgentView(AGENT, "grid", NOW_MS + DAY_MS, is_gone=True), f"signs: {AGENT} (grid), LISTED NO MORE"),
    ],
)
def test_it_says_who_signs_and_for_how_long(agent: AgentView, says: str) -> None:
    assert says in lines(agent)


def test_it_says_who_signed_before_the_last_rotation() -> None:
    texts = [f"{AGENT} signs now, in place of {BEFORE}", f"{BEFORE} signs now, in place of {AGENT}"]
    done = [CommandView(text, "rotate_key", CommandStatus.DONE, text, NOW_MS) for text in texts]
    found = lines(AgentView(BEFORE, "grid"), *done)
    assert texts[1] in found
    assert texts[0] not in found


def test_an_accounts_own_key_is_no_agent() -> None:
    assert not any(line.startswith("signs") for line in lines(AgentView()))
