"""The parts of a running gateway, as endpoints and operations receive them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from darvaz.gateway.access import Access
from darvaz.gateway.access.operators import Operators
from darvaz.gateway.access.rate_limiter import RateLimiter
from darvaz.gateway.address_counts import AddressCounts
from darvaz.gateway.alerts.service import Alerts
from darvaz.gateway.cameras import FrameCounts, Motion, PictureSettings, Snapshots, StreamController
from darvaz.gateway.cameras.frame_ring import FrameRing
from darvaz.gateway.cluster_state import Cluster, SingleGateway
from darvaz.gateway.crashes.store import Crashes
from darvaz.gateway.devices.deadlines import TimerWheel
from darvaz.gateway.devices.groups import Groups
from darvaz.gateway.devices.home_assistant import NodeList, NodeSwitch
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.devices.registry import Devices
from darvaz.gateway.devices.rivals import Rivals
from darvaz.gateway.events.bus import EventBus
from darvaz.gateway.events.missed import MissedEvents
from darvaz.gateway.events.streams import EventStreams
from darvaz.gateway.firmware_bundles import FirmwareBundles
from darvaz.gateway.frames import Frames
from darvaz.gateway.journal.exporter import Exporter
from darvaz.gateway.journal.view import JournalView
from darvaz.gateway.journal.writer import Journal
from darvaz.gateway.layouts import Layouts
from darvaz.gateway.local_programs import LocalPrograms
from darvaz.gateway.long_work import LongWork
from darvaz.gateway.metrics import Metrics
from darvaz.gateway.micropython_images import MicropythonImages
from darvaz.gateway.prompts.prompts import Prompts
from darvaz.gateway.refusals import Refusals
from darvaz.gateway.releases.updater import Updater
from darvaz.gateway.rules.service import Rules
from darvaz.gateway.scopes import Scopes
from darvaz.gateway.session.session import Limits
from darvaz.gateway.settings import Settings
from darvaz.gateway.shares import AllShares
from darvaz.gateway.steady_clock import SteadyClock
from darvaz.gateway.storage.background_writer import OK, BackgroundWriter
from darvaz.gateway.storage.database import DATABASE_NAME
from darvaz.gateway.storage.mirrored_tables import MirroredTables
from darvaz.gateway.storage.reading import StoreReader
from darvaz.gateway.storage.recorder import Recorder
from darvaz.gateway.storage.sequences import Sequences
from darvaz.gateway.storage.shared_database import SharedDatabase
from darvaz.gateway.system_metrics import DataUse, LoopLag
from darvaz.gateway.telemetry.description import DeviceDescriber
from darvaz.gateway.telemetry.history import History
from darvaz.gateway.telemetry.history_schema import DATABASE_NAME as HISTORY_NAME
from darvaz.gateway.telemetry.latest import Telemetry
from darvaz.gateway.telemetry.view import HistoryView
from darvaz.protocol.codec import MessageCodec

# What /metrics shows the size of, and the names of its files.
_DATA_FILES = {"journal": f"{DATABASE_NAME}*", "history": f"{HISTORY_NAME}*", "records": "records-*.log"}
# Of one network, or four times as many as it may have at once.
LINKS_RECORDED_PER_MINUTE = 240
ASSISTANT_CALLS_MAX, ASSISTANT_WINDOW_S = 120, 60.0


@dataclass(slots=True)
class Parts:
    """Everything that a gateway consists of; built once by `app.build_parts`."""

    settings: Settings
    """Current values; the API replaces the whole struct."""
    protocol: MessageCodec
    access: Access
    access_clock: SteadyClock
    """By which `access` decides."""
    database: SharedDatabase
    """The file of `tables`, devices and journal; a damaged one is replaced."""
    tables: MirroredTables
    """What `access` decides by, in memory."""
    journal: Journal
    devices: Devices
    hub: Hub
    bus: EventBus
    crashes: Crashes
    updater: Updater
    prompts: Prompts
    history: History
    telemetry: Telemetry
    describer: DeviceDescriber
    alerts: Alerts
    rules: Rules
    layouts: Layouts
    reader: StoreReader[JournalView]
    """Threads that read the journal."""
    exporter: Exporter
    """Reads the journal for exports, in a process of its own."""
    recorder: Recorder
    """Makes what the history accepts durable."""
    sequences: Sequences
    """The numbers of boards' messages that the journal has accepted."""
    history_reader: StoreReader[HistoryView]
    """Threads that read the history."""
    deadlines: TimerWheel
    frames: Frames
    long_work: LongWork
    stream_controller: StreamController
    snapshots: Snapshots
    frame_counts: FrameCounts
    motion: Motion
    pictures: PictureSettings
    frame_ring: FrameRing | None
    """None if no frames are kept on disk."""
    link_counts: AddressCounts = field(default_factory=AddressCounts)
    shares: AllShares = field(default_factory=AllShares)
    rivals: Rivals = field(default_factory=lambda: Rivals(time.monotonic))
    assistant_calls: RateLimiter = field(
        default_factory=lambda: RateLimiter(ASSISTANT_CALLS_MAX, ASSISTANT_WINDOW_S, time.monotonic, key_of=str)
    )
    """The requests of each assistant, by its token or address."""
    firmware: FirmwareBundles = field(default_factory=FirmwareBundles)
    local_programs: LocalPrograms = field(default_factory=LocalPrograms)
    unwritten: list[str] = field(default_factory=list)
    """What is on no disk after the end, with its number each."""
    remarks: dict[str, str] = field(default_factory=dict)
    """What is wrong beside the writers: a sentence for each subject, while it lasts."""
    unix_s: Callable[[], float] = time.time
    started_s: float = field(default_factory=time.monotonic)
    nodes: NodeList | None = None
    """The boards as Home Assistant sees them; None if they are not shown to it."""
    home_assistant: NodeSwitch = field(init=False)
    """Shows all boards to Home Assistant, or none."""
    cluster: Cluster = field(default_factory=SingleGateway)
    micropython: MicropythonImages = field(init=False)
    groups: Groups = field(init=False)
    scopes: Scopes = field(init=False)
    """What callers with limits may see and use."""
    refusals: Refusals = field(init=False)
    recorded_links: RateLimiter = field(init=False)
    """Links whose beginning and end are in the journal, by network."""
    told_of_links: RateLimiter = field(init=False)
    """Entries that tell of links that are left out, by network."""
    events: EventStreams = field(init=False)
    missed: MissedEvents = field(init=False)
    metrics: Metrics = field(init=False)
    data_use: DataUse = field(init=False)
    loop_lag: LoopLag = field(default_factory=LoopLag)

    def __post_init__(self) -> None:
        self.micropython = MicropythonImages(self.settings.data_path)
        self.groups = Groups(self.devices)
        self.scopes = Scopes(self.devices, self.groups, self.layouts)
        self.refusals = Refusals(self.journal)
        self.data_use = DataUse(self.settings.data_path, _DATA_FILES)
        links_max = max(LINKS_RECORDED_PER_MINUTE, 4 * self.settings.links_per_address_max)
        self.recorded_links = RateLimiter(links_max, 60.0, time.monotonic)
        self.told_of_links = RateLimiter(1, 60.0, time.monotonic)

    @property
    def operators(self) -> Operators:
        """Returns the part that authorizes people and programs."""
        return self.access.operators

    def end_streams(self) -> None:
        """Ends the streams of those who may not see them any more, and what their browsers are told, at once."""
        self.events.look_now()
        self.frames.look_now()
        self.alerts.prune_browsers()

    def end_revoked(self) -> None:
        """Ends what another process has revoked now, and not at the next regular check."""
        self.deadlines.check_tokens()
        self.alerts.prune_browsers()

    @property
    def unix_offset_s(self) -> float:
        """Returns the difference of Unix and monotonic time at this moment: NTP and suspension change it."""
        return time.time() - time.monotonic()

    @property
    def writers(self) -> list[BackgroundWriter]:
        """Returns everything that writes in the background."""
        ring = None if self.frame_ring is None else self.frame_ring.writer
        optional = [writer for writer in (self.access.tokens.uses.writer, ring) if writer is not None]
        return [
            self.journal.writer,
            self.recorder.writer,
            self.history.writer,
            self.devices.writer,
            self.tables.writer,
            *optional,
        ]

    @property
    def problems(self) -> list[str]:
        """Returns what is wrong with the writers, what was damaged, and what limits have taken, a sentence each."""
        notes = self.database.notes + [note for writer in self.writers for note in writer.notes]
        cut = self.journal.retention.remark
        limits = [*self.history.limits.remarks.values(), *([cut] if cut else [])]
        return [*self.failures, *dict.fromkeys(notes), *limits, *self.alerts.problems, *self.remarks.values()]

    @property
    def journal_state(self) -> str:
        """Returns "ok", or a sentence that says what is wrong with the journal, or was."""
        state = self.journal.state
        return self.database.notes[-1] if state == OK and self.database.notes else state

    @property
    def is_stuck(self) -> bool:
        """Returns whether a writer did not end when it was asked to: a disk holds it."""
        return any(writer.is_running for writer in self.writers)

    @property
    def failures(self) -> list[str]:
        """Returns what cannot be written now."""
        return [writer.state for writer in self.writers if writer.state != OK]

    async def store(self, deadline_s: float) -> bool:
        """Returns whether every change so far survives a power cut; waits for that until the deadline."""
        waits = (self.tables.wait_until_stored, self.devices.wait_until_stored, self.recorder.wait_until_durable)
        return all(await asyncio.gather(*(wait(deadline_s) for wait in waits)))

    def session_limits(self) -> Limits:
        """Returns the limits of a session, from the settings."""
        return Limits(
            heartbeat_s=self.settings.heartbeat_s,
            idle_timeout_s=self.settings.idle_timeout_s,
            auth_deadline_s=self.settings.auth_deadline_s,
            messages_per_s_max=self.settings.messages_per_s_max,
        )
