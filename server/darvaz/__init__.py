"""Darvaz, the self-hosted gateway for MicroPython boards; `from darvaz import Gateway` is the client for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darvaz.compiled import use_compiled

if TYPE_CHECKING:
    from darvaz.client import AsyncGateway as AsyncGateway
    from darvaz.client import Gateway as Gateway

    # For editors: on a board, `darvaz` is the library there.
    from darvaz.on_board import Device as Device

__version__ = "0.1.0"

# Before the import of any module that may be compiled.
is_compiled = use_compiled()

_CLIENT = ("AsyncGateway", "Gateway")


def __getattr__(name: str) -> Any:
    # Only when used: the gateway does not need its client.
    if name in _CLIENT:
        import darvaz.client

        return getattr(darvaz.client, name)
    if name == "Device":
        raise AttributeError("Device is for programs on boards: run this one with `darvaz simulate --app FOLDER`")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_CLIENT]
