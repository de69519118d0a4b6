"""What the gateway answers, as types for editors and type checkers; at run time each is a plain dictionary."""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class DeviceInfo(TypedDict):
    """A device, as `GET /api/devices/{device}`; times are Unix seconds."""

    id: str
    kind: str
    sends_frames: bool
    label: str | None
    online: bool
    since: float | None
    first_seen: float
    last_seen: float
    address: str | None
    version: str | None
    board: str | None
    ip: str | None
    reset_cause: str | None
    boot_id: str | None
    rssi_dbm: int | None
    heap_free_bytes: int | None
    uptime_s: float | None
    commands: dict[str, Any]
    last_args: dict[str, dict[str, Any]]
    telemetry: dict[str, Any]
    values: dict[str, Any]


class JournalEntry(TypedDict):
    """An entry of the journal: `<` received, `>` sent, `=` changed; `payload` is the message as text.

    `time` is when the gateway heard of it, `happened` when it happened.
    """

    id: int
    time: float
    device: str | None
    kind: str | None
    address: str | None
    direction: str
    type: str
    payload: str
    happened: float


class TokenInfo(TypedDict):
    """A token without its secret; times are Unix seconds."""

    id: str
    kind: str
    state: Literal["live", "expired", "revoked"]
    label: str
    device: str | None
    is_minted: bool
    created: float
    expires: float | None
    last_used: float | None
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


class HealthInfo(TypedDict):
    """Whether the gateway does all it should, as `GET /api/health`."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_s: float
    journal: str
    history: str
    history_reports_dropped: int
    devices: int
    devices_online: int
    links: int
    event_clients: int
