"""One command to many devices: all at about the same time, with a result for each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.devices.hub import Hub

# Commands of one request that wait for their board at the same time.
AT_ONCE_MAX = 256
# Between as many devices, others have their turn: those that are offline fail without a wait.
_SLICE = 50


class DeviceResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of the command on one device."""

    device: str
    status: Literal["ok", "failed"]
    result: Annotated[Any, Meta(description="The answer of the board.")] = None
    code: Annotated[str | None, Meta(description="Why it failed: a short stable word.")] = None
    detail: Annotated[str | None, Meta(description="Why it failed, in words.")] = None

    @property
    def is_ok(self) -> bool:
        return self.status == "ok"


async def command_many(
    hub: Hub, devices: Sequence[str], name: str, args: Mapping[str, Any], deadline_s: float
) -> list[DeviceResult]:
    """Sends a command to devices and returns the result of each, in their order; none raises."""
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def command(device: str) -> DeviceResult:
        async with turns:
            try:
                result = await hub.command(device, name, args, deadline_s)
            except CommandError as error:
                return DeviceResult(device=device, status="failed", code=error.code, detail=str(error))
        return DeviceResult(device=device, status="ok", result=result)

    async with asyncio.TaskGroup() as group:
        tasks = []
        for index, device in enumerate(devices):
            tasks.append(group.create_task(command(device)))
            if index % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
    return [task.result() for task in tasks]
