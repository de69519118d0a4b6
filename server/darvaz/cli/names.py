"""Completion of device and command names while somebody types: asks the running gateway, quickly and in silence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from darvaz.text.terminal import visible

if TYPE_CHECKING:
    from darvaz.client.types import DeviceInfo

# Somebody waits with a finger on the key.
DEADLINE_S = 1.5
ITEMS_MAX = 200

Complete = Callable[[click.Context, str], list[CompletionItem]]


def add_completion(command: click.Command) -> None:
    """Gives the parameters of a command, and of its own commands, the completion that belongs to their names."""
    for parameter in command.params:
        complete = _BY_NAME.get(parameter.name or "")
        if complete is not None:
            # click offers this only where the parameter is declared, which the verbs need not know.
            setattr(parameter, "shell_complete", complete)  # noqa: B010
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            add_completion(inner)


def _devices(context: click.Context, incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(device["id"], help=f"{device['kind']}, {'online' if device['online'] else 'offline'}")
        for device in _known(context)
        if device["id"].startswith(incomplete)
    ][:ITEMS_MAX]


def _commands(context: click.Context, incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(name, help=visible(" ".join(arguments)))
        for name, arguments in _commands_of(context).items()
        if name.startswith(incomplete)
    ][:ITEMS_MAX]


def _arguments(context: click.Context, incomplete: str) -> list[CompletionItem]:
    given = {word.partition("=")[0] for word in context.params.get("args") or ()}
    names = _commands_of(context).get(context.params.get("command") or "", ())
    return [CompletionItem(f"{name}=") for name in names if name.startswith(incomplete) and name not in given]


_BY_NAME: dict[str, Complete] = {"device": _devices, "devices": _devices, "command": _commands, "args": _arguments}


def _commands_of(context: click.Context) -> dict[str, Any]:
    wanted = context.params.get("device")
    found: dict[str, Any] = next((d["commands"] for d in _known(context) if d["id"] == wanted), {})
    return found


def _known(context: click.Context) -> list[DeviceInfo]:
    """Returns the devices of the gateway; none if it does not answer in time, or not to this user."""
    found: list[DeviceInfo] = []
    asking = threading.Thread(target=_ask, args=(context.params.get("gateway"), found), daemon=True)
    asking.start()
    asking.join(DEADLINE_S)
    return found


def _ask(url: str | None, found: list[DeviceInfo]) -> None:
    # Here, because most completions are of verbs and options.
    from darvaz.client import requests
    from darvaz.client.errors import GatewayError
    from darvaz.client.synchronous import Gateway

    try:
        with Gateway(url) as gateway:
            devices: list[DeviceInfo] = gateway.ask(requests.devices())
    except (GatewayError, OSError, ValueError):
        # A message would be in the middle of what is typed.
        return
    # A name that is not visible as it is would control the terminal.
    found.extend(device for device in devices if visible(device["id"]) == device["id"])
