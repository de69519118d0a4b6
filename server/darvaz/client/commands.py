"""A board's declared commands as Python functions: their signatures, and a look at arguments before they are sent."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Mapping
from typing import Any

from darvaz.client.errors import Invalid

Rules = Mapping[str, Mapping[str, Any]]

_TYPES: dict[str, type] = {"number": float, "integer": int, "string": str, "boolean": bool}


def signature_of(rules: Rules) -> inspect.Signature:
    """Returns how a command is called; anything goes where nothing is declared, or a name is none of Python's."""
    if not rules or not all(name.isidentifier() and not keyword.iskeyword(name) for name in rules):
        return inspect.Signature([inspect.Parameter("arguments", inspect.Parameter.VAR_KEYWORD)])
    return inspect.Signature([
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=rule.get("default", inspect.Parameter.empty),
            annotation=_TYPES.get(str(rule.get("type")), Any),
        )
        for name, rule in rules.items()
    ])  # fmt: skip


def description_of(name: str, rules: Rules) -> str:
    """Returns what there is to know of a command, for `help`."""
    lines = [f"{name}: a command of the board."]
    lines += [f"    {argument}: {_bounds(rule)}" for argument, rule in rules.items()]
    return "\n".join(lines)


def check(name: str, rules: Rules, args: Mapping[str, Any]) -> None:
    """Raises `Invalid` for arguments that the board would refuse, as far as names tell; values are the gateway's."""
    # An empty declaration may be of a function that never said what it takes.
    if not rules:
        return
    unknown = sorted(args.keys() - rules.keys())
    missing = sorted(key for key, rule in rules.items() if "default" not in rule and key not in args)
    if unknown or missing:
        wrong = [f"has no argument {key}" for key in unknown] + [f"needs {key}" for key in missing]
        raise Invalid(f"{name} {', '.join(wrong)}; it is called as {name}{signature_of(rules)}", "invalid")


def _bounds(rule: Mapping[str, Any]) -> str:
    said = [str(rule.get("type", "anything"))]
    if "min" in rule:
        said.append(f"from {rule['min']:g}")
    if "max" in rule:
        said.append(f"to {rule['max']:g}")
    if rule.get("unit"):
        said.append(str(rule["unit"]))
    if rule.get("choices"):
        said.append("one of " + ", ".join(map(repr, rule["choices"])))
    if "default" in rule:
        said.append(f"(default {rule['default']!r})")
    return " ".join(said)
