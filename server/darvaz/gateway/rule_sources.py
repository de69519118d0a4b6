"""What rules watch and do: connects them to devices, groups, commands and the channels to people."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable, Collection
from importlib.util import find_spec

from darvaz.gateway.alerts.messages import Messages
from darvaz.gateway.devices.group_index import fold
from darvaz.gateway.devices.groups import Groups
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.many import DeviceResult, command_many
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.layouts import LAYOUTS_TABLE
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.rules.records import RULES_TABLE, Rule
from darvaz.gateway.rules.service import Rules
from darvaz.gateway.settings import Settings

# What people made in the page.
OWN_TABLES = (RULES_TABLE, LAYOUTS_TABLE)
_FAILED_NAMED_MAX = 5


def build_rules(
    tables: sqlite3.Connection,
    bus: EventBus,
    journal: Journal,
    devices: Devices,
    hub: Hub,
    messages: Messages,
    settings: Callable[[], Settings],
    long_work: LongWork,
) -> Rules:
    """Returns the rules of a gateway; `open` begins them."""
    groups = Groups(devices)

    def state_of(device: str) -> tuple[Collection[str], bool] | None:
        known = devices.get(device)
        return None if known is None else ([fold(name) for name in known.groups], hub.address_of(device) is not None)

    def record(device: str | None, type_: str, text: str) -> None:
        journal.record(device, None if device is None else hub.kind_of(device), "", "=", type_, text)

    async def act(rule: Rule) -> tuple[bool, str]:
        if rule.message is not None:
            return messages.announce(rule.title or rule.message, rule.message, rule.channels)
        targets = [rule.to_device] if rule.to_device else groups.members(rule.to_group or "")
        if not targets:
            return False, f"no board is in the group {rule.to_group}"
        results = await command_many(hub, targets, rule.command or "", rule.args, settings().command_deadline_s)
        return _outcome_of(results)

    ids = lambda: (known.id for known in devices.all())  # noqa: E731
    return Rules(tables, bus, record, ids, state_of, act, local_zone, fold=fold, long_work=long_work)


def can_schedule() -> bool:
    """Returns whether the packages for times of day are installed."""
    return find_spec("apscheduler") is not None and find_spec("tzlocal") is not None


def local_zone() -> datetime.tzinfo:
    """Returns the time zone of this machine, with its changes of daylight-saving time."""
    # An extra; no rule about a time of day is taken without it.
    from tzlocal import get_localzone

    return get_localzone()


def _outcome_of(results: list[DeviceResult]) -> tuple[bool, str]:
    """Returns whether all boards did it, and what to tell."""
    failed = [each for each in results if not each.is_ok]
    if not failed:
        return True, "" if len(results) == 1 else f"{len(results)} boards did it"
    if len(results) == 1:
        return False, failed[0].detail or ""
    named = ", ".join(each.device for each in failed[:_FAILED_NAMED_MAX])
    return False, f"{len(results) - len(failed)} of {len(results)} boards did it; not {named}"
