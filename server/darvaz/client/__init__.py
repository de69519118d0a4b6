"""The Python client: devices, their commands and everything else of a gateway, for programs and for a prompt."""

from __future__ import annotations

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
from darvaz.client.events import Event
from darvaz.client.requests import Frame, LogLine, Point
from darvaz.client.synchronous import Device, Gateway

__all__ = [
    "AsyncDevice", "AsyncGateway", "Away", "Busy", "CommandFailed", "CommandTimeout", "Device", "Event", "Frame",
    "Gateway", "GatewayError", "Invalid", "LogLine", "NotAllowed", "NotFound", "Point", "Unreachable",
]  # fmt: skip
