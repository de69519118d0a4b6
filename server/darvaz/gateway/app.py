"""Builds the parts from the settings, and the application from the parts."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from darvaz.gateway.access import Access, AccessPolicy, redact
from darvaz.gateway.access.gate import MIRRORED_TABLES
from darvaz.gateway.alert_sources import build_alerts, tell_browsers, watch_releases
from darvaz.gateway.alerts.records import TABLES as ALERT_TABLES
from darvaz.gateway.api.routes import api_routes
from darvaz.gateway.cameras import CAMERA_TABLES, FrameCounts, Motion, PictureSettings, Snapshots, StreamController
from darvaz.gateway.cameras.frame_ring import kept_frames
from darvaz.gateway.cameras.motion_report import MotionReport
from darvaz.gateway.clock_watch import ClockWatch
from darvaz.gateway.crashes import CRASHES_TABLE, build_crashes
from darvaz.gateway.damaged_files import save_from_damage, tell_of_damage
from darvaz.gateway.dashboard.routes import page_routes
from darvaz.gateway.devices.deadlines import TimerWheel
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.esphome.identities import TABLE as NODES_TABLE
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.events.streams import EventStreams
from darvaz.gateway.frames import Frames
from darvaz.gateway.http.failures import FAILURES, answer_failure
from darvaz.gateway.http.forwarded import ForwardedRequests
from darvaz.gateway.http.problems import internal_error
from darvaz.gateway.http.route_index import IndexedRouter
from darvaz.gateway.http.security_headers import SecurityHeaders
from darvaz.gateway.integrations import check_integrations, open_integrations
from darvaz.gateway.journal.exporter import Exporter
from darvaz.gateway.journal.starts import CUT_OFF, FIRST_TYPE, LAST_TYPE
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.last_writes import close_writers
from darvaz.gateway.layouts import Layouts
from darvaz.gateway.links.endpoint import DeviceRoutes, UnknownPath, device_routes
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.metrics import CameraGauge, Gauges, Metrics
from darvaz.gateway.missed_events import MissedFromJournal
from darvaz.gateway.parts import Parts
from darvaz.gateway.prompts.prompts import Prompts
from darvaz.gateway.releases.setup import build_updater
from darvaz.gateway.releases.store import TABLES as RELEASE_TABLES
from darvaz.gateway.rule_sources import OWN_TABLES, build_rules
from darvaz.gateway.settings import Settings
from darvaz.gateway.steady_clock import SteadyClock
from darvaz.gateway.storage.backup_format import check_restored
from darvaz.gateway.storage.change_notices import DEADLINE_S as NOTICE_DEADLINE_S
from darvaz.gateway.storage.change_notices import ChangeNotices
from darvaz.gateway.storage.database import DATABASE_NAME, explain, explain_os
from darvaz.gateway.storage.mirrored_tables import MirroredTables
from darvaz.gateway.storage.private_folder import make_private
from darvaz.gateway.storage.recorder import Recorder
from darvaz.gateway.storage.shared_database import SharedDatabase
from darvaz.gateway.stores import history_reader, history_store, journal_reader, journal_store
from darvaz.gateway.system_metrics import SystemCollector, process_collector
from darvaz.gateway.telemetry.description import DeviceDescriber
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_tables import Retention
from darvaz.gateway.telemetry.latest import Telemetry
from darvaz.gateway.telemetry.shown_values import shown_values
from darvaz.gateway.viewing.websocket_view import view_routes
from darvaz.protocol.codec import MessageCodec

log = logging.getLogger("darvaz")

_KEPT_TOLD_MAX = 10


def build_parts(settings: Settings) -> Parts:
    """Opens the data folder and builds every part; raises `StorageError` if it cannot."""
    try:
        return _build(settings)
    except sqlite3.Error as error:
        raise explain(error, settings.data_path) from None


def _build(settings: Settings) -> Parts:
    check_restored(settings.data_path)
    check_integrations(settings)
    database = SharedDatabase(settings.data_path)
    of_people = (*MIRRORED_TABLES, *ALERT_TABLES, *OWN_TABLES, *CAMERA_TABLES)
    mirrored = (*of_people, NODES_TABLE, CRASHES_TABLE, *RELEASE_TABLES)
    tables = MirroredTables(database.open_at_start, mirrored, peeked=["devices"], database=database)
    remark = make_private(settings.data_path)
    if remark is not None:
        log.warning("= %s", remark)
    protocol = MessageCodec()
    devices = Devices(database.open(), kinds=protocol.kinds, database=database, shared_parts=protocol.shared_parts)
    journal = Journal(
        partial(journal_store, database),
        retain_days=settings.journal_retain_days,
        retain_bytes_max=settings.journal_retain_bytes_max,
        redact=redact,
        unix_s=time.time,
        has_record_log=True,
        database=database,
    )
    clock = SteadyClock(time.time, time.monotonic)
    access = Access(tables, _policy(settings), clock)
    access.tokens.uses.open(database.open, tables, database)
    _keep_ids(protocol, devices, access)
    history = History(partial(history_store, settings.data_path), Retention.of(settings), folder=settings.data_path)
    recorder = _open_recorder(settings, journal, history)
    telemetry = Telemetry(history, time.time)
    telemetry.restore(history.restored, {known.id: known.introduction.get("boot_id") or "" for known in devices.all()})
    hub = Hub(protocol, devices, time.time)
    bus = EventBus()
    long_work = LongWork()
    alerts = build_alerts(tables, bus, journal, devices, hub, telemetry, settings.data_path, long_work)
    rules = build_rules(tables, bus, journal, devices, hub, alerts.messages, lambda: parts.settings, long_work)
    frames = Frames(viewers_max=settings.viewers_max, viewer_deadline_s=settings.viewer_deadline_s)
    reader = journal_reader(database)
    parts = Parts(
        settings=settings,
        protocol=protocol,
        access=access,
        access_clock=clock,
        tables=tables,
        journal=journal,
        devices=devices,
        deadlines=TimerWheel(access.invalid_tokens),
        bus=bus,
        crashes=build_crashes(tables, devices, hub, journal, protocol, bus),
        alerts=alerts,
        rules=rules,
        layouts=Layouts(tables),
        updater=build_updater(settings, tables, hub, bus, journal, protocol),
        prompts=Prompts(hub, protocol, bus),
        history=history,
        recorder=recorder,
        sequences=journal.load_taken(),
        telemetry=telemetry,
        describer=DeviceDescriber(hub, telemetry, protocol),
        database=database,
        reader=reader,
        exporter=Exporter(settings.data_path / DATABASE_NAME, reader),
        history_reader=history_reader(settings.data_path, history),
        hub=hub,
        frames=frames,
        stream_controller=StreamController(hub, frames, settings.camera_settings, settings.command_deadline_s),
        pictures=PictureSettings(tables),
        snapshots=Snapshots(hub, frames, settings.snapshot_deadline_s),
        frame_counts=FrameCounts(frames, devices, journal),
        motion=Motion(tables, frames, MotionReport(bus, journal, hub, protocol)),
        frame_ring=kept_frames(settings, frames),
        long_work=long_work,
    )
    _connect(parts)
    save_from_damage(parts)
    return parts


def _keep_ids(protocol: MessageCodec, devices: Devices, access: Access) -> None:
    """Lets devices go on whose ids would not be accepted now, and says so once."""
    bound = [token.device for token in access.tokens.list() if token.device is not None]
    kept = protocol.device_ids.keep([*(known.id for known in devices.all()), *bound])
    for device in kept[:_KEPT_TOLD_MAX]:
        log.warning("= the id of device %s looks like another; it goes on, but give its board a new one", ascii(device))
    if len(kept) > _KEPT_TOLD_MAX:
        log.warning("= %d more ids of devices look like others", len(kept) - _KEPT_TOLD_MAX)


def _open_recorder(settings: Settings, journal: Journal, history: History) -> Recorder:
    """Opens the record log, and puts what a kill or a power cut left in it into the databases."""
    recorder = Recorder(settings.data_path, [journal, history], interval_s=settings.sync_interval_s)
    journal.release = history.release = recorder.release
    journal.urge = history.urge = recorder.urge
    try:
        missing = recorder.open()
    except OSError as error:
        raise explain_os(error, settings.data_path) from None
    if missing:
        log.error("= the record log is damaged: %d records are missing", missing)
    journal.start_numbering()
    history.write_replayed()
    try:
        journal.sync_database()
        recorder.begin_behind(history.stored_record)
    except OSError as error:
        raise explain_os(error, settings.data_path) from None
    return recorder


def build_app(parts: Parts) -> Starlette:
    """Returns the application; its lifespan opens the writers, and at the end closes them with everything written."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        parts.tables.start()
        notices = ChangeNotices(parts.settings.data_path, lambda: parts.tables.look(NOTICE_DEADLINE_S))
        await notices.open()
        watch = ClockWatch(parts.journal, parts.hub.shift_times, time.time)
        parts.journal.open()
        parts.history.open()
        parts.recorder.start()
        parts.loop_lag.start()
        parts.journal.record(None, None, "", "=", FIRST_TYPE, CUT_OFF if parts.journal.is_cut_off else "")
        tell_of_damage(parts)
        parts.frame_counts.open()
        parts.motion.open()
        watch.open(parts.journal.newest_ms)
        watch_releases(parts.alerts, parts.updater)
        parts.alerts.open()
        parts.rules.open(parts.journal.newest_ms / 1000 if parts.journal.newest_ms else None)
        close_integrations = await open_integrations(parts)
        parts.updater.open()
        try:
            yield
        finally:
            await parts.updater.close()
            await close_integrations()
            await parts.rules.close()
            await parts.alerts.close()
            watch.close()
            await notices.close()
            await parts.loop_lag.close()
            parts.events.close()
            await parts.motion.close()
            await parts.stream_controller.close()
            await parts.snapshots.close()
            parts.frames.close()
            parts.frame_counts.close()
            await parts.exporter.close()
            parts.refusals.close()
            parts.journal.record(None, None, "", "=", LAST_TYPE, "")
            parts.unwritten = await asyncio.to_thread(close_writers, parts)
            # A thread that the disk holds has its connection still.
            if not parts.is_stuck:
                parts.reader.close()
                parts.history_reader.close()
                parts.access.close()
            parts.local_programs.close()

    settings, boards = parts.settings, device_routes(parts)
    routes = [*boards, *page_routes(parts), *api_routes(parts), *view_routes(parts)]
    own_paths = [route.path for route in routes if isinstance(route, Route | WebSocketRoute)]
    app = Starlette(
        middleware=[
            Middleware(
                ForwardedRequests,
                settings.listed("trusted_proxies"),
                settings.public.path,
                own_paths,
                is_ingress=settings.home_assistant_ingress,
            ),
            Middleware(DeviceRoutes, boards),
            Middleware(SecurityHeaders),
        ],
        exception_handlers={
            **dict.fromkeys(FAILURES, _answer_failure),
            Exception: _answer_crash,
        },
    )
    app.router = IndexedRouter(routes, lifespan=lifespan)
    app.router.default = UnknownPath(parts, app.router.default)
    return app


