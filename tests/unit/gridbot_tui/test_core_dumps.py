"""No core file, whatever the command: a key, a passphrase or an alert's URL may be in memory with any of them."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.program import environment, wait_until

MAIN = "import sys; from gridbot_tui.main import main; main()"


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="there are none here")
def test_what_waits_for_a_key_can_leave_no_core_file_any_more(tmp_path: Path) -> None:
    words = ["keys", "import", "--network", "testnet", "--account", "0x" + "ab" * 20, "--plain"]
    waiting = subprocess.Popen(
        [sys.executable, "-c", MAIN, *words],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: resource.prlimit(waiting.pid, resource.RLIMIT_CORE) == (0, 0), 60, "none is left")
        assert waiting.poll() is None
    finally:
        waiting.kill()
        waiting.communicate()
