"""What there is to say of a device: what the hub knows, how the board is, and the newest values."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, cast

import msgspec
from msgspec import Meta

from darvaz.gateway.devices.description import DeviceState, Protection
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.visibility import System
from darvaz.gateway.telemetry.latest import Telemetry
from darvaz.gateway.telemetry.newest import Reading, Vitals
from darvaz.protocol.codec import MessageCodec

_LAST_ARGS = "With which numbers, truth values and choices each command was last carried out, since the board started."

_PROTECTION = (
    "What a listener on the network learns of its link: nothing (`encrypted`), all but the token (`token_protected`),"
    " all (`open`); null while it is away, or at another gateway."
)


class DeviceDescription(msgspec.Struct, kw_only=True):
    """One device; what it says of itself is text that anybody could have written."""

    id: str
    kind: str
    sends_frames: Annotated[bool, Meta(description="Whether its kind is one that sends pictures.")]
    label: Annotated[str | None, Meta(description="What people call it, if they gave it a name.")]
    groups: Annotated[tuple[str, ...], Meta(description="The groups that people put it into.")]
    hidden_from: Annotated[tuple[System, ...], Meta(description="The systems that it is not shown to.")]
    online: bool
    since: Annotated[float | None, Meta(description="When it came, in Unix seconds; null while it is away.")]
    protection: Annotated[Protection | None, Meta(description=_PROTECTION)]
    first_seen: float
    last_seen: float
    last_end: Annotated[int | None, Meta(description="Close code of its last link; null while it is here, or unknown.")]
    address: str | None
    version: str | None
    board: str | None
    ip: Annotated[str | None, Meta(description="The address that the board sees of itself.")]
    mac: Annotated[str | None, Meta(description="Of its radio, 12 hexadecimal digits; null if it does not tell.")]
    reset_cause: str | None
    boot_id: str | None
    rssi_dbm: Annotated[int | None, Meta(description="Signal of its Wi-Fi, when it last said so.")]
    heap_free_bytes: int | None
    uptime_s: Annotated[float | None, Meta(description="How long the board runs, as it last said.")]
    program: Annotated[
        dict[str, Any] | None, Meta(description="What it says of its release, as protocol.json has it; null: away.")
    ]
    commands: Annotated[dict[str, Any], Meta(description="Its commands and arguments, as protocol.json has them.")]
    last_args: Annotated[dict[str, dict[str, Any]], Meta(description=_LAST_ARGS)]
    telemetry: Annotated[dict[str, Any], Meta(description="What it reports, with units, as protocol.json has it.")]
    words: Annotated[dict[str, Any], Meta(description="What people say of its commands and values: `DeviceWords`.")]
    values: Annotated[dict[str, Reading], Meta(description="The newest of each name since the board started.")]


class VitalSigns(NamedTuple):
    """What the metrics have of a device."""

    id: str
    kind: str
    online: bool
    last_seen: float
    """Unix seconds; now, of a device that is here."""
    rssi_dbm: int | None
    heap_free_bytes: int | None
    uptime_s: float | None


_NO_VITALS = Vitals()


class DeviceDescriber:
    """Describes devices to the API, the event stream and the metrics."""

    def __init__(self, hub: Hub, telemetry: Telemetry, protocol: MessageCodec) -> None:
        self._hub = hub
        self._telemetry = telemetry
        self._kinds = protocol.kinds

    def describe(self, device: str) -> DeviceDescription | None:
        """Returns all there is to say of one device, or None if it never connected."""
        state = self._hub.describe(device)
        return None if state is None else self._complete(state)

    def vital_signs(self, device: str) -> VitalSigns | None:
        """Returns how a device is, for a fraction of the time; None if it never connected."""
        seen = self._hub.last_seen(device)
        if seen is None:
            return None
        vitals = self._telemetry.vitals_or_none(device) or _NO_VITALS
        return VitalSigns(device, *seen, vitals.rssi_dbm, vitals.heap_free_bytes, vitals.uptime_s)

    def _complete(self, state: DeviceState) -> DeviceDescription:
        # Field by field, so that the type checker sees what is missing.
        vitals = self._telemetry.vitals_or_none(state.id) or _NO_VITALS
        return DeviceDescription(
            id=state.id,
            kind=state.kind,
            sends_frames=self._kinds[state.kind].sends_frames,
            label=state.label,
            groups=state.groups,
            words=state.words,
            hidden_from=cast(tuple[System, ...], state.hidden_from),
            last_end=state.last_end,
            online=state.online,
            since=state.since_unix_s,
            protection=state.protection,
            first_seen=state.first_seen_unix_s,
            last_seen=state.last_seen_unix_s,
            address=state.address,
            version=state.version,
            board=state.board,
            ip=state.ip,
            mac=state.mac,
            reset_cause=state.reset_cause,
            boot_id=state.boot_id,
            rssi_dbm=vitals.rssi_dbm,
            heap_free_bytes=vitals.heap_free_bytes,
            uptime_s=vitals.uptime_s,
            program=self._hub.program_of(state.id),
            commands=state.commands,
            last_args=state.last_args,
            telemetry=state.telemetry,
            values=self._telemetry.latest(state.id),
        )
