"""The cases in the order in which they run; a new one is a file in bench/cases/ and a line here."""

from __future__ import annotations

from bench.case import Case
from bench.cases.alerts import Alerts
from bench.cases.cameras import Cameras
from bench.cases.commands import Commands
from bench.cases.events import Events
from bench.cases.exports import Exports
from bench.cases.idle_boards import IdleBoards
from bench.cases.messages import Messages
from bench.cases.rich_boards import RichBoards
from bench.cases.telemetry import TelemetryReports
from bench.cases.updates import Updates
from bench.cases.virtual import Virtual

CASES: tuple[Case, ...] = (
    Messages(),
    TelemetryReports(),
    IdleBoards(),
    RichBoards(),
    Commands(),
    Exports(),
    Events(),
    Cameras(),
    Virtual(),
    Updates(),
    Alerts(),
)
