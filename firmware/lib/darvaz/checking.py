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


# First and last of what is invisible or blank, in order.
_HIDDEN = (
    "\0 \x7f\xa0\xad\xad\u034f\u034f\u061c\u061c\u115f\u1160\u1680\u1680\u17b4\u17b5\u180b\u180f\u2000\u200b"
    "\u200e\u206f\u2800\u2800\u3000\u3000\u3164\u3164\ue000\uf8ff\ufe00\ufe0f\ufeff\ufeff\uffa0\uffa0\ufff0\uffff"
    "\U00013430\U0001343f\U0001bca0\U0001bca3\U0001d159\U0001d159\U0001d173\U0001d17a\U000e0000\U0010ffff"
)


def _is_device_id(text):
    for code in _code_points(text):
        if code < 0x80 and code in b"/\\?#%":
            return False
        first = None
        for bound in _code_points(_HIDDEN):
            if first is None:
                first = bound
            elif first <= code <= bound:
                return False
            else:
                first = None
    return text not in (".", "..")


def _code_points(text):
    # By bytes: MicroPython interns each single character and keeps it in the heap for good.
    code = 0
    data = text.encode()
    for at in range(len(data)):
        byte = data[at]
        # UTF-8 (RFC 3629 section 3): a first byte begins a code point, the others add six bits each.
        if byte < 0x80 or byte >= 0xC0:
            code = byte if byte < 0x80 else byte & (0x1F if byte < 0xE0 else 0x0F if byte < 0xF0 else 0x07)
        else:
            code = code << 6 | byte & 0x3F
        if at + 1 == len(data) or not 0x80 <= data[at + 1] < 0xC0:
            yield code
