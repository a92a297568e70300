"""An OpenSSH server on loopback with keys made on the spot, a link to it that can be cut, and tmux to keep the client in."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from tests.e2e.program import environment, free_port, wait_until

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def missing() -> str:
    """What of the Debian packages isn't here; empty if all is."""
    absent = [name for name in ("ssh", "ssh-keygen", "tmux") if shutil.which(name) is None]
    absent += [] if SSHD else ["sshd"]
    return f"needs {', '.join(absent)} (apt-get install openssh-server tmux)" if absent else ""


class SshServer:
    """For this user alone, on a port of its own. ``home`` holds the keys, and is where its sessions live."""

    def __init__(self, home: Path) -> None:
        self.port, self.key = free_port(), home / "client_key"
        for name in ("host_key", "client_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / name)], check=True
            )
        (home / "authorized").write_text((home / "client_key.pub").read_text())
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = home / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {home}/host_key\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {home}/authorized\nStrictModes no\nPasswordAuthentication no\n"
            f"PermitRootLogin yes\nPrintMotd no\nPrintLastLog no\nClientAliveInterval 0\nTCPKeepAlive no\n"
        )
        assert SSHD is not None
        self._process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(config)], stderr=(home / "sshd.log").open("wb")
        )
        wait_until(self._answers, 20, "sshd answers")

    def _answers(self) -> bool:
        assert self._process.poll() is None, "sshd ended"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as link:
                return link.recv(4) == b"SSH-"
        except OSError:
            return False

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(10)


class Link:
    """A TCP proxy to ``port``. ``cut`` stops forwarding in silence: no FIN, no RST, as a lost radio cell would."""

    def __init__(self, port: int) -> None:
        self._to, self._is_cut, self._sockets = port, threading.Event(), list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut.set()

    def end(self) -> None:
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if self._is_cut.is_set():
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


class Tmux:
    """A tmux server of its own with one window, in which ``command`` runs."""

    def __init__(self, home: Path, *command: str) -> None:
        self._socket, self._env = home / "tmux", {**environment(home), "TERM": "xterm-256color"}
        self._call("new-session", "-d", "-x", "80", "-y", "24", "-s", "it", *command)
        self._call("set-option", "-g", "remain-on-exit", "on")

    def text(self) -> str:
        return self._call("capture-pane", "-p", "-t", "it")

    def type(self, *keys: str) -> None:
        self._call("send-keys", "-t", "it", *keys)

    def wait_for(self, text: str, within_s: float = 40.0) -> None:
        deadline = time.monotonic() + within_s
        while text not in (shown := self.text()):
            assert time.monotonic() < deadline, f"no {text!r} on the screen:\n{shown}"
            time.sleep(0.2)

    def kill_client(self) -> None:
        """SIGKILL to what runs in the window: the ssh client."""
        os.kill(int(self._call("display-message", "-p", "-t", "it", "#{pane_pid}")), signal.SIGKILL)

    def end(self) -> None:
        self._call("kill-server")

    def _call(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", os.devnull, *words],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout
