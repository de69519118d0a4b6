"""Checks the arguments of a command against the maker's declaration."""

_TYPES = {"number": (int, float), "integer": (int,), "string": (str,), "boolean": (bool,)}
_WORDS = {"number": "a number", "integer": "a whole number", "string": "a text", "boolean": "true or false"}


def check_arguments(declared, given):
    """Returns the arguments with defaults filled in; raises ValueError with a sentence for the caller."""
    for name in given:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise ValueError("%s is not an argument of this command; it takes: %s" % (name, known))
    checked = {}
    for name in declared:
        if name in given:
            _check(name, given[name], declared[name])
            checked[name] = given[name]
        elif "default" in declared[name]:
            checked[name] = declared[name]["default"]
        else:
            raise ValueError("%s is missing: expected %s" % (name, _WORDS[declared[name]["type"]]))
    return checked


def _check(name, value, rule):
    kind = rule["type"]
    if type(value) not in _TYPES[kind]:
        raise ValueError("%s must be %s, not %r" % (name, _WORDS[kind], value))
    if "min" in rule and value < rule["min"]:
        raise ValueError("%s must be at least %s, not %s" % (name, rule["min"], value))
    if "max" in rule and value > rule["max"]:
        raise ValueError("%s must be at most %s, not %s" % (name, rule["max"], value))
    if "choices" in rule and value not in rule["choices"]:
        raise ValueError("%s must be one of %s, not %r" % (name, ", ".join(str(c) for c in rule["choices"]), value))
