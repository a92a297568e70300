"""A ``CorePort`` over the control socket: what a screen in another process reads and asks. It outlives its instance."""

from __future__ import annotations

import queue
import secrets
import socket
import threading
import time
from dataclasses import asdict, replace
from typing import Any

import orjson

from core import VERSION
from core.domain.commands import Action, Operator, Origin
from core.preview_view import PreviewView
from core.runtime.control.protocol import PROTOCOL, USUAL_HZ, shape
from core.runtime.control.viewers import refusal_for
from core.runtime.core_port import NOBODY
from core.runtime.statedir import StateDir, lock_holder
from core.view import CommandStatus, CommandView, RunState, Snapshot, from_plain
from core.view.delta import patched

AGAIN_S = 1.0
"""Between two tries to reach the instance."""

PREVIEW_WITHIN_S = 25.0
UNREAD_MAX = 64 * 1024 * 1024
"""A line longer than that is no snapshot."""

REFUSED_KEPT = 8


class _Lost(Exception):
    """The link is gone, or what came over it is no line of ours; the text says why."""


class RemoteCore:
    """Safe from any thread. Its own thread reads, and reaches for the instance again when it is gone."""

    def __init__(self, state: StateDir, by: Operator = NOBODY, pace_hz: float = USUAL_HZ) -> None:
        self._state, self._by, self._pace_hz = state, by, pace_hz
        self._latest: Snapshot | None = None
        self._link: socket.socket | None = None
        self._viewer = ""
        self._trouble = f"not attached to {state.path} yet"
        self._refused: tuple[CommandView, ...] = ()
        self._previews: dict[str, queue.SimpleQueue[dict[str, Any]]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Detach: the instance trades on."""
        self._closed.set()
        link = self._link
        if link is not None:
            _cut(link)

    # -- CorePort -----------------------------------------------------------------------------------------------

    def latest(self) -> Snapshot | None:
        snapshot, refused = self._latest, self._refused
        if snapshot is None or not refused:
            return snapshot
        return replace(snapshot, commands=(*snapshot.commands, *refused))

    def submit(self, action: Action, coin: str = "", value: str = "", by: Operator = NOBODY) -> str | None:
        id_ = secrets.token_hex(8)
        request = {
            "cmd": action.value,
            "id": id_,
            "coin": coin,
            "value": value,
            "origin": Origin.SCREEN.value,
        }
        return id_ if self._send({**request, "by": asdict(by)}) else None

    def preview(self, coin: str) -> PreviewView:
        id_, answers = secrets.token_hex(8), queue.SimpleQueue[dict[str, Any]]()
        self._previews[id_] = answers
        try:
            if not self._send({"cmd": "preview", "id": id_, "coin": coin}):
                return self._no_preview(coin, self._trouble or "the instance takes no request now")
            answer = answers.get(timeout=PREVIEW_WITHIN_S)
            return from_plain(PreviewView, answer.get("preview"))
        except queue.Empty:
            return self._no_preview(coin, "the instance did not answer in time; look again in a moment")
        except ValueError:
            return self._no_preview(coin, str(answer.get("text") or "its answer can't be read"))
        finally:
            del self._previews[id_]

    def wait_ended(self, timeout_s: float) -> bool:
        """An instance that ended may be started again, so only ``close`` ends this."""
        return self._closed.wait(timeout_s)

    def request_stop(self) -> None:
        """A screen that only looks on stops nothing but itself."""
        self.close()

    def acting_refusal(self) -> str:
        snapshot = self._latest
        if self._trouble or snapshot is None:
            return self._trouble
        return refusal_for(self._viewer, snapshot.control)

    def link_trouble(self) -> str:
        return self._trouble

    def epitaph(self) -> str:
        """Of an instance that is gone: how it went, as far as its last word tells, and how to start it again."""
        last = self._latest
        how = "has stopped" if last is not None and last.state is RunState.STOPPING else "has ended"
        orders = "" if how == "has stopped" else ", and its orders may rest"
        return f"the instance {how}{orders}; start it again with {self._start(last)}"

    # -- the link -----------------------------------------------------------------------------------------------

    def _send(self, request: dict[str, Any]) -> bool:
        """Hand a line over without waiting; a link that takes no more is cut, for half a line is none."""
        link = self._link
        if link is None or self._trouble:
            return False
        line = orjson.dumps({"v": PROTOCOL, **request}) + b"\n"
        try:
            if link.send(line, socket.MSG_DONTWAIT) == len(line):
                return True
        except BlockingIOError:
            return False
        except OSError:
            pass
        _cut(link)
        return False

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                    self._attach(link)
            except _Lost as error:
                self._trouble = str(error)
            except (OSError, ValueError) as error:
                self._trouble = self._silence(error)
            self._link = None
            self._closed.wait(AGAIN_S)

    def _attach(self, link: socket.socket) -> None:
        """Until the link is lost, which it raises."""
        link.connect(str(self._state.socket))
        request = {"v": PROTOCOL, "cmd": "watch", "hz": self._pace_hz, "shape": shape(), "version": VERSION}
        link.sendall(orjson.dumps({**request, "by": asdict(self._by)}) + b"\n")
        unread = b""
        while chunk := link.recv(1 << 18):
            unread += chunk
            *lines, unread = unread.split(b"\n")
            for line in lines:
                self._take(orjson.loads(line), link)
            if len(unread) > UNREAD_MAX:
                raise _Lost("the instance sends an endless line: this is not its gridbot")
        raise _Lost(self._silence(None))

    def _take(self, line: Any, link: socket.socket) -> None:
        if not isinstance(line, dict):
            raise _Lost("what the instance sends can't be read: is it another version? Use its own gridbot")
        if "delta" in line and self._latest is not None:
            self._latest = patched(self._latest, line["delta"])
        elif "snapshot" in line:
            self._latest = from_plain(Snapshot, line["snapshot"])
            self._link, self._trouble = link, ""
        elif "watching" in line:
            self._viewer, self._refused = str(line["watching"]), ()
        elif (asked := self._previews.get(str(line.get("id")))) is not None:
            asked.put(line)  # looked up once: whoever asked may give up in this moment, on his own thread
        elif line.get("id"):
            self._refuse(str(line["id"]), str(line.get("text") or "refused"))
        elif not line.get("ok"):
            raise _Lost(_objection(str(line.get("text") or "")))

    def _refuse(self, id_: str, text: str) -> None:
        """The instance took the command not even down: the screen reads that where it reads all others."""
        told = CommandView(id_, "", CommandStatus.REFUSED, text, time.time_ns() // 10**6)
        self._refused = (*self._refused, told)[-REFUSED_KEPT:]

    def _silence(self, error: Exception | None) -> str:
        """Why nothing comes, as far as this side can see."""
        pid = lock_holder(self._state)
        if pid is not None:
            why = f" ({error})" if error is not None else ""
            return (
                f"the instance (pid {pid}) does not answer on its socket{why}: it may be starting; trying on"
            )
        return f"{self.epitaph()}, this screen finds it"

    def _start(self, last: Snapshot | None) -> str:
        """As far as its last word tells: without its network and address another exchange would be asked."""
        where = ""
        if last is not None and last.network != "paper":
            where = f"--network {last.network} " + ("--live " if last.network == "mainnet" else "")
        elif last is not None and not last.is_embedded and last.exchange_url:
            where = f"--exchange-url {last.exchange_url} "
        return f"`gridbot run {where}--state-dir {self._state.path}` and its other flags"

    def _no_preview(self, coin: str, refusal: str) -> PreviewView:
        return PreviewView(coin, time.time_ns() // 10**6, refusal=refusal)


def _objection(text: str) -> str:
    if "'watch' is not a command" in text:
        return (
            f"this instance is older than gridbot {VERSION} and has no screen to attach to: restart it with this version, or "
            "use `gridbot status`, `halt` and `flatten`"
        )
    return text or "the instance refused to be looked at"


def _cut(link: socket.socket) -> None:
    try:
        link.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
