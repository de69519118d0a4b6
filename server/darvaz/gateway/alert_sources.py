"""What alerts watch: connects them to devices, telemetry, links and journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from darvaz.gateway.access.operators import Operators
from darvaz.gateway.alerts.service import Alerts
from darvaz.gateway.devices.group_index import fold
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.releases.rollout import Rollout, Target
from darvaz.gateway.releases.updater import Updater
from darvaz.gateway.settings import Settings
from darvaz.gateway.telemetry.latest import Telemetry


def build_alerts(
    tables: sqlite3.Connection,
    bus: EventBus,
    journal: Journal,
    devices: Devices,
    hub: Hub,
    telemetry: Telemetry,
    folder: Path,
    long_work: LongWork,
) -> Alerts:
    """Returns the alerts of a gateway; `open` begins them."""

    def state_of(device: str) -> tuple[Collection[str], bool] | None:
        known = devices.get(device)
        return None if known is None else ([fold(name) for name in known.groups], hub.address_of(device) is not None)

    def readings(device: str) -> dict[str, tuple[Any, float]]:
        found = {**telemetry.latest(device), **telemetry.health(device)}
        return {name: (reading.value, reading.time) for name, reading in found.items()}

    def name_of(device: str) -> str:
        known = devices.get(device)
        return (known.label if known is not None else None) or device

    def record(device: str | None, type_: str, text: str) -> None:
        journal.record(device, None if device is None else hub.kind_of(device), "", "=", type_, text)

    ids = lambda: (known.id for known in devices.all())  # noqa: E731
    return Alerts(tables, bus, record, ids, state_of, readings, name_of, folder, fold=fold, long_work=long_work)


def watch_releases(alerts: Alerts, updater: Updater) -> None:
    """Has alerts know of releases that fell back."""

    def on_change(rollout: Rollout | None, target: Target | None) -> None:
        if target is not None and target.state == "fell_back":
            alerts.occur(target.device, "release_fell_back")

    updater.listeners.append(on_change)


def tell_browsers(alerts: Alerts, operators: Operators, settings: Callable[[], Settings]) -> None:
    """Has browsers be told while somebody is signed in there who may see alerts."""
    browsers = alerts.messages.browsers
    browsers.may_be_told = operators.may_see_all
    browsers.local_hosts = lambda: settings().listed("push_local_hosts")
