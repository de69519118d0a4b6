"""The requests of the gateway's API as data: what to send, and how to read the answer. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from darvaz.client.types import (
    CameraInfo,
    CommandResultInfo,
    DeviceInfo,
    DeviceListInfo,
    EnrolmentInfo,
    GroupInfo,
    GroupListInfo,
    HealthInfo,
    IssuedToken,
    JournalEntry,
    JournalPageInfo,
    KeptFramesInfo,
    LatestValuesInfo,
    ManyResultsInfo,
    PlotInfo,
    ProtocolDocument,
    PublicTokensInfo,
    SessionListInfo,
    SettingsInfo,
    SignInLinkInfo,
    TokenListInfo,
    VersionInfo,
    ViewLinkInfo,
)

TimeSpec = datetime | timedelta | float
"""A time: a `datetime`, a `timedelta` ago, or Unix seconds; 0 and less is that many seconds ago."""

# A board may declare that a command takes ten minutes.
COMMAND_DEADLINE_S = 630.0
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


class CommandOutcome(NamedTuple):
    """What became of a command on one device of many: its result, or why it failed (`code`, and in words `error`)."""

    is_ok: bool
    result: Any = None
    code: str | None = None
    error: str | None = None


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
    """One request; `read` makes the result from the JSON of this shape that comes back, or from a `RawAnswer`.

    The shape None is that of an answer without a body.
    """

    method: str
    path: str
    read: Callable[[Any], Any] = _unchanged
    shape: Any = Any
    query: Mapping[str, str] | None = None
    body: Any = None
    is_raw: bool = False
    # Seconds for the whole answer; None is the client's own deadline.
    deadline_s: float | None = None


def path_of(*words: str) -> str:
    """Returns a path below /api, whatever the words are."""
    return "/api/" + "/".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    # . and .. would name other paths (RFC 3986, section 5.2.4). What is not Unicode comes from the command line.
    return word.replace(".", "%2E") if word in (".", "..") else quote(word, safe="", errors="replace")


def devices(after: str | None = None) -> ApiRequest:
    """Every device, or those behind one; answered in pages."""
    query = {"after": after} if after else None
    return ApiRequest("GET", path_of("devices"), _device_page, DeviceListInfo, query)


def _device_page(answer: DeviceListInfo) -> Page:
    # Gateways of earlier versions answer with all devices at once.
    after = answer.get("next")
    return Page(answer["devices"], devices(after) if after else None)


def device(name: str) -> ApiRequest:
    return ApiRequest("GET", path_of("devices", name), shape=DeviceInfo)


def label(name: str, text: str | None) -> ApiRequest:
    return ApiRequest("PATCH", path_of("devices", name), shape=DeviceInfo, body={"label": text})


def forget(name: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("devices", name), shape=None)


def command(name: str, command: str, args: Mapping[str, Any]) -> ApiRequest:
    path = path_of("devices", name, "commands", command)
    return ApiRequest(
        "POST", path, lambda answer: answer["result"], CommandResultInfo, body=args, deadline_s=COMMAND_DEADLINE_S
    )


def command_many(
    command: str, args: Mapping[str, Any], devices: Iterable[str] = (), groups: Iterable[str] = ()
) -> ApiRequest:
    """One command to devices and to all of some groups; answered with a `CommandOutcome` for each."""
    body = {"devices": list(devices), "groups": list(groups), "args": dict(args)}
    path = path_of("commands", command)
    return ApiRequest("POST", path, _outcomes, ManyResultsInfo, body=body, deadline_s=COMMAND_DEADLINE_S)


def _outcomes(answer: ManyResultsInfo) -> dict[str, CommandOutcome]:
    return {
        found["device"]: CommandOutcome(
            found["status"] == "ok", found.get("result"), found.get("code"), found.get("detail")
        )
        for found in answer["results"]
    }


def groups() -> ApiRequest:
    return ApiRequest("GET", path_of("groups"), lambda answer: answer["groups"], GroupListInfo)


def change_group(
    name: str, add: Iterable[str] = (), remove: Iterable[str] = (), new_name: str | None = None
) -> ApiRequest:
    """Puts devices into a group, takes some out, and renames it."""
    body = {"add": list(add), "remove": list(remove), **({"name": new_name} if new_name is not None else {})}
    return ApiRequest("PATCH", path_of("groups", name), shape=GroupInfo, body=body)


def delete_group(name: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("groups", name), shape=None)


def snapshot(name: str, deadline_s: float | None = None) -> ApiRequest:
    """A new JPEG, as a `CameraFrame`."""
    return ApiRequest(
        "GET", path_of("devices", name, "snapshot.jpg"), _snapshot_frame, is_raw=True, deadline_s=deadline_s
    )


def latest(name: str) -> ApiRequest:
    def read(answer: Any) -> dict[str, Any]:
        return {key: reading["value"] for key, reading in answer["values"].items()}

    return ApiRequest("GET", path_of("devices", name, "telemetry"), read, LatestValuesInfo)


def newest(name: str) -> ApiRequest:
    """The newest reading of each name, with its time."""
    return ApiRequest("GET", path_of("devices", name, "telemetry"), lambda answer: answer["values"], LatestValuesInfo)


def plot(name: str, value: str, since: TimeSpec | None, until: TimeSpec | None, points: int | None) -> ApiRequest:
    query = {"from": seconds_of(since), "to": seconds_of(until), "points": points}
    read: Callable[[Any], list[PlotPoint]] = lambda answer: [PlotPoint(*point) for point in answer["points"]]  # noqa: E731
    return ApiRequest("GET", path_of("devices", name, "telemetry", value), read, PlotInfo, query_of(query))


def journal(limit: int, **filters: Any) -> ApiRequest:
    query = query_of({**filters_of(filters), "limit": limit})
    return ApiRequest("GET", path_of("journal"), lambda answer: answer["rows"], JournalPageInfo, query)


def log(name: str, limit: int, since: TimeSpec | None) -> ApiRequest:
    entries = journal(limit, device=name, type="log", from_=since)
    return ApiRequest(
        "GET", entries.path, lambda answer: [_log_line(row) for row in answer["rows"]], JournalPageInfo, entries.query
    )


def tokens() -> ApiRequest:
    return ApiRequest("GET", path_of("tokens"), lambda answer: answer["tokens"], TokenListInfo)


def issue_token(
    kind: str, text: str = "", device: str | None = None, expires_days: float | None = None, person: str | None = None
) -> ApiRequest:
    """Issues a token; the answer is its id and its text."""
    body = {"kind": kind, "label": text, "device": device, "expires_days": expires_days}
    body |= {} if person is None else {"person": person}
    return ApiRequest("POST", path_of("tokens"), shape=IssuedToken, body=body)


def revoke_token(token: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("tokens", token), shape=None)


def public_token(kind: str) -> ApiRequest:
    """A new token for a board of a kind, while enrolment is open."""
    return ApiRequest("GET", "/public/tokens", lambda answer: answer[_PUBLIC_TOKEN_KEYS[kind]][0], PublicTokensInfo)


def enrol(minutes: float) -> ApiRequest:
    return ApiRequest("POST", path_of("enrolment"), shape=EnrolmentInfo, body={"minutes": minutes})


def enrolment() -> ApiRequest:
    """Whether boards may fetch tokens, and the address of the gateway for them."""
    return ApiRequest("GET", path_of("enrolment"), shape=EnrolmentInfo)


def close_enrolment() -> ApiRequest:
    return ApiRequest("DELETE", path_of("enrolment"), shape=EnrolmentInfo)


def sessions() -> ApiRequest:
    return ApiRequest("GET", path_of("sessions"), lambda answer: answer["sessions"], SessionListInfo)


def end_session(session: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("sessions", session), shape=None)


def sign_in_link(role: str, minutes: float) -> ApiRequest:
    """A link that signs one browser in; the answer has its path, and the address of the gateway for others."""
    body = {"role": role, "minutes": minutes}
    return ApiRequest("POST", path_of("sign-in-links"), shape=SignInLinkInfo, body=body)


def health() -> ApiRequest:
    return ApiRequest("GET", path_of("health"), shape=HealthInfo)


def version() -> ApiRequest:
    return ApiRequest("GET", path_of("version"), shape=VersionInfo)


def settings() -> ApiRequest:
    return ApiRequest("GET", path_of("settings"), lambda answer: answer["settings"], SettingsInfo)


def change_settings(values: Mapping[str, Any]) -> ApiRequest:
    """Changes settings until the gateway stops; the answer is all of them."""
    return ApiRequest("PATCH", path_of("settings"), lambda answer: answer["settings"], SettingsInfo, body=dict(values))


def camera(name: str) -> ApiRequest:
    return ApiRequest("GET", path_of("devices", name, "camera"), shape=CameraInfo)


def view_link(name: str, minutes: float | None) -> ApiRequest:
    body = {} if minutes is None else {"minutes": minutes}
    return ApiRequest("POST", path_of("devices", name, "view-links"), shape=ViewLinkInfo, body=body)


def kept_frames(name: str) -> ApiRequest:
    """When the kept frames of a camera arrived, in Unix milliseconds."""
    return ApiRequest("GET", path_of("devices", name, "frames"), lambda answer: answer["frames"], KeptFramesInfo)


def kept_frame(name: str, time_ms: int) -> ApiRequest:
    """One kept frame: a JPEG."""
    path = path_of("devices", name, "frames", f"{time_ms}.jpg")
    return ApiRequest("GET", path, lambda answer: answer.content, is_raw=True)


def protocol() -> ApiRequest:
    """The protocol's schema, which only a gateway has."""
    return ApiRequest("GET", "/protocol.json", lambda answer: answer["x-protocol"], ProtocolDocument)


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


def filters_of(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns filters by the names that the API has."""
    return {key.rstrip("_"): seconds_of(value) if key in ("from_", "to") else value for key, value in filters.items()}


def seconds_of(time: TimeSpec | None) -> float | None:
    """Returns a time as the API takes it: Unix seconds, or negative ones before now."""
    if isinstance(time, timedelta):
        return -time.total_seconds()
    return time.timestamp() if isinstance(time, datetime) else time


def query_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns the query of an address; what is None is left out."""
    return {key: str(value) for key, value in values.items() if value is not None}
