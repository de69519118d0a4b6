"""Telemetry over HTTP: the newest values of a device, and each of them over time."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.types import TimeSeconds
from darvaz.gateway.http.problems import unknown_device
from darvaz.gateway.telemetry.history_queries import POINTS, POINTS_MAX, Point, Source
from darvaz.gateway.telemetry.newest import HEALTH_NAMES
from darvaz.gateway.telemetry.report_queue import newest_of

_TAG = "Telemetry"


class LastReading(msgspec.Struct):
    """The newest value of one name, in Unix seconds; unknown once the board has started again, until it tells it."""

    value: Annotated[bool | int | float | str | None, Meta(description="null: the board has started again since.")]
    time: float


class LatestAnswer(msgspec.Struct):
    """The newest value of each name."""

    device: str
    values: dict[str, LastReading]


class PlotQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"from_s": "from", "to_s": "to"}):
    """A span of time of a series."""

    from_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] = -86_400.0
    to_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] = 0.0
    points: Annotated[int, Meta(ge=1, le=POINTS_MAX, description="Most points that are returned.")] = POINTS


class PlotAnswer(msgspec.Struct, kw_only=True):
    """A series over time."""

    device: str
    name: str
    unit: Annotated[str | None, Meta(description="As the device declared it.")]
    source: Annotated[Source, Meta(description="Single readings, or summaries of five minutes or an hour.")]
    from_s: Annotated[float, Meta(description="Unix seconds.")] = msgspec.field(name="from")
    to_s: Annotated[float, Meta(description="Unix seconds.")] = msgspec.field(name="to")
    step_s: Annotated[float, Meta(description="Seconds that one point covers; 0 for single readings.")]
    points: Annotated[list[Point], Meta(description="Time, mean, lowest, highest, number of readings; oldest first.")]


class StateQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"from_s": "from", "to_s": "to"}):
    """A span of time of a text or truth value."""

    from_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] = -86_400.0
    to_s: Annotated[TimeSeconds, Meta(description="Unix seconds; 0 and below counts back from now.")] = 0.0


class StateChange(msgspec.Struct, array_like=True, frozen=True):
    """When a value became what it is, and what it became."""

    time: Annotated[float, Meta(description="Unix seconds.")]
    value: str | bool


class StatesAnswer(msgspec.Struct, kw_only=True):
    """A text or truth value over time."""

    device: str
    name: str
    from_s: Annotated[float, Meta(description="Unix seconds.")] = msgspec.field(name="from")
    to_s: Annotated[float, Meta(description="Unix seconds.")] = msgspec.field(name="to")
    states: Annotated[list[StateChange], Meta(description="Oldest first; the first may be of before.")]


async def read_telemetry(call: Call) -> LatestAnswer | Response:
    """Returns the newest value of each name that a device reports."""
    if call.parts.devices.get(call.device) is None:
        return unknown_device(call.device)
    # Numbers of how the board is are in the history only; what it reported before it started again is not so any more.
    waiting, telemetry = call.parts.history.newest_waiting(call.device), call.parts.telemetry
    stored = await call.read(call.parts.history_reader, lambda history: history.last_readings(call.device))
    is_known = telemetry.knows(call.device)
    values = {
        name: LastReading(None if is_known and name not in HEALTH_NAMES else value, time_s)
        for name, (value, time_s) in newest_of(stored, waiting).items()
    }
    latest = telemetry.health(call.device) | telemetry.latest(call.device)
    known = {name: LastReading(found.value, found.time) for name, found in latest.items()}
    return LatestAnswer(call.device, values | known)


async def plot_telemetry(call: Call) -> PlotAnswer | Response:
    """Returns one value of a device over time, in about as many points as a plot can show."""
    known = call.parts.devices.get(call.device)
    if known is None:
        return unknown_device(call.device)
    name, wanted, now_s = str(call.scope["path_params"]["name"]), call.query, call.parts.unix_s()
    from_s, to_s = (now_s + time_s if time_s <= 0 else time_s for time_s in (wanted.from_s, wanted.to_s))
    waiting = call.parts.history.waiting(call.device, name)
    found = await call.read(
        call.parts.history_reader,
        lambda history: history.plot(call.device, name, from_s, to_s, wanted.points, waiting),
    )
    return PlotAnswer(
        device=call.device,
        name=name,
        unit=known.introduction.get("telemetry", {}).get(name, {}).get("unit"),
        source=found.source,
        from_s=from_s,
        to_s=to_s,
        step_s=found.step_s,
        points=found.points,
    )


async def read_states(call: Call) -> StatesAnswer | Response:
    """Returns when a text or truth value of a device changed, and to what."""
    if call.parts.devices.get(call.device) is None:
        return unknown_device(call.device)
    name, wanted, now_s = str(call.scope["path_params"]["name"]), call.query, call.parts.unix_s()
    from_s, to_s = (now_s + time_s if time_s <= 0 else time_s for time_s in (wanted.from_s, wanted.to_s))
    waiting = call.parts.history.waiting_states(call.device, name)
    found = await call.read(
        call.parts.history_reader, lambda history: history.states(call.device, name, from_s, to_s, waiting)
    )
    changes = [StateChange(*each) for each in found]
    return StatesAnswer(device=call.device, name=name, from_s=from_s, to_s=to_s, states=changes)


OPERATIONS = [
    Operation(
        method="GET", path="/api/devices/{device}/telemetry", tag=_TAG, handle=read_telemetry, need=Need.SEE,
        answer=LatestAnswer
    ),
    Operation(
        method="GET", path="/api/devices/{device}/telemetry/{name}", tag=_TAG, handle=plot_telemetry, need=Need.SEE,
        query=PlotQuery, answer=PlotAnswer, errors=(503,),
    ),
    Operation(
        method="GET", path="/api/devices/{device}/telemetry/{name}/states", tag=_TAG, handle=read_states,
        need=Need.SEE, query=StateQuery, answer=StatesAnswer, errors=(503,),
    ),
]  # fmt: skip
