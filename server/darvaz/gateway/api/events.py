"""Server-sent events: a client that reconnects gets the events since the last one it has."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

from darvaz import __version__
from darvaz.gateway.access import Need
from darvaz.gateway.access.decisions import FOREIGN_ORIGIN
from darvaz.gateway.api.event_response import EventBody, EventResponse
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.api.shown_devices import change_for, describe_for
from darvaz.gateway.api.types import DeviceId
from darvaz.gateway.events.missed import Gap, Present
from darvaz.gateway.events.queue import Event, EventQueue, dump_event_as, dump_gap
from darvaz.gateway.events.streams import TYPES
from darvaz.gateway.http.authorization import refuse
from darvaz.gateway.http.problems import problem

RETRY_MS = 2_000
DEVICES_MAX = 32

_BUSY_RETRY_S = 10.0
_OF_DASHBOARDS = ("presence", "forgotten", "telemetry", "frames")
_PIECE_BYTES = 64 * 1024


class EventsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which events to send."""

    device: Annotated[DeviceId, Meta(description="Only events of this device.")] | UnsetType = UNSET
    devices: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=DEVICES_MAX * 65,
                description=f"Only events of these devices, separated by blanks; at most {DEVICES_MAX}.",
            ),
        ]
        | UnsetType
    ) = UNSET
    types: Annotated[
        str,
        Meta(
            pattern=f"^({'|'.join(TYPES)})(,({'|'.join(TYPES)})){{0,15}}$",
            description="Only these types, separated by commas.",
            extra_json_schema={"x-rule": f"types are some of {', '.join(TYPES)}, separated by commas"},
        ),
    ] = ",".join(TYPES)
    last_event_id: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9a-z.]{1,4096}$",
                description="For clients that cannot send Last-Event-ID: continue after the event with this id.",
                extra_json_schema={"x-rule": "last_event_id is the id of an event"},
            ),
        ]
        | UnsetType
    ) = UNSET


def watch_events(call: Call) -> Response:
    """Streams events, from now on or from the last event that the client has."""
    # An <img> on any web page could otherwise open streams until the limit is reached.
    if call.caller.is_cross_site:
        return refuse(call.parts, call.caller, FOREIGN_ORIGIN, "GET /api/events")
    named = _named(call)
    if named is not None and len(named) > DEVICES_MAX:
        return problem(422, "invalid", f"devices: at most {DEVICES_MAX}, not {len(named)}")
    if call.parts.events.is_full:
        return problem(503, "too_many_clients", "the limit of event streams is reached", _BUSY_RETRY_S)
    if not call.parts.shares.streams.enter(call.sharer, is_operator=call.is_operator):
        return problem(503, "too_many_clients", "too many event streams of this caller, or of viewers", _BUSY_RETRY_S)
    leave = functools.partial(call.parts.shares.streams.leave, call.sharer, is_operator=call.is_operator)
    return EventResponse(functools.partial(_serve, call), on_end=leave)


OPERATIONS = [
    Operation(
        method="GET", path="/api/events", tag="Events", handle=watch_events, need=Need.SEE,
        query=EventsQuery, answer=str, media=("text/event-stream",), errors=(503,),
    ),
]  # fmt: skip


async def _serve(call: Call, body: EventBody) -> None:
    """Sends what the client missed, and has the queue send the rest; the response goes on when this returns."""
    query: EventsQuery = call.query
    events, last = call.parts.events, _last_event_id(call)
    seen = call.parts.scopes.boards(call.admitted.limits)
    queue = events.open_queue(frozenset(query.types.split(",")) & _types(call), _devices(call), change_for(call))
    body.on_end = functools.partial(events.close_queue, queue)
    # With an id here, a client cut off before it has caught up would believe that it has everything.
    await body.send(_hello(call, events.order.id_of(queue.begins, None) if last is None else b""))
    if last is not None:
        async for piece in _missed(call, queue, last):
            await body.send(piece)
    # Whose boards have become others comes again, and gets those.
    queue.attach(
        body.sender,
        lambda: call.is_still_admitted() and call.parts.scopes.boards(call.admitted.limits) == seen,
    )


def _types(call: Call) -> frozenset[str]:
    """Returns the types of events that the caller may see: of a dashboard that is shared, what its cards show."""
    limits = call.admitted.limits
    return frozenset(TYPES if limits is None or limits.layout is None else _OF_DASHBOARDS)


def _devices(call: Call) -> frozenset[str] | None:
    """Returns the devices whose events are wanted, of those that the caller may see; None for all."""
    named, seen = _named(call), call.parts.scopes.boards(call.admitted.limits)
    if named is None or seen is None:
        return seen if named is None else named
    return named & seen


def _named(call: Call) -> frozenset[str] | None:
    """Returns the devices that the query names; None without one."""
    query: EventsQuery = call.query
    named = [
        *([] if query.device is UNSET else [query.device]),
        *([] if query.devices is UNSET else query.devices.split()),
    ]
    return frozenset(call.parts.protocol.device_ids.find(device) for device in named) if named else None


async def _missed(call: Call, queue: EventQueue, last: str) -> AsyncIterator[bytes]:
    """Yields the events since one: from memory, or from where they are stored."""
    events = call.parts.events
    number = events.order.number_of(last)
    kept = None if number is None or number >= queue.begins else events.between(number, queue)
    if kept is not None:
        for piece in _joined(map(queue.changed, kept)):
            yield piece
        return
    async for found in call.parts.missed.since(last, queue, call.read):
        if isinstance(found, Gap):
            yield dump_gap(None)
            continue
        listed = await _present(call, queue, found.id) if isinstance(found, Present) else found
        for piece in _joined(map(queue.changed, listed)):
            yield piece


async def _present(call: Call, queue: EventQueue, id_: bytes) -> list[Event]:
    """Returns the current state of each device, instead of all its changes of presence."""

    describe = describe_for(call)

    def states() -> Iterator[Event]:
        for device in call.parts.devices.after(""):
            described = describe(device)
            if described is not None:
                yield Event(queue.begins, "presence", device, dump_event_as(id_, "presence", described))

    if not queue.wants_type("presence"):
        return []
    found = await call.parts.long_work.collect(states())
    return [event for event in found if queue.wants(event)]


def _joined(events: Iterable[Event]) -> Iterator[bytes]:
    """Joins events into pieces of about `_PIECE_BYTES`: one write for many small events."""
    piece, size_bytes = [], 0
    for event in events:
        piece.append(event.text)
        size_bytes += len(event.text)
        if size_bytes >= _PIECE_BYTES:
            yield b"".join(piece)
            piece, size_bytes = [], 0
    if piece:
        yield b"".join(piece)


def _last_event_id(call: Call) -> str | None:
    """Returns the id of the last event that a client has; one that no gateway gave counts as none."""
    shown = call.request.headers.get("last-event-id", "")
    is_id = call.parts.events.order.is_id
    if not is_id(shown):
        shown = "" if call.query.last_event_id is UNSET else call.query.last_event_id
    return shown if is_id(shown) else None


def _hello(call: Call, id_: bytes) -> bytes:
    data = {"version": __version__, "time": call.parts.unix_s(), "role": call.admitted.role}
    identity = b"id: %s\n" % id_ if id_ else b""
    return b"retry: %d\n%sevent: hello\ndata: %s\n\n" % (RETRY_MS, identity, msgspec.json.encode(data))
