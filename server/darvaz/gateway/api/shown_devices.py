"""What devices are described as to a caller: one who sees a shared dashboard does not learn where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from darvaz.gateway.api.operations import Call
from darvaz.gateway.events.queue import Event, dump_event_as
from darvaz.gateway.telemetry.description import DeviceDescription


def describe_for(call: Call) -> Callable[[str], DeviceDescription | None]:
    """Returns the function that describes a device to this caller; None for one that is unknown."""
    describe, limits = call.parts.describer.describe, call.admitted.limits
    if limits is None or limits.layout is None:
        return describe

    def describe_less(device: str) -> DeviceDescription | None:
        found = describe(device)
        if found is not None:
            found.address = found.ip = found.mac = found.boot_id = None
        return found

    return describe_less


def change_for(call: Call) -> Callable[[Event], Event] | None:
    """Returns what makes of each event the one for this caller; None where they are the same."""
    limits = call.admitted.limits
    if limits is None or limits.layout is None:
        return None
    describe = describe_for(call)

    def change(event: Event) -> Event:
        if event.type != "presence":
            return event
        id_line = event.text.partition(b"event: ")[0]
        return replace(event, text=id_line + dump_event_as(b"", event.type, describe(event.device)))

    return change
