"""The board's half of one conversation with the gateway, without I/O and without a clock.

Feed it texts and the time (`open`, `receive`, `tick`), let it speak (`say`), and after each call pop
what happened off `events` and the UTF-8 to write off `writes`, oldest first. Nothing that the gateway
sends raises. Events are tuples:

    ("opened", message)                    the gateway's connection_ack
    ("command", id, name, args)            answer it with say({"type": "ack", "id": …})
    ("fault", code, text, retry_after_s)   the gateway's error, or what is wrong with its message
    ("lost", reason)                       nothing was heard in time: the link must end
"""

from . import utf8
from .codec import Fault, dump, parse

WAITING = "waiting_for_connect"
OPEN = "open"
CLOSED = "closed"

# Silence after which the board asks: a dead radio looks connected for ever.
QUIET_MS = 30000
# The gateway answers within a second; over a busy Wi-Fi within a few.
ANSWER_MS = 10000
# With this many texts unwritten the shell must not read on.
WRITES_MAX = 16


class Session:
    """One conversation: `introduction` is the connect message, `token` is shown first unless None.

    A text of more than `text_bytes_max` in UTF-8 is refused. `report()` returns what a pong tells about
    the board, a dictionary. Times are milliseconds that never run backwards.
    """

    def __init__(self, introduction, token, report, text_bytes_max):
        self.state = WAITING
        self._text_bytes_max = text_bytes_max
        self._introduction = introduction
        self._token = token
        self._report = report
        self._heard_ms = None
        self._asked_ms = None
        self.events = []
        self.writes = []

    # Receiving

    def receive(self, text, now_ms):
        """Takes one text of the gateway."""
        if self.state == CLOSED:
            return
        self._heard_ms = now_ms
        if self.state == OPEN:
            self._asked_ms = None
        message = parse(text)
        if isinstance(message, Fault):
            self._on_fault(message)
            return
        kind = message["type"]
        if kind == "command":
            if self.state == OPEN:
                self.events.append(("command", message["id"], message["name"], message["args"]))
        elif kind == "ping":
            pong = self._report()
            pong["type"] = "pong"
            self._write(pong)
        elif kind == "connection_ack":
            self.state = OPEN
            self._asked_ms = None
            self.events.append(("opened", message))
        elif kind == "error":
            self.events.append(("fault", message.get("code", ""), message["message"], message.get("retry_after_s")))

    def _on_fault(self, fault):
        self.events.append(("fault", fault.code, fault.text, None))
        # A command that cannot be understood is still owed an answer.
        message = fault.message
        if message and message.get("type") == "command" and not fault.text.startswith("id:"):
            self.say({"type": "ack", "id": message["id"], "status": "error", "message": fault.text})

    # Sending

    def open(self, now_ms):
        """Introduces the board; called once, when the handshake is done."""
        self._heard_ms = self._asked_ms = now_ms
        if self._token is not None:
            self._write({"type": "auth", "token": self._token})
        self._write(self._introduction)

    def say(self, message):
        """Says a message once the conversation is open and returns whether it is; raises ValueError out of bounds."""
        if self.state != OPEN:
            return False
        self._write(message)
        return True

    # Time

    def tick(self, now_ms):
        """Asks for a sign of life after silence, and gives up without one."""
        if self.state == CLOSED or self._heard_ms is None:
            return
        if self._asked_ms is not None:
            if now_ms - self._asked_ms >= ANSWER_MS:
                reason = "the gateway does not " + ("answer" if self.state == OPEN else "greet")
                self.events.append(("lost", reason))
                self.state = CLOSED
        elif now_ms - self._heard_ms >= QUIET_MS:
            self._asked_ms = now_ms
            self._write({"type": "ping"})

    def _write(self, message):
        data = utf8.encode(dump(message))
        if len(data) > self._text_bytes_max:
            raise ValueError("a message of %d bytes, at most %d can be sent" % (len(data), self._text_bytes_max))
        self.writes.append(data)