def _connect(parts: Parts) -> None:
    """Connects parts that are built before those that they need."""
    parts.events = EventStreams(parts.bus, parts.describer.describe, time.time, lambda: parts.journal.newest_id)
    parts.missed = MissedFromJournal(parts)
    parts.metrics = Metrics(parts.protocol.close_codes, _gauges(parts))
    queries = {"journal": lambda: parts.reader.waiting, "history": lambda: parts.history_reader.waiting}
    system = SystemCollector(lambda: parts.writers, queries, lambda: len(parts.problems), parts.data_use)
    for collector in (system, process_collector(), parts.loop_lag.histogram):
        parts.metrics.register(collector)
    tell_browsers(parts.alerts, parts.operators, lambda: parts.settings)
    parts.tables.on_read = parts.end_revoked
    parts.telemetry.follow(parts.bus)
    parts.bus.subscribe_frames(parts.metrics.count_frame)
    parts.devices.on_dropped = lambda device: _tell_dropped(parts, device)
    parts.hub.on_presence(lambda device, _: _publish_presence(parts, device))
    parts.hub.on_presence(lambda device, _: parts.motion.begin_link(device))
    parts.stream_controller.follow(parts.pictures)
    parts.hub.measure = parts.metrics.measure_command
    parts.journal.on_written = parts.metrics.count_written


