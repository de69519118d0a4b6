"""Runs pytest in forks of the fork server: imports are most of the processor time of a maker's short run.

A fork is `python -m pytest` all the same, with the arguments, the environment and the folder that it is given, and so
is the gateway that it starts.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, cast

import pytest
from _pytest.config import default_plugins

from darvaz.pytest_plugin import gateway_process
from darvaz.pytest_plugin.gateway_process import GatewayProcess
from tests.support.fork_server import ForkedProcess, ForkServer, can_fork, fork_server

# Plugins of our own tests that makers do not have.
NOT_OF_MAKERS = ("schemathesis", "hypothesispytest")
_PROGRAM = f"from {__name__} import main; main(server)"
# What our plugin imports when a test uses a board.
_OF_OURS = ("async_board", "bench", "own_gateway", "report", "serial_backend", "virtual_backend")
# In the documentation of a module: that pytest need not rewrite its assertions, for which it would be too late.
_AS_IT_IS = "PYTEST_DONT_REWRITE"


def start_pytest(
    words: Sequence[str], folder: Path, env: Mapping[str, str], output: IO[bytes], errors: IO[bytes] | None = None
) -> ForkedProcess:
    """Starts pytest in a folder, where `can_fork` says so; without `errors` they go to the output."""
    return fork_server().start(
        words, env, output, errors, folder=folder, program=_PROGRAM, preload=_preload(), is_shared=True
    )


@cache
def _preload() -> tuple[str, ...]:
    plugins = importlib.metadata.entry_points(group="pytest11")
    return (
        __name__,
        *(f"_pytest.{name}" for name in default_plugins),
        *(plugin.module for plugin in plugins if plugin.name not in NOT_OF_MAKERS),
        *(f"darvaz.pytest_plugin.{name}" for name in _OF_OURS),
    )


# In a fork


def main(server: ForkServer) -> None:
    """Runs pytest; gateways are forks of the same server."""

    def launch(gateway: GatewayProcess, log: IO[bytes]) -> ForkedProcess:
        if not can_fork(gateway.env):
            return cast("ForkedProcess", start(gateway, log))
        if not gateway._ends_with_us:
            return server.start(gateway.arguments, gateway.env, log)
        (reading, writing) = os.pipe()
        with os.fdopen(reading, "rb") as given:
            program = gateway_process._SERVE_UNTIL_STDIN_CLOSES
            process = server.start(gateway.arguments, gateway.env, log, input=given, program=program)
        process.stdin = os.fdopen(writing, "wb")
        return process

    start, GatewayProcess._launch = GatewayProcess._launch, launch  # type: ignore[method-assign,assignment]
    # As Python does for `-m`.
    sys.path[0] = os.getcwd()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "tests":
            del sys.modules[name]
        else:
            module.__doc__ = f"{module.__doc__} {_AS_IT_IS}"
    sys.exit(pytest.console_main())
