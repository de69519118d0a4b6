"""The commands that a board declared, as Python shows them."""

from __future__ import annotations

from typing import Any

import pytest

from darvaz.client import Invalid
from darvaz.client.commands import callable_names, check, signature_of


def test_declared_arguments_are_a_signature_with_defaults() -> None:
    rules: dict[str, dict[str, Any]] = {"times": {"type": "integer", "default": 3}, "mode": {"type": "string"}}

    assert str(signature_of(rules)) == "(*, times: int = 3, mode: str)"


def test_an_argument_that_python_cannot_name_leaves_the_signature_open() -> None:
    assert str(signature_of({"from": {"type": "number"}})) == "(**arguments)"


def test_a_command_without_declaration_accepts_any_arguments() -> None:
    check("pan", {}, {"angle": 90})
    with pytest.raises(Invalid, match="no argument angel"):
        check("pan", {"angle": {"type": "number"}}, {"angel": 90})


def test_only_names_that_python_can_write_are_completed() -> None:
    assert callable_names(["pan", "import", "2fast", "go-home"]) == ["pan"]
