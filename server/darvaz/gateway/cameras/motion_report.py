"""Tells of motion before a camera, as a value of its board and in the journal."""

from __future__ import annotations

from darvaz.gateway.cameras.motion import MOTION_VALUE
from darvaz.gateway.cameras.motion_state import MotionChange
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.events.bus import TELEMETRY, EventBus
from darvaz.gateway.journal.writer import Journal
from darvaz.protocol.codec import MessageCodec


class MotionReport:
    """Is called with each camera before which motion began or ended, or is known from now on."""

    def __init__(
        self,
        bus: EventBus,
        journal: Journal,
        hub: Hub,
        protocol: MessageCodec,
    ) -> None:
        self._bus = bus
        self._journal = journal
        self._hub = hub
        self._protocol = protocol

    def __call__(self, device: str, is_moving: bool, change: MotionChange | None, unix_s: float) -> None:
        report = self._protocol.make(TELEMETRY, values={MOTION_VALUE: is_moving})
        self._bus.publish_reports(device, [(unix_s, report)])
        if change is not None:
            type_ = "motion began" if change.is_moving else "motion ended"
            self._journal.record(device, self._hub.kind_of(device), "", "=", type_, _text_of(change))


def _text_of(change: MotionChange) -> str:
    if change.is_moving:
        return f"{change.percent:.1f} % of the picture changed"
    return f"after {change.lasted_s:.0f} s; up to {change.percent:.1f} % of the picture changed"
