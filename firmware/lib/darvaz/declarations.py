"""Checks what a program declares, so that a slip is told where it stands; loaded while a program declares."""

from .checking import check_value
from .commands import COMMANDS_MAX, DEADLINE_S, DEADLINE_S_MAX
from .rules import ARGUMENTS, MEASUREMENT, NAME
from .telemetry import EVERY_MS_LEAST, TELEMETRY_MAX

EVERY_S_MAX = 31 * 86400
_TYPES = {"number": (int, float), "integer": (int,), "string": (str,), "boolean": (bool,)}


def add_command(commands, name, handler, arguments, deadline_s=DEADLINE_S):
    """Declares a function as a command; raises ValueError or TypeError if the declaration is wrong."""
    _check_command(commands, name, handler, arguments, deadline_s)
    commands.known[name] = (handler, arguments, int(deadline_s * 1000))


def add_telemetry(measured, name, function, every_s, about):
    """Declares a function as telemetry; raises ValueError or TypeError if the declaration is wrong."""
    every_ms = _check_telemetry(measured.declared, name, function, every_s, about)
    measured.declared[name] = about
    measured.measurements.append((function, name, max(EVERY_MS_LEAST, every_ms)))


def declare_command(commands, function, deadline_s, name, arguments):
    """Declares a command, or returns what does so with the function that it decorates."""
    if callable(function):
        add_command(commands, function.__name__, function, {}, deadline_s)
        return function
    # What is not a text is an argument of that name.
    for key, value in (("function", function), ("name", name)):
        if value is not None and not isinstance(value, str):
            arguments[key] = value

    def declare(function):
        given = name if isinstance(name, str) else getattr(function, "__name__", "")
        add_command(commands, given, function, arguments, deadline_s)
        return function

    return declare


def declare_telemetry(measured, every_s, about, name):
    """Declares telemetry, or returns what does so with the function that it decorates."""
    if callable(every_s):
        add_telemetry(measured, every_s.__name__, every_s, 10, {})
        return every_s
    about = {key: about[key] for key in about if about[key] is not None}

    def declare(function):
        add_telemetry(measured, name or getattr(function, "__name__", ""), function, every_s, about)
        return function

    return declare


def add_function(functions, what, function):
    """Adds a function of the maker to those of `device.on_connect` or `device.task`, and returns it."""
    _check_function(what, function)
    functions.append(function)
    return function


def accept_name(names, name):
    """Notes a name that can be reported; raises ValueError for others."""
    problem = check_value(name, NAME)
    if problem is not None:
        raise ValueError("telemetry %s: expected %s" % (name, problem[1]))
    if len(names) >= 2 * TELEMETRY_MAX:
        names.clear()
    names[name] = True


def _check_command(commands, name, handler, arguments, deadline_s):
    known, own = commands.known, commands.own
    _check_function("command", handler)
    problem = check_value(name, NAME) or check_value(arguments, ARGUMENTS)
    if problem is not None:
        raise ValueError("command %s, %s: expected %s" % (name, problem[0] or "name", problem[1]))
    if name in own:
        raise ValueError("command %s: the library has one of this name; give yours another, or name=" % name)
    if name in known:
        raise ValueError("command %s: there is one of this name already; give it another, or name=" % name)
    if len(known) >= COMMANDS_MAX:
        raise ValueError("a board has at most %d commands" % COMMANDS_MAX)
    if type(deadline_s) not in (int, float) or not 0 < deadline_s <= DEADLINE_S_MAX:
        raise ValueError("command %s: deadline_s is a number up to %d, not %r" % (name, DEADLINE_S_MAX, deadline_s))
    for argument in arguments:
        _check_argument("command %s, %s" % (name, argument), arguments[argument])


def _check_telemetry(declared, name, function, every_s, about):
    _check_function("telemetry", function)
    problem = check_value(name, NAME) or check_value(about, MEASUREMENT)
    if problem is not None:
        raise ValueError("telemetry %s, %s: expected %s" % (name, problem[0] or "name", problem[1]))
    if name in declared:
        raise ValueError("telemetry %s: there is one of this name already; give it another, or name=" % name)
    if len(declared) >= TELEMETRY_MAX:
        raise ValueError("a board has at most %d measured values" % TELEMETRY_MAX)
    if type(every_s) not in (int, float) or not 0 < every_s <= EVERY_S_MAX:
        raise ValueError("telemetry %s: every_s is a number up to %d, not %r" % (name, EVERY_S_MAX, every_s))
    return int(every_s * 1000)


def _check_function(what, function):
    if not callable(function):
        raise TypeError("device.%s takes a function, not %r: leave out the () behind its name" % (what, function))


def _check_argument(where, rule):
    types = _TYPES[rule["type"]]
    low, high = rule.get("min"), rule.get("max")
    if (low is not None or high is not None) and int not in types:
        raise ValueError("%s: min and max are for numbers" % where)
    if low is not None and high is not None and low > high:
        raise ValueError("%s: min %s is above max %s" % (where, low, high))
    for value in rule.get("choices", ()):
        if type(value) not in types:
            raise ValueError("%s: the choice %r is not of type %s" % (where, value, rule["type"]))
    if "default" not in rule:
        return
    value = rule["default"]
    if type(value) not in types:
        raise ValueError("%s: the default %r is not of type %s" % (where, value, rule["type"]))
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError("%s: the default %r is not from min to max" % (where, value))
    if "choices" in rule and value not in rule["choices"]:
        raise ValueError("%s: the default %r is not one of the choices" % (where, value))
