"""The board's side of one conversation with the gateway, without I/O and without a clock.

Call `open`, `receive`, `tick` and `send`; after each call pop the events from `events` and the UTF-8 to
write from `writes`, oldest first. `receive` never raises, whatever the gateway sent. Events are tuples:

    ("opened", message)                    the gateway's connection_ack
    ("command", id, name, args)            answer it with send({"type": "ack", "id": …})
    ("update", message)                    a step of an update
    ("prompt", message)                    code for the prompt
    ("fault", code, text, retry_after_s)   the gateway's error, or what is wrong with its message
    ("lost", reason)                       the gateway was silent for too long: the link must end

A message is a dictionary with `type`, checked by the rules of messages.py. `parse` never raises, whatever the gateway
sent; `dump` raises ValueError where a value cannot be JSON. MicroPython's own decoder of UTF-8 accepts overlong forms
and surrogates (RFC 3629).
"""

import json

from . import unload

DEPTH_MAX = 16
ID_MAX = 1073741823
TIME_S_MAX = 99999999999
NAME_CHARS_MAX = 32
NUMBER_MAX = 1000000000000000
_CHARS_MAX = 256
_ARGUMENTS_MAX = 16

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
            self.events.append(("fault", message.code, message.text, None))
            # A faulty command still gets its ack.
            faulty = message.message
            if faulty and faulty.get("type") == "command" and not message.text.startswith("id:"):
                self.send({"type": "ack", "id": faulty["id"], "status": "error", "message": message.text})
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
        data = encode(dump(message))
        check_size(len(data), self._text_bytes_max)
        self.writes.append(data)


# Texts


class Fault:
    """What is wrong with a text: a code of the protocol, a sentence, and the message as far as it was read."""

    def __init__(self, code, text, message=None):
        self.code = code
        self.text = text
        self.message = message


def parse(text):
    """Returns the message that a text holds, or the Fault in it."""
    try:
        message = json.loads(text)
    except (ValueError, RuntimeError, MemoryError):
        # MicroPython raises RuntimeError for JSON nested too deeply, MemoryError for more than the heap holds.
        message = None
    if not isinstance(message, dict):
        return Fault("not_json", "not a JSON object")
    kind = message.get("type")
    if kind in ("ping", "pong"):
        time_s = message.get("time", 0)
        is_plain = type(time_s) in (int, float) and 0 <= time_s <= TIME_S_MAX
    else:
        is_plain = kind == "command" and _is_plain_command(message)
    return message if is_plain else _check_by_rules(kind, message)


def _is_plain_command(message):
    # What most messages are, without the tables; everything else is checked, and explained, by them.
    number, name, args = message.get("id"), message.get("name"), message.get("args")
    if type(number) is not int or not 0 <= number <= ID_MAX or not _is_plain_name(name):
        return False
    if not isinstance(args, dict) or len(args) > _ARGUMENTS_MAX:
        return False
    for key in args:
        value = args[key]
        kind = type(value)
        if not _is_plain_name(key):
            return False
        if kind is int or kind is float:
            if not -NUMBER_MAX <= value <= NUMBER_MAX:
                return False
        elif kind is str:
            if len(value) > _CHARS_MAX:
                return False
        elif kind is not bool:
            return False
    return True


def _is_plain_name(name):
    return isinstance(name, str) and len(name) <= NAME_CHARS_MAX and is_name(name)


def _check_by_rules(kind, message):
    from . import checking
    from .messages import FROM_GATEWAY

    try:
        if not isinstance(kind, str):
            return Fault("invalid", "type: expected a string", message)
        if kind not in FROM_GATEWAY:
            return Fault("unknown_type", "type: not a message for a board", message)
        problem = checking.check(message, FROM_GATEWAY[kind])
        return message if problem is None else Fault("invalid", "%s: expected %s" % problem, message)
    finally:
        unload("checking", "messages")


def dump(message):
    """Returns the JSON text of a message; raises ValueError where it is not JSON."""
    for name in message:
        if not is_json(message[name], DEPTH_MAX - 1):
            raise ValueError("%s: expected JSON, nested at most %d deep" % (name, DEPTH_MAX))
    return json.dumps(message, separators=(",", ":"))


def check_size(size_bytes, bytes_max):
    """Raises ValueError for more bytes than can be sent."""
    if size_bytes > bytes_max:
        raise ValueError("%d bytes, at most %d can be sent" % (size_bytes, bytes_max))


def is_json(value, depth):
    """Whether a value can be JSON, nested at most so deep."""
    if value is None or isinstance(value, (bool, str)):
        return True
    if type(value) in (int, float):
        # JSON has neither infinity nor NaN (RFC 8259 section 6).
        return value - value == 0
    if depth == 0:
        return False
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                return False
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return False
    return all(is_json(item, depth - 1) for item in value)


def is_name(text):
    """Whether a text is a name, apart from its length: letters, digits and _, and no digit first."""
    # By bytes: MicroPython interns each single character and keeps it in the heap for good.
    for byte in text.lower().encode():
        if not (97 <= byte <= 122 or 48 <= byte <= 57 or byte == 95):
            return False
    return text != "" and not "0" <= text[0] <= "9"


def decode(data):
    """Returns the text of a buffer of bytes, or None if it is not UTF-8."""
    try:
        text = str(data, "utf-8")
    except UnicodeError:
        return None
    # As many characters as bytes: it is ASCII.
    return text if len(text) == len(data) or _is_strict(data) else None


def encode(text):
    """Returns the bytes of a text; raises ValueError if it holds a lone surrogate."""
    data = text.encode()
    if len(data) != len(text) and not _is_strict(data):
        raise ValueError("a lone surrogate")
    return data


def to_bytes(text):
    """Returns the bytes of a text; one with a lone surrogate, which the gateway does not accept, is escaped."""
    try:
        return encode(text)
    except ValueError:
        return repr(text).encode()


def _is_strict(data):
    # The decoder has checked how many bytes each character has; here only the first two are checked.
    lead = 0
    for byte in data:
        if byte >= 0xC0:
            if byte < 0xC2 or byte > 0xF4:
                return False
            lead = byte
        elif lead:
            # The bounds of the second byte are narrower than 80..BF for four first bytes (RFC 3629 section 4).
            low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
            high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
            if not low <= byte <= high:
                return False
            lead = 0
    return True
