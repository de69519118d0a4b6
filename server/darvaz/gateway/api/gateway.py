"""The gateway over HTTP: its health, its version, and the settings that may change while it runs."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from darvaz import __version__, is_compiled
from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.cluster_state import ClusterState
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings, describe, hints, may_change
from darvaz.gateway.telemetry.history_tables import Retention

_TAG = "Gateway"


class HealthAnswer(msgspec.Struct):
    """Health of the gateway."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_s: float
    journal: Annotated[str, Meta(description="ok, or what is wrong.")]
    history: Annotated[str, Meta(description="ok, or what is wrong.")]
    problems: Annotated[list[str], Meta(description="What cannot be written, a sentence each; empty if all is well.")]
    history_reports_dropped: int
    devices: int
    devices_online: int
    links: int
    event_clients: int
    psk: Annotated[bool, Meta(description="Whether boards can encrypt links with their tokens as keys.")]
    cluster: Annotated[Literal["single", "ok", "away"], Meta(description="Whether other gateways are reached.")]


class VersionAnswer(msgspec.Struct):
    """The version that runs."""

    version: str
    protocol: int
    compiled: Annotated[bool, Meta(description="Whether the hot path is compiled.")]


class SettingAnswer(msgspec.Struct):
    """One setting and its current value."""

    value: bool | int | float | str
    description: str
    may_change: bool


class SettingsAnswer(msgspec.Struct):
    """Every setting; changes last until the gateway stops."""

    settings: dict[str, SettingAnswer]


def _field_of(name: str, hint: Any) -> tuple[str, Any, Any]:
    """Returns an optional field of `SettingsChange`."""
    base, *metas = get_args(hint)
    # JSON has one type of number: 1e9 is a whole number, but msgspec refuses it as an int.
    type_ = float if base is int else base
    return name, Annotated[type_, *metas] | UnsetType, UNSET


SettingsChange = msgspec.defstruct(
    "SettingsChange",
    [_field_of(name, hint) for name, hint in hints().items() if may_change(hint)],
    forbid_unknown_fields=True,
    module=__name__,
    namespace={"__doc__": "New values of settings that may change while the gateway runs."},
)


def read_gateway_health(call: Call) -> HealthAnswer:
    """Returns the health of the gateway in detail."""
    parts = call.parts
    problems = parts.problems
    return HealthAnswer(
        status="degraded" if problems else "ok",
        version=__version__,
        uptime_s=time.monotonic() - parts.started_s,
        journal=parts.journal_state,
        history=parts.history.state,
        problems=problems,
        history_reports_dropped=parts.history.dropped_reports,
        devices=len(parts.devices.all()),
        devices_online=parts.hub.online,
        links=parts.link_counts.total,
        event_clients=parts.events.clients,
        psk=parts.settings.offers_psk,
        cluster=parts.cluster.state().state,
    )


def read_cluster(call: Call) -> ClusterState:
    """Returns the gateways that serve together with this one."""
    return call.parts.cluster.state()


def read_version(call: Call) -> VersionAnswer:
    """Returns the version of the gateway and of its protocol."""
    return VersionAnswer(__version__, call.parts.protocol.version, is_compiled)


def read_settings(call: Call) -> SettingsAnswer:
    """Returns every setting, and whether it may change while the gateway runs."""
    settings = call.parts.settings
    return SettingsAnswer(
        {
            name: SettingAnswer(getattr(settings, name), describe(hint), may_change(hint))
            for name, hint in hints().items()
        }
    )


def change_settings(call: Call) -> SettingsAnswer:
    """Changes settings until the gateway stops; for a lasting change, use its options or environment."""
    given = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not UNSET}
    changed = {name: int(value) if name.endswith("_bytes_max") else value for name, value in given.items()}
    call.parts.settings = msgspec.structs.replace(call.parts.settings, **changed)
    _apply(call.parts, call.parts.settings)
    call.record("settings changed", msgspec.json.encode(changed).decode())
    return read_settings(call)


OPERATIONS = [
    Operation(
        method="GET", path="/api/health", tag=_TAG, handle=read_gateway_health, need=Need.VIEW, answer=HealthAnswer
    ),
    Operation(method="GET", path="/api/cluster", tag=_TAG, handle=read_cluster, need=Need.VIEW, answer=ClusterState),
    Operation(method="GET", path="/api/version", tag=_TAG, handle=read_version, need=Need.SEE, answer=VersionAnswer),
    Operation(
        method="GET", path="/api/settings", tag=_TAG, handle=read_settings, need=Need.ADMINISTER, answer=SettingsAnswer
    ),
    Operation(
        method="PATCH", path="/api/settings", tag=_TAG, handle=change_settings, need=Need.CHANGE,
        body=SettingsChange, answer=SettingsAnswer,
    ),
]  # fmt: skip


def _apply(parts: Parts, settings: Settings) -> None:
    """Updates the parts that keep a copy; the others read the settings each time."""
    parts.access.rules.policy = replace(parts.access.rules.policy, public_tokens=settings.public_tokens)
    kept = parts.journal.retention
    kept.days, kept.bytes_max = settings.journal_retain_days, settings.journal_retain_bytes_max
    parts.history.retention = Retention.of(settings)
    logging.getLogger().setLevel(settings.log_level.upper())
