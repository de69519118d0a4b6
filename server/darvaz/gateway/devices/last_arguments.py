"""Which arguments of a command are kept, for the controls of the dashboard to show where a board is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def kept_arguments(args: Mapping[str, Any], rules: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns those that the board declared and that are numbers, truth values or choices.

    Free text may be long or a secret.
    """
    return {name: value for name, value in args.items() if _may_be_kept(value, (rules or {}).get(name))}


def _may_be_kept(value: Any, rule: Mapping[str, Any] | None) -> bool:
    if rule is None:
        return False
    return isinstance(value, bool | int | float) or (isinstance(value, str) and value in rule.get("choices", ()))
