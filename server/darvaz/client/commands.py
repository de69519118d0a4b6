"""A board's declared commands as Python functions: their names and signatures, a look at arguments, and calling."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from darvaz.client.errors import GatewayError, Invalid

if TYPE_CHECKING:
    from darvaz.client.synchronous import Device

Rules = Mapping[str, Mapping[str, Any]]

_TYPES: dict[str, type] = {"number": float, "integer": int, "string": str, "boolean": bool}


def callable_names(commands: Iterable[str]) -> list[str]:
    """Returns the commands that can be written behind a dot; the others are for `command`."""
    return [name for name in commands if name.isidentifier() and not keyword.iskeyword(name)]


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


def refuse_positions(name: str, rules: Rules) -> TypeError:
    """Returns the error of a call without names: on the wire, arguments have no order."""
    example = ", ".join(f"{argument}=…" for argument in rules) or "angle=90"
    return TypeError(f"{name} takes its arguments by name, as in {name}({example})")


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


class Command:
    """One command of a device, called with keywords."""

    def __init__(self, device: Device, name: str) -> None:
        self._device = device
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<Command {self.__name__!r} of {self._device.name!r}>"

    def __call__(self, *positions: Any, **args: Any) -> Any:
        if positions:
            raise refuse_positions(self.__name__, self._rules())
        return self._device.command(self.__name__, **args)

    @property
    def __signature__(self) -> Any:
        return signature_of(self._rules())

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        try:
            return description_of(self.__name__, self._rules())
        except GatewayError as error:
            return str(error)

    def _rules(self) -> Rules:
        return self._device.commands().get(self.__name__, {})
