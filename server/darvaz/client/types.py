"""What the gateway answers, as types for editors and type checkers; at run time each is a plain dictionary.

An answer of another shape is an error: a field that an older gateway lacks must be `NotRequired`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta

UnixSeconds = Annotated[float, Meta(ge=-1e11, le=1e11)]
"""A time that a calendar has."""


class DeviceInfo(TypedDict):
    """A device, as `GET /api/devices/{device}`; times are Unix seconds."""

    id: str
    kind: str
    sends_frames: bool
    label: str | None
    groups: NotRequired[list[str]]
    hidden_from: NotRequired[list[str]]
    online: bool
    since: UnixSeconds | None
    protection: NotRequired[str | None]
    first_seen: UnixSeconds
    last_seen: UnixSeconds
    address: str | None
    version: str | None
    board: str | None
    ip: str | None
    mac: NotRequired[str | None]
    reset_cause: str | None
    boot_id: str | None
    rssi_dbm: int | None
    heap_free_bytes: int | None
    uptime_s: float | None
    program: NotRequired[dict[str, Any] | None]
    commands: dict[str, dict[str, dict[str, Any]]]
    last_args: dict[str, dict[str, Any]]
    telemetry: dict[str, Any]
    values: dict[str, Any]


class GroupInfo(TypedDict):
    """A group and the ids of its devices."""

    name: str
    devices: list[str]


class GroupListInfo(TypedDict):
    """The answer of `GET /api/groups`."""

    groups: list[GroupInfo]


class OutcomeInfo(TypedDict):
    """What became of a command to many on one device."""

    device: str
    status: Literal["ok", "failed"]
    result: NotRequired[Any]
    code: NotRequired[str]
    detail: NotRequired[str]


class ManyResultsInfo(TypedDict):
    """The answer of a command to many devices."""

    results: list[OutcomeInfo]


class JournalEntry(TypedDict):
    """An entry of the journal: `<` received, `>` sent, `=` changed; `payload` is the message as text.

    `time` is when the gateway heard of it, `happened` when it happened.
    """

    id: int
    time: UnixSeconds
    device: str | None
    kind: str | None
    address: str | None
    direction: Literal["<", ">", "="]
    type: str
    payload: str
    happened: NotRequired[UnixSeconds]


class TokenInfo(TypedDict):
    """A token without its secret; times are Unix seconds."""

    id: str
    kind: str
    state: Literal["live", "expired", "revoked"]
    label: str
    device: str | None
    is_minted: bool
    created: UnixSeconds
    expires: UnixSeconds | None
    last_used: UnixSeconds | None
    last_address: str | None


class IssuedToken(TypedDict):
    """A new token: its id, and the whole text, which is shown only once."""

    id: str
    token: str


class EnrolmentInfo(TypedDict):
    """Whether new boards may fetch a token now."""

    is_open: bool
    seconds_left: float
    policy: Literal["window", "always", "never"]
    address: str | None
    is_public: NotRequired[bool]


class HealthInfo(TypedDict):
    """Whether the gateway does all it should, as `GET /api/health`."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_s: float
    journal: str
    history: str
    problems: NotRequired[list[str]]
    history_reports_dropped: int
    psk: NotRequired[bool]
    devices: int
    devices_online: int
    links: int
    event_clients: int
    cluster: NotRequired[Literal["single", "ok", "away"]]


class SessionInfo(TypedDict):
    """A signed-in browser; times are Unix seconds."""

    id: str
    role: Literal["owner", "operator", "user", "viewer"]
    agent: str
    created: UnixSeconds
    last_used: UnixSeconds
    ends: UnixSeconds
    last_address: str | None
    token: str | None
    person: NotRequired[str | None]
    name: NotRequired[str]
    is_yours: bool


class ReadingInfo(TypedDict):
    """A newest value, with its time in Unix seconds."""

    value: float | int | str | bool
    time: UnixSeconds


