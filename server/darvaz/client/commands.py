"""The commands that a board declares, as Python functions: names, signatures, help, and a check of arguments."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Iterable, Mapping
from typing import Any

from darvaz.client.errors import Invalid

Rules = Mapping[str, Mapping[str, Any]]

_TYPES: dict[str, type] = {"number": float, "integer": int, "string": str, "boolean": bool}


def callable_names(commands: Iterable[str]) -> list[str]:
    """Returns the commands that can be written after a dot; the others need `command`."""
    return [name for name in commands if name.isidentifier() and not keyword.iskeyword(name)]


def signature_of(rules: Rules) -> inspect.Signature:
    """Returns the signature of a command; `**arguments` where nothing is declared, or Python cannot write a name."""
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
    """Returns the description of a command for `help`."""
    lines = [f"{name}: a command of the board."]
    lines += [f"    {argument}: {_bounds(rule)}" for argument, rule in rules.items()]
    return "\n".join(lines)


def check(name: str, rules: Rules, args: Mapping[str, Any]) -> None:
    """Raises `Invalid` for unknown or missing arguments; the gateway checks the values."""
    # `{}` means undeclared, not "no arguments".
    if not rules:
        return
    unknown = sorted(args.keys() - rules.keys())
    missing = sorted(key for key, rule in rules.items() if "default" not in rule and key not in args)
    if unknown or missing:
        wrong = [f"has no argument {key}" for key in unknown] + [f"needs {key}" for key in missing]
        raise Invalid(f"{name} {', '.join(wrong)}; it is called as {name}{signature_of(rules)}", "invalid")


def refuse_positions(name: str, rules: Rules) -> TypeError:
    """Returns the error of a call with positional arguments: a message has no order of arguments."""
    example = ", ".join(f"{argument}=…" for argument in rules) or "angle=90"
    return TypeError(f"{name} takes its arguments by name, as in {name}({example})")


def _bounds(rule: Mapping[str, Any]) -> str:
    parts = [str(rule.get("type", "anything"))]
    if "min" in rule:
        parts.append(f"from {rule['min']:g}")
    if "max" in rule:
        parts.append(f"to {rule['max']:g}")
    if rule.get("unit"):
        parts.append(str(rule["unit"]))
    if rule.get("choices"):
        parts.append("one of " + ", ".join(map(repr, rule["choices"])))
    if "default" in rule:
        parts.append(f"(default {rule['default']!r})")
    return " ".join(parts)
