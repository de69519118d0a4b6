"""The Python client: devices, their commands and everything else of a gateway, for programs and for a prompt."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darvaz.client.asynchronous import AsyncDevice, AsyncGateway
    from darvaz.client.errors import (
        Away,
        Busy,
        CommandFailed,
        CommandTimeout,
        GatewayError,
        Invalid,
        NotAllowed,
        NotFound,
        Unreachable,
    )
    from darvaz.client.events import GatewayEvent as Event
    from darvaz.client.groups import AsyncGroup, Group
    from darvaz.client.requests import CameraFrame as Frame
    from darvaz.client.requests import LogLine
    from darvaz.client.requests import PlotPoint as Point
    from darvaz.client.synchronous import Device, Gateway

__all__ = [
    "AsyncDevice", "AsyncGateway", "AsyncGroup", "Away", "Busy", "CommandFailed", "CommandTimeout", "Device", "Event",
    "Frame", "Gateway", "GatewayError", "Group", "Invalid", "LogLine", "NotAllowed", "NotFound", "Point", "Unreachable",
]  # fmt: skip
# Where each name is, and its name there.
_PLACES = {
    "AsyncDevice": "asynchronous", "AsyncGateway": "asynchronous", "Device": "synchronous", "Gateway": "synchronous",
    "AsyncGroup": "groups", "Group": "groups", "Event": "events.GatewayEvent", "Frame": "requests.CameraFrame",
    "LogLine": "requests",
    "Point": "requests.PlotPoint",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Only when used: the command line reads the configuration without loading httpx.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, actual = _PLACES.get(name, "errors").partition(".")
    return getattr(import_module(f"{__name__}.{module}"), actual or name)
