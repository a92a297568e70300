"""What a headless run loads, proved at run time: a static graph can't see a deferred import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.program import environment

PROBE = """
import sys
from gridbot_tui.cli import run_cli
code = run_cli(["run", "--no-ui", "--for", "8s", "--state-dir", sys.argv[1]])
unwanted = ("textual", "apprise", "core.telemetry.alerting.alerting", "core.telemetry.heartbeat_ping")
print("LOADED", sorted(name for name in sys.modules if name.startswith(unwanted)))
sys.exit(code)
"""


def test_a_headless_run_never_imports_textual_nor_what_tells_unless_that_is_wanted(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(home / "state")],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"event":"grid_built"' in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED []"
