"""The requests of the gateway's API as data: what to send, and how to read the answer. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from darvaz.client.types import JournalEntry

TimeSpec = datetime | timedelta | float
"""A time: a `datetime`, a `timedelta` ago, or Unix seconds; 0 and less is that many seconds ago."""

_PUBLIC_TOKEN_KEYS = {"pico": "pico_tokens", "esp32cam": "esp32cam_tokens"}


class PlotPoint(NamedTuple):
    """A point of a plot: Unix seconds, mean, lowest, highest, and of how many readings."""

    time: float
    mean: float
    lowest: float
    highest: float
    readings: int


class LogLine(NamedTuple):
    """A line of a device's log, with its time in Unix seconds."""

    time: float
    level: str
    message: str


class CameraFrame(NamedTuple):
    """One JPEG of a camera, with the time of its arrival at the gateway, in Unix seconds."""

    time: float
    data: bytes


class RawAnswer(NamedTuple):
    """An answer that is not JSON: its headers, by lower-case name, and its body."""

    headers: Mapping[str, str]
    content: bytes


class Page(NamedTuple):
    """A part of a long answer, and the request for the next part; None with the last."""

    items: list[Any]
    following: ApiRequest | None


def _unchanged(answer: Any) -> Any:
    return answer


@dataclass(frozen=True)
class ApiRequest:
    """One request; `read` makes the result from the JSON that comes back, or from a `RawAnswer` if `is_raw`."""

    method: str
    path: str
    read: Callable[[Any], Any] = _unchanged
    query: Mapping[str, str] | None = None
    body: Any = None
    is_raw: bool = False
    # Seconds for the whole answer; None is the client's own deadline.
    deadline_s: float | None = None


def path_of(*words: str) -> str:
    """Returns a path below /api."""
    return "/api/" + "/".join(quote(word, safe="") for word in words)


def devices(after: str | None = None) -> ApiRequest:
    """Every device, or those behind one; answered in pages."""
    return ApiRequest("GET", path_of("devices"), _device_page, {"after": after} if after else None)


def _device_page(answer: Any) -> Page:
    # Gateways of earlier versions answer with all devices at once.
    after = answer.get("next")
    return Page(answer["devices"], devices(after) if after else None)


def device(name: str) -> ApiRequest:
    return ApiRequest("GET", path_of("devices", name))


def label(name: str, text: str | None) -> ApiRequest:
    return ApiRequest("PATCH", path_of("devices", name), body={"label": text})


def forget(name: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("devices", name))


def command(name: str, command: str, args: Mapping[str, Any]) -> ApiRequest:
    return ApiRequest("POST", path_of("devices", name, "commands", command), lambda answer: answer["result"], body=args)


def snapshot(name: str, deadline_s: float | None = None) -> ApiRequest:
    """A new JPEG, as a `CameraFrame`."""
    return ApiRequest(
        "GET", path_of("devices", name, "snapshot.jpg"), _snapshot_frame, is_raw=True, deadline_s=deadline_s
    )


def latest(name: str) -> ApiRequest:
    def read(answer: Any) -> dict[str, Any]:
        return {key: reading["value"] for key, reading in answer["values"].items()}

    return ApiRequest("GET", path_of("devices", name, "telemetry"), read)


def plot(name: str, value: str, since: TimeSpec | None, until: TimeSpec | None, points: int | None) -> ApiRequest:
    query = {"from": _seconds(since), "to": _seconds(until), "points": points}
    read: Callable[[Any], list[PlotPoint]] = lambda answer: [PlotPoint(*point) for point in answer["points"]]  # noqa: E731
    return ApiRequest("GET", path_of("devices", name, "telemetry", value), read, _query(query))


def journal(limit: int, **filters: Any) -> ApiRequest:
    query = {key.rstrip("_"): _seconds(value) if key in ("from_", "to") else value for key, value in filters.items()}
    return ApiRequest("GET", path_of("journal"), lambda answer: answer["rows"], _query({**query, "limit": limit}))


def log(name: str, limit: int, since: TimeSpec | None) -> ApiRequest:
    entries = journal(limit, device=name, type="log", from_=since)
    return ApiRequest("GET", entries.path, lambda answer: [_log_line(row) for row in answer["rows"]], entries.query)


def tokens() -> ApiRequest:
    return ApiRequest("GET", path_of("tokens"), lambda answer: answer["tokens"])


def issue_token(kind: str, text: str = "", device: str | None = None, expires_days: float | None = None) -> ApiRequest:
    """Issues a token; the answer is its id and its text."""
    body = {"kind": kind, "label": text, "device": device, "expires_days": expires_days}
    return ApiRequest("POST", path_of("tokens"), body=body)


def revoke_token(token: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("tokens", token))


def public_token(kind: str) -> ApiRequest:
    """A new token for a board of a kind, while enrolment is open."""
    return ApiRequest("GET", "/public/tokens", lambda answer: str(answer[_PUBLIC_TOKEN_KEYS[kind]][0]))


def enrol(minutes: float) -> ApiRequest:
    return ApiRequest("POST", path_of("enrolment"), body={"minutes": minutes})


def close_enrolment() -> ApiRequest:
    return ApiRequest("DELETE", path_of("enrolment"))


def sign_in_link(role: str, minutes: float) -> ApiRequest:
    """A link that signs one browser in; the answer has its path, and the address of the gateway for others."""
    return ApiRequest("POST", path_of("sign-in-links"), dict, body={"role": role, "minutes": minutes})


def health() -> ApiRequest:
    return ApiRequest("GET", path_of("health"))


def protocol() -> ApiRequest:
    """The protocol's schema, which only a gateway has."""
    return ApiRequest("GET", "/protocol.json", lambda answer: answer["x-protocol"])


def _log_line(entry: JournalEntry) -> LogLine:
    try:
        message = json.loads(entry["payload"])
        return LogLine(entry["time"], str(message.get("level", "info")), str(message["message"]))
    except (ValueError, KeyError, AttributeError):
        return LogLine(entry["time"], "info", str(entry["payload"]))


def _snapshot_frame(answer: RawAnswer) -> CameraFrame:
    # Here, because it takes long to load.
    from email.utils import parsedate_to_datetime

    return CameraFrame(parsedate_to_datetime(answer.headers["last-modified"]).timestamp(), answer.content)


def _seconds(time: TimeSpec | None) -> float | None:
    if isinstance(time, timedelta):
        return -time.total_seconds()
    return time.timestamp() if isinstance(time, datetime) else time


def _query(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items() if value is not None}