def _tell_dropped(parts: Parts, device: str) -> None:
    """Tells of a device that was forgotten for a newer one; its history goes with its age."""
    parts.journal.record(device, None, "", "=", "forgotten", "there are too many devices")
    parts.telemetry.drop(device)
    parts.crashes.forget(device)
    parts.metrics.forget(device)
    parts.bus.publish_forgotten(device)


def _publish_presence(parts: Parts, device: str) -> None:
    # A device that was forgotten has an event of its own.
    if parts.devices.get(device) is not None:
        parts.bus.publish_presence(device)


def _gauges(parts: Parts) -> Gauges:
    return Gauges(
        devices=lambda: filter(None, map(parts.describer.vital_signs, parts.devices.after(""))),
        kinds=tuple(parts.protocol.kinds),
        telemetry=lambda: shown_values(parts.hub, parts.devices, parts.telemetry),
        event_clients=lambda: parts.events.clients,
        history_reports_dropped=lambda: parts.history.dropped_reports,
        cameras=lambda: [
            CameraGauge(camera.device, camera.viewers, camera.dropped)
            for camera in parts.frames.cameras
            if parts.devices.get(camera.device) is not None
        ],
    )


def _policy(settings: Settings) -> AccessPolicy:
    own = [settings.public] if settings.public.host else []
    return AccessPolicy(
        localhost_without_token=settings.localhost_without_token,
        public_tokens=settings.public_tokens,
        allowed_hosts=(*settings.listed("allowed_hosts"), *(url.host for url in own)),
        allowed_origins=(*settings.listed("allowed_origins"), *(url.origin for url in own)),
        behind_proxy=bool(settings.listed("trusted_proxies")),
    )


def _answer_failure(request: Request, error: Exception) -> Response:
    return answer_failure(request.method, request.scope["path"], error)


def _answer_crash(request: Request, error: Exception) -> Response:
    return internal_error()
