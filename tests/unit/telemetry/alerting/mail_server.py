"""A mail server on loopback: takes what comes by SMTP (RFC 5321), as far as a client needs that says hello and sends."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class Mailbox:
    port: int = 0
    rcpt: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    box = Mailbox()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode("ascii").strip():
                match line.split(" ")[0].split(":")[0].upper():
                    case "DATA":
                        self.say("354 go on")
                        lines = list(iter(self.rfile.readline, b".\r\n"))
                        box.mails.append(message_from_bytes(b"".join(lines), policy=default))
                        self.say("250 taken")
                    case "RCPT":
                        self.say("550 nobody of that name" if box.refuses else "250 fine")
                        box.rcpt.append(line)
                    case "QUIT":
                        self.say("221 bye")
                        return
                    case _:
                        self.say("250 fine")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True).start()
        try:
            yield box
        finally:
            server.shutdown()
