"""Checks values by the rules of messages.py and rules.py, and says what is wrong. Loaded when that is needed."""

from .session import NUMBER_MAX, is_name


def check(message, fields):
    """Returns None if every field keeps its rule, else (path of the field, what was expected)."""
    for name, is_required, kind, low, high, of in fields:
        problem = None
        if name in message:
            problem = check_value(message[name], (kind, low, high, of))
        elif is_required:
            problem = "", "a value"
        if problem is not None:
            return _inside(name, problem)
    return None


def check_value(value, rule):
    """Returns None if a value keeps a rule (kind, low, high, of), else (path, what was expected)."""
    kind, low, high, of = rule
    if high is None:
        low, high = -NUMBER_MAX, NUMBER_MAX
    if kind == "v":
        if isinstance(value, bool):
            return None
        kind, low, high, of = ("s", 0, of, None) if isinstance(value, str) else ("n", low, high, None)
    if kind == "s":
        if not isinstance(value, str) or not low <= len(value) <= high:
            return "", "a string of %d to %d characters" % (low, high)
        if of == "name" and not is_name(value):
            return "", "a name of letters, digits and _"
        if of == "device_id" and not _is_device_id(value):
            return "", "a device id: no space or invisible letter, none of / \\ ? # %"
    elif kind == "e":
        if not isinstance(value, str) or value not in of:
            return "", "one of " + ", ".join(of)
    elif kind == "b":
        if not isinstance(value, bool):
            return "", "true or false"
    elif kind == "o":
        return check(value, of) if isinstance(value, dict) else ("", "an object")
    elif kind in "lm":
        return _check_items(value, low, high, of, dict if kind == "m" else (list, tuple))
    # By type: in CPython True is an int, in MicroPython it is not. NaN fails both comparisons.
    elif type(value) not in ((int,) if kind == "i" else (int, float)) or not low <= value <= high:
        return "", "%s from %s to %s" % ("an integer" if kind == "i" else "a number", low, high)
    return None


def _check_items(value, low, high, of, types):
    if not isinstance(value, types) or not low <= len(value) <= high:
        return "", "%d to %d entries" % (low, high)
    for at in value if types is dict else range(len(value)):
        if types is dict and not (isinstance(at, str) and len(at) <= 32 and is_name(at)):
            return "", "names of 1 to 32 letters, digits and _"
        problem = check_value(value[at], of)
        if problem is not None:
            return _inside(str(at), problem)
    return None


def _inside(name, problem):
    path, expected = problem
    return (name + "." + path if path else name), expected


# First and last code point of what is invisible or blank, in order, up to a limit that none is above.
# fmt: off
_HIDDEN = (
    0, 0x20, 0x7F, 0xA0, 0xAD, 0xAD, 0x34F, 0x34F, 0x61C, 0x61C, 0x115F, 0x1160, 0x1680, 0x1680, 0x17B4, 0x17B5,
    0x180B, 0x180F, 0x2000, 0x200B, 0x200E, 0x206F, 0x2800, 0x2800, 0x3000, 0x3000, 0x3164, 0x3164, 0xE000, 0xF8FF,
    0xFE00, 0xFE0F, 0xFEFF, 0xFEFF, 0xFFA0, 0xFFA0, 0xFFF0, 0xFFFF, 0x13430, 0x1343F, 0x1BCA0, 0x1BCA3,
    0x1D159, 0x1D159, 0x1D173, 0x1D17A, 0xE0000, 0x10FFFF,
)
# fmt: on


def _is_device_id(text):
    code = 0
    data = text.encode()
    for at in range(len(data)):
        byte = data[at]
        if byte in b"/\\?#%":
            return False
        # UTF-8 (RFC 3629 section 3): a first byte begins a code point, the others add six bits each.
        if byte < 0x80 or byte >= 0xC0:
            code = byte if byte < 0x80 else byte & (0x1F if byte < 0xE0 else 0x0F if byte < 0xF0 else 0x07)
        else:
            code = code << 6 | byte & 0x3F
        if at + 1 == len(data) or not 0x80 <= data[at + 1] < 0xC0:
            for pair in range(0, len(_HIDDEN), 2):
                if _HIDDEN[pair] <= code <= _HIDDEN[pair + 1]:
                    return False
    return text not in (".", "..")
