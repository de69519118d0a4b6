"""Builds what carries rollouts out, with the limits that the settings give."""

from __future__ import annotations

import sqlite3
import time

from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.releases.rollout import UpdateLimits
from darvaz.gateway.releases.store import ReleaseStore
from darvaz.gateway.releases.updater import Updater
from darvaz.gateway.settings import Settings
from darvaz.protocol.codec import MessageCodec


def build_updater(
    settings: Settings, tables: sqlite3.Connection, hub: Hub, bus: EventBus, journal: Journal, protocol: MessageCodec
) -> Updater:
    """Returns the updater of a gateway; it does nothing before `open`."""
    limits = UpdateLimits(
        at_once=settings.updates_at_once,
        tries_max=settings.update_tries,
        retry_s=settings.update_retry_s,
        stop_percent=settings.update_stop_percent,
    )
    return Updater(ReleaseStore(tables, settings.data_path), hub, bus, journal, protocol, time.time, limits)
