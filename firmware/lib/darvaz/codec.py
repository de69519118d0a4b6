"""Text to message and message to text, checked by the rules of messages.py.

A message is a dictionary with `type`. `parse` never raises, whatever the gateway sent; `dump` raises
ValueError where a value cannot be JSON.
"""

import json

from . import unload

DEPTH_MAX = 16
ID_MAX = 1073741823
TIME_S_MAX = 99999999999
NAME_CHARS_MAX = 32
_NUMBER_MAX = 1000000000000000
_CHARS_MAX = 256
_ARGUMENTS_MAX = 16


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
    if (kind == "command" and _is_plain_command(message)) or (kind in ("ping", "pong") and _is_plain_ping(message)):
        return message
    return _check_by_rules(kind, message)


def _is_plain_ping(message):
    time_s = message.get("time", 0)
    return type(time_s) in (int, float) and 0 <= time_s <= TIME_S_MAX


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
            if not -_NUMBER_MAX <= value <= _NUMBER_MAX:
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
        return all(isinstance(name, str) and is_json(value[name], depth - 1) for name in value)
    return isinstance(value, (list, tuple)) and all(is_json(item, depth - 1) for item in value)


def is_name(text):
    """Whether a text is a name, apart from its length: letters, digits and _, and no digit first."""
    # By bytes: MicroPython interns each single character and keeps it in the heap for good.
    for byte in text.lower().encode():
        if not (97 <= byte <= 122 or 48 <= byte <= 57 or byte == 95):
            return False
    return text != "" and not "0" <= text[0] <= "9"