class DeviceListInfo(TypedDict):
    """A page of `GET /api/devices`."""

    devices: list[DeviceInfo]
    next: NotRequired[str | None]


class JournalPageInfo(TypedDict):
    """The answer of `GET /api/journal`."""

    rows: list[JournalEntry]


class TokenListInfo(TypedDict):
    """The answer of `GET /api/tokens`."""

    tokens: list[TokenInfo]


class SessionListInfo(TypedDict):
    """The answer of `GET /api/sessions`."""

    sessions: list[SessionInfo]


class CommandResultInfo(TypedDict):
    """The answer of a command."""

    result: Any


class LatestValuesInfo(TypedDict):
    """The answer of `GET /api/devices/{device}/telemetry`."""

    values: dict[str, ReadingInfo]


class PlotInfo(TypedDict):
    """The answer of `GET /api/devices/{device}/telemetry/{name}`: time, mean, lowest, highest, number of readings."""

    points: list[tuple[UnixSeconds, float, float, float, int]]


class StatesInfo(TypedDict):
    """The answer of `GET /api/devices/{device}/telemetry/{name}/states`: time and value of each change."""

    states: list[tuple[UnixSeconds, str | bool]]


class LayoutInfo(TypedDict):
    """A dashboard that people made: its cards are as in the API."""

    id: str
    title: str
    cards: list[dict[str, Any]]
    edition: int


class LayoutListInfo(TypedDict):
    """The answer of `GET /api/layouts`."""

    layouts: list[LayoutInfo]


class SignInLinkInfo(TypedDict):
    """The answer of `POST /api/sign-in-links`."""

    path: str
    address: NotRequired[str | None]
    is_public: NotRequired[bool]


class PublicTokensInfo(TypedDict, total=False):
    """The answer of `GET /public/tokens`."""

    pico_tokens: list[str]
    esp32cam_tokens: list[str]


class VersionInfo(TypedDict):
    """The version that runs."""

    version: str
    protocol: int
    compiled: bool


class SettingInfo(TypedDict):
    """One setting of a running gateway."""

    value: bool | int | float | str
    description: str
    may_change: bool


class SettingsInfo(TypedDict):
    """The answer of `GET /api/settings`."""

    settings: dict[str, SettingInfo]


class CameraInfo(TypedDict):
    """The state of a camera."""

    id: str
    online: bool
    viewers: int


class ViewLinkInfo(TypedDict):
    """Signed paths of one camera; append them to the gateway's address."""

    stream: str
    snapshot: str
    expires: UnixSeconds


class ReleaseInfo(TypedDict):
    """One release of a program."""

    number: int
    name: str
    created: UnixSeconds
    author: str
    files: int
    size_bytes: int
    micropython: str
    changes: dict[str, str]


class ReleaseListInfo(TypedDict):
    """The answer of `GET /api/releases`."""

    releases: list[ReleaseInfo]


class TargetInfo(TypedDict):
    """What became of a release on one board."""

    device: str
    state: str
    reason: str
    tries: int
    changed: UnixSeconds


class RolloutInfo(TypedDict):
    """One rollout of a release."""

    number: int
    release: int
    state: str
    reason: str
    created: UnixSeconds
    counts: dict[str, int]
    targets: list[TargetInfo]


class RolloutListInfo(TypedDict):
    """The answer of `GET /api/rollouts`."""

    rollouts: list[RolloutInfo]


class UpdateKeyInfo(TypedDict):
    """The answer of `POST /api/devices/{device}/update-key`."""

    key: str


class KeptFramesInfo(TypedDict):
    """The answer of `GET /api/devices/{device}/frames`; Unix milliseconds."""

    frames: list[Annotated[int, Meta(ge=0, le=100_000_000_000_000)]]


ProtocolDocument = TypedDict("ProtocolDocument", {"x-protocol": int})
"""What only a gateway has."""
