"""The board's side of one conversation with the gateway, without I/O and without a clock.

Call `open`, `receive`, `tick` and `send`; after each call pop the events from `events` and the UTF-8 to
write from `writes`, oldest first. `receive` never raises, whatever the gateway sent. Events are tuples:

    ("opened", message)                    the gateway's connection_ack
    ("command", id, name, args)            answer it with send({"type": "ack", "id": …})
    ("update", message)                    a step of an update
    ("prompt", message)                    code for the prompt
    ("fault", code, text, retry_after_s)   the gateway's error, or what is wrong with its message
    ("lost", reason)                       the gateway was silent for too long: the link must end
"""

from . import utf8
from .codec import Fault, dump, parse

WAITING = "waiting_for_connect"
OPEN = "open"
CLOSED = "closed"

# Silence after which the board sends a ping: a dead radio looks connected without end.
QUIET_MS = 30000
# The gateway answers within a second; over a busy Wi-Fi within a few.
ANSWER_MS = 10000
# With this many texts in `writes` the caller must not read on.
WRITES_MAX = 16


class Session:
    """One conversation: `introduction` is the connect message.

    A text of more than `text_bytes_max` in UTF-8 is refused. `report()` returns the fields of a pong, a
    dictionary. Times are monotonic milliseconds.
    """

    def __init__(self, introduction, report, text_bytes_max):
        self.state = WAITING
        self._text_bytes_max = text_bytes_max
        self._introduction = introduction
        self._report = report
        # When the gateway last sent something; None before `open`.
        self._received_ms = None
        # Since when an answer is due, to the introduction or a ping; None: none is due.
        self._asked_since_ms = None
        self.events = []
        self.writes = []

    # Receiving

    def receive(self, text, now_ms):
        """Handles one text of the gateway."""
        if self.state == CLOSED:
            return
        self._received_ms = now_ms
        if self.state == OPEN:
            self._asked_since_ms = None
        message = parse(text)
        if isinstance(message, Fault):
            self._on_fault(message)
            return
        kind = message["type"]
        if kind == "command":
            if self.state == OPEN:
                self.events.append(("command", message["id"], message["name"], message["args"]))
        elif kind in ("update", "prompt") and self.state == OPEN:
            self.events.append((kind, message))
        elif kind == "ping":
            pong = self._report()
            pong["type"] = "pong"
            self._write(pong)
        elif kind == "connection_ack":
            self.state = OPEN
            self._asked_since_ms = None
            self.events.append(("opened", message))
        elif kind == "error":
            self.events.append(("fault", message.get("code", ""), message["message"], message.get("retry_after_s")))

    def _on_fault(self, fault):
        self.events.append(("fault", fault.code, fault.text, None))
        # A faulty command still gets its ack.
        message = fault.message
        if message and message.get("type") == "command" and not fault.text.startswith("id:"):
            self.send({"type": "ack", "id": message["id"], "status": "error", "message": fault.text})

    # Sending

    def open(self, now_ms, auth=None):
        """Introduces the board, after an `auth` message that is not None; call it once, after the handshake."""
        self._received_ms = self._asked_since_ms = now_ms
        if auth is not None:
            self._write(auth)
        self._write(self._introduction)
        self._introduction = None

    def send(self, message):
        """Sends a message if the conversation is open and returns whether it is; raises ValueError out of bounds."""
        if self.state != OPEN:
            return False
        self._write(message)
        return True

    # Time

    def tick(self, now_ms):
        """Sends a ping after silence, and ends the conversation without an answer."""
        if self.state == CLOSED or self._received_ms is None:
            return
        if self._asked_since_ms is not None:
            if now_ms - self._asked_since_ms >= ANSWER_MS:
                reason = "the gateway does not " + ("answer" if self.state == OPEN else "greet")
                self.events.append(("lost", reason))
                self.state = CLOSED
        elif now_ms - self._received_ms >= QUIET_MS:
            self._asked_since_ms = now_ms
            self._write({"type": "ping"})

    def _write(self, message):
        data = utf8.encode(dump(message))
        if len(data) > self._text_bytes_max:
            raise ValueError("a message of %d bytes, at most %d can be sent" % (len(data), self._text_bytes_max))
        self.writes.append(data)
