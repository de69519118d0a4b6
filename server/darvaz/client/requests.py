"""What a program may ask of a gateway, as data: what to send, and how to read the answer. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

Moment = datetime | timedelta | float
"""A time: a `datetime`, a `timedelta` ago, or Unix seconds; 0 and less is so many seconds ago."""


class Point(NamedTuple):
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


class Frame(NamedTuple):
    """One JPEG of a camera, with the time of its arrival at the gateway, in Unix seconds."""

    time: float
    data: bytes


@dataclass(frozen=True)
class Question:
    """One request; `read` makes an answer of the JSON (or, if `is_raw`, the bytes) that comes back."""

    method: str
    path: str
    read: Callable[[Any], Any] = lambda answer: answer
    query: Mapping[str, str] | None = None
    body: Any = None
    is_raw: bool = False


def path_of(*words: str) -> str:
    """Returns a path below /api."""
    return "/api/" + "/".join(quote(word, safe="") for word in words)


def devices() -> Question:
    return Question("GET", path_of("devices"), lambda answer: answer["devices"])


def device(name: str) -> Question:
    return Question("GET", path_of("devices", name))


def label(name: str, text: str | None) -> Question:
    return Question("PATCH", path_of("devices", name), body={"label": text})


def forget(name: str) -> Question:
    return Question("DELETE", path_of("devices", name))


def command(name: str, command: str, args: Mapping[str, Any]) -> Question:
    return Question("POST", path_of("devices", name, "commands", command), lambda answer: answer["result"], body=args)


def snapshot(name: str) -> Question:
    return Question("GET", path_of("devices", name, "snapshot.jpg"), is_raw=True)


def latest(name: str) -> Question:
    def read(answer: Any) -> dict[str, Any]:
        return {key: reading["value"] for key, reading in answer["values"].items()}

    return Question("GET", path_of("devices", name, "telemetry"), read)


def plot(name: str, value: str, since: Moment | None, until: Moment | None, points: int | None) -> Question:
    said = {"from": _moment(since), "to": _moment(until), "points": points}
    read: Callable[[Any], list[Point]] = lambda answer: [Point(*point) for point in answer["points"]]  # noqa: E731
    return Question("GET", path_of("devices", name, "telemetry", value), read, _query(said))


def journal(limit: int, **filters: Any) -> Question:
    said = {key.rstrip("_"): _moment(value) if key in ("from_", "to") else value for key, value in filters.items()}
    return Question("GET", path_of("journal"), lambda answer: answer["rows"], _query({**said, "limit": limit}))


def log(name: str, limit: int, since: Moment | None) -> Question:
    asked = journal(limit, device=name, type="log", from_=since)
    return Question(asked.method, asked.path, lambda answer: [_line(row) for row in answer["rows"]], asked.query)


def tokens() -> Question:
    return Question("GET", path_of("tokens"), lambda answer: answer["tokens"])


def issue_token(kind: str, text: str, device: str | None, expires_days: float | None) -> Question:
    body = {"kind": kind, "label": text, "device": device, "expires_days": expires_days}
    return Question("POST", path_of("tokens"), lambda answer: answer["token"], body=body)


def revoke_token(token: str) -> Question:
    return Question("DELETE", path_of("tokens", token))


def enrol(minutes: float) -> Question:
    return Question("POST", path_of("enrolment"), body={"minutes": minutes})


def health() -> Question:
    return Question("GET", path_of("health"))


def _line(row: Mapping[str, Any]) -> LogLine:
    try:
        said = json.loads(row["payload"])
        return LogLine(row["time"], str(said.get("level", "info")), str(said["message"]))
    except (ValueError, KeyError, AttributeError):
        return LogLine(row["time"], "info", str(row["payload"]))


def _moment(moment: Moment | None) -> float | None:
    if isinstance(moment, timedelta):
        return -moment.total_seconds()
    return moment.timestamp() if isinstance(moment, datetime) else moment


def _query(said: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in said.items() if value is not None}
