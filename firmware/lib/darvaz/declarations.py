"""Checks what a program declares, so that a slip is told where it stands; loaded while a program declares."""

from .checking import check_value
from .declared import COMMANDS_MAX, DEADLINE_S, DEADLINE_S_MAX, EVERY_MS_LEAST, TELEMETRY_MAX, TYPES, check_argument
from .rules import ARGUMENTS, MEASUREMENT, NAME

# 31 days.
EVERY_S_MAX = 2678400


def add_command(commands, name, handler, arguments, deadline_s=DEADLINE_S):
    """Declares a function as a command; raises ValueError or TypeError if the declaration is wrong."""
    known = commands.known
    _check("command", name, handler, known, COMMANDS_MAX, arguments, ARGUMENTS, deadline_s, DEADLINE_S_MAX)
    for argument in arguments:
        _check_rule("command %s, %s" % (name, argument), arguments[argument])
    known[name] = (handler, arguments, int(deadline_s * 1000))


def add_telemetry(measured, name, function, every_s, about):
    """Declares a function as telemetry; raises ValueError or TypeError if the declaration is wrong."""
    declared = measured.declared
    _check("telemetry", name, function, declared, TELEMETRY_MAX, about, MEASUREMENT, every_s, EVERY_S_MAX)
    declared[name] = about
    measured.measurements.append((function, name, max(EVERY_MS_LEAST, int(every_s * 1000))))


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


def _check(what, name, function, known, known_max, about, rule, seconds, seconds_max):
    _check_function(what, function)
    where = "%s %s" % (what, name)
    problem = check_value(name, NAME) or check_value(about, rule)
    if problem is not None:
        raise ValueError("%s, %s: expected %s" % (where, problem[0] or "name", problem[1]))
    if name in known:
        raise ValueError("%s: there is one of this name already; give yours another, or name=" % where)
    if len(known) >= known_max:
        raise ValueError("%s: a board has at most %d of these" % (where, known_max))
    if type(seconds) not in (int, float) or not 0 < seconds <= seconds_max:
        which = "deadline_s" if what == "command" else "every_s"
        raise ValueError("%s: %s is a number up to %d, not %r" % (where, which, seconds_max, seconds))


def _check_function(what, function):
    if not callable(function):
        raise TypeError("device.%s takes a function, not %r: leave out the () behind its name" % (what, function))


def _check_rule(where, rule):
    low, high = rule.get("min"), rule.get("max")
    if (low is not None or high is not None) and int not in TYPES[rule["type"]]:
        raise ValueError("%s: min and max are for numbers" % where)
    if low is not None and high is not None and low > high:
        raise ValueError("%s: min %s is above max %s" % (where, low, high))
    for value in rule.get("choices", ()):
        check_argument(where + ": a choice", value, {"type": rule["type"]})
    if "default" in rule:
        check_argument(where + ": the default", rule["default"], rule)
