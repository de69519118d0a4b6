"""The gateway itself over HTTP: how it is, which version, and the settings that may change while it runs."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from darvaz import __version__, is_compiled
from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.parts import Parts
from darvaz.gateway.settings import Settings, describe, hints
from darvaz.gateway.telemetry.history import Retention

_TAG = "Gateway"

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Days = Annotated[float, Meta(gt=0, le=36_500)]
# JSON knows no whole numbers: 1e9 is one, and would not be taken for an int.
Bytes = Annotated[float, Meta(ge=1_000_000, le=2**50)]


class HealthAnswer(msgspec.Struct):
    """How the gateway is."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_s: float
    journal: Annotated[str, Meta(description="ok, or what is the matter.")]
    history: Annotated[str, Meta(description="ok, or what is the matter.")]
    problems: Annotated[list[str], Meta(description="What cannot be written, a sentence each; empty if all is well.")]
    history_reports_dropped: int
    devices: int
    devices_online: int
    links: int
    event_clients: int


class VersionAnswer(msgspec.Struct):
    """What runs here."""

    version: str
    protocol: int
    compiled: Annotated[bool, Meta(description="Whether the hot path runs as machine code.")]


class SettingAnswer(msgspec.Struct):
    """One setting as it is in force."""

    value: bool | int | float | str
    description: str
    may_change: bool


class SettingsAnswer(msgspec.Struct):
    """Every setting; a change holds until the gateway stops."""

    settings: dict[str, SettingAnswer]


class SettingsChange(msgspec.Struct, forbid_unknown_fields=True):
    """The settings that may change while the gateway runs."""

    command_deadline_s: Seconds | UnsetType = UNSET
    public_tokens: Literal["window", "always", "never"] | UnsetType = UNSET
    journal_retain_days: Days | UnsetType = UNSET
    journal_retain_bytes_max: Bytes | UnsetType = UNSET
    history_readings_days: Days | UnsetType = UNSET
    history_five_minutes_days: Days | UnsetType = UNSET
    history_hours_days: Days | UnsetType = UNSET
    history_retain_bytes_max: Bytes | UnsetType = UNSET
    log_level: Literal["debug", "info", "warning", "error"] | UnsetType = UNSET


async def read_gateway_health(call: Call) -> HealthAnswer:
    """Says how the gateway is, to those who may look."""
    parts = call.parts
    problems = parts.problems
    return HealthAnswer(
        status="degraded" if problems else "ok",
        version=__version__,
        uptime_s=parts.unix_s() - parts.started_unix_s,
        journal=parts.journal.state,
        history=parts.history.state,
        problems=problems,
        history_reports_dropped=parts.history.dropped_reports,
        devices=len(parts.devices.all()),
        devices_online=parts.hub.online,
        links=parts.link_counts.total,
        event_clients=parts.events.clients,
    )


async def read_version(call: Call) -> VersionAnswer:
    """Says which version runs, and which protocol it speaks."""
    return VersionAnswer(__version__, call.parts.protocol.version, is_compiled)


async def read_settings(call: Call) -> SettingsAnswer:
    """Returns every setting, and whether it may change while the gateway runs."""
    changeable = SettingsChange.__struct_fields__
    return SettingsAnswer(
        {
            name: SettingAnswer(getattr(call.parts.settings, name), describe(hint), name in changeable)
            for name, hint in hints().items()
        }
    )


async def change_settings(call: Call) -> SettingsAnswer:
    """Changes settings until the gateway stops; what is to last belongs into its options or environment."""
    given = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not UNSET}
    changed = {name: int(value) if name.endswith("_bytes_max") else value for name, value in given.items()}
    call.parts.settings = msgspec.structs.replace(call.parts.settings, **changed)
    _apply(call.parts, call.parts.settings)
    said = msgspec.json.encode(changed).decode()
    call.parts.journal.record(None, None, call.caller.address or "", "=", "settings changed", said)
    return await read_settings(call)


OPERATIONS = [
    Operation(
        method="GET", path="/api/health", tag=_TAG, handle=read_gateway_health, need=Need.VIEW, answer=HealthAnswer
    ),
    Operation(method="GET", path="/api/version", tag=_TAG, handle=read_version, need=Need.VIEW, answer=VersionAnswer),
    Operation(
        method="GET", path="/api/settings", tag=_TAG, handle=read_settings, need=Need.ADMINISTER, answer=SettingsAnswer
    ),
    Operation(
        method="PATCH", path="/api/settings", tag=_TAG, handle=change_settings, need=Need.CHANGE,
        body=SettingsChange, answer=SettingsAnswer,
    ),
]  # fmt: skip


def _apply(parts: Parts, settings: Settings) -> None:
    """Hands the settings to those who keep a copy; the others read them each time."""
    parts.access.rules.policy = replace(parts.access.rules.policy, public_tokens=settings.public_tokens)
    parts.journal.set_retention(settings.journal_retain_days, settings.journal_retain_bytes_max)
    parts.history.retention = Retention.of(settings)
    logging.getLogger().setLevel(settings.log_level.upper())
