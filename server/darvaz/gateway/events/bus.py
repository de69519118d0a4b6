"""The event bus: hands what devices send and do to those who subscribed to it, and costs nothing otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from darvaz.protocol.codec import Message

# Type of the message, device (None before it introduced itself), message, and when it happened, in Unix seconds.
MessageSubscriber = Callable[[str, str | None, Message, float], None]
# A message and when it happened, in Unix seconds.
TimedMessage = tuple[float, Any]
# Device, and its reports that came together, in the order of their arrival.
ReportSubscriber = Callable[[str, list[TimedMessage]], None]
# Device, JPEG.
FrameSubscriber = Callable[[str, bytes], None]
# Device, and how many of its messages are missing.
GapSubscriber = Callable[[str, int], None]
# Device, or None for the gateway itself.
AlertSubscriber = Callable[[str | None], None]
# Device, or None for the rollout itself, and what changed.
RolloutSubscriber = Callable[[str | None, dict[str, Any]], None]
# Device.
DeviceSubscriber = Callable[[str], None]

TELEMETRY: Final = "telemetry"


class EventBus:
    """Hands on what is published, at once and in order. Used from the event loop only.

    Seven kinds of events: a message, by its type; a frame; presence, when a device connected, left or got another
    label; that a device was forgotten; that messages of a device are missing; that an alert began, ended or was
    acknowledged; and that a rollout, or a board of it, has another state. A subscriber must neither wait nor raise.
    """

    def __init__(self) -> None:
        # Type of message → its subscribers. Tuples are replaced, so that one may unsubscribe while it is called.
        self._messages: dict[str, tuple[MessageSubscriber, ...]] = {}
        # The same for messages of devices at other gateways.
        self._elsewhere: dict[str, tuple[MessageSubscriber, ...]] = {}
        # Of reports, as many as came together.
        self._reports: tuple[ReportSubscriber, ...] = ()
        self._frames: tuple[FrameSubscriber, ...] = ()
        self._presence: tuple[DeviceSubscriber, ...] = ()
        self._forgotten: tuple[DeviceSubscriber, ...] = ()
        self._gaps: tuple[GapSubscriber, ...] = ()
        self._alerts: tuple[AlertSubscriber, ...] = ()
        self._rollouts: tuple[RolloutSubscriber, ...] = ()

    # Publishing

    def publish(self, type_: str, device: str | None, message: Message, happened_s: float) -> None:
        """Publishes a message that happened at this Unix time; most types have no subscriber: that is one look-up."""
        for on_message in self._messages.get(type_, ()):
            on_message(type_, device, message, happened_s)

    def publish_reports(self, device: str, reports: list[TimedMessage]) -> None:
        """Publishes `telemetry` of a device that came together: at once to some, one after another to the others."""
        for on_reports in self._reports:
            on_reports(device, reports)
        for on_message in self._messages.get(TELEMETRY, ()):
            for happened_s, message in reports:
                on_message(TELEMETRY, device, message, happened_s)

    def publish_elsewhere(self, type_: str, device: str, message: Message, happened_s: float) -> None:
        """Publishes a message of a device that is connected to another gateway, which records it."""
        for on_message in self._elsewhere.get(type_, ()):
            on_message(type_, device, message, happened_s)

    def publish_frame(self, device: str, data: bytes) -> None:
        """Publishes a frame."""
        for on_frame in self._frames:
            on_frame(device, data)

    def publish_presence(self, device: str) -> None:
        """Publishes that a device connected, left, or got another label."""
        for on_presence in self._presence:
            on_presence(device)

    def publish_forgotten(self, device: str) -> None:
        """Publishes that a device was forgotten."""
        for on_forgotten in self._forgotten:
            on_forgotten(device)

    def publish_gap(self, device: str, lost: int) -> None:
        """Publishes that some messages of a device never arrived."""
        for on_gap in self._gaps:
            on_gap(device, lost)

    def publish_alert(self, device: str | None) -> None:
        """Publishes that an alert of a device, or of the gateway, began, ended or was acknowledged."""
        for on_alert in self._alerts:
            on_alert(device)

    def publish_rollout(self, device: str | None, change: dict[str, Any]) -> None:
        """Publishes that a rollout, or a board of it, has another state."""
        for on_rollout in self._rollouts:
            on_rollout(device, change)

    # Subscribing

    def subscribe(self, types: Iterable[str], on_message: MessageSubscriber) -> None:
        """Has `on_message` called with each message of these types from now on."""
        _add(self._messages, types, on_message)

    def subscribe_reports(self, on_reports: ReportSubscriber) -> None:
        """Has `on_reports` called with `telemetry` of devices from now on, before those who get one after another."""
        self._reports = (*self._reports, on_reports)

    def unsubscribe_reports(self, on_reports: ReportSubscriber) -> None:
        """Ends `subscribe_reports`."""
        self._reports = tuple(other for other in self._reports if other != on_reports)

    def subscribe_elsewhere(self, types: Iterable[str], on_message: MessageSubscriber) -> None:
        """Has `on_message` called with each message of these types of devices at other gateways from now on."""
        _add(self._elsewhere, types, on_message)

    def subscribe_everywhere(self, types: Iterable[str], on_message: MessageSubscriber) -> None:
        """Has `on_message` called with each message of these types from now on, wherever its device is."""
        self.subscribe(types, on_message)
        self.subscribe_elsewhere(types, on_message)

    def unsubscribe(self, types: Iterable[str], on_message: MessageSubscriber) -> None:
        """Ends these for some types."""
        for type_ in types:
            _remove(self._messages, type_, on_message)
            _remove(self._elsewhere, type_, on_message)

    def subscribe_frames(self, on_frame: FrameSubscriber) -> None:
        """Has `on_frame` called with each frame from now on."""
        self._frames = (*self._frames, on_frame)

    def unsubscribe_frames(self, on_frame: FrameSubscriber) -> None:
        """Ends `subscribe_frames`."""
        self._frames = tuple(other for other in self._frames if other != on_frame)

    def subscribe_devices(self, on_presence: DeviceSubscriber, on_forgotten: DeviceSubscriber) -> None:
        """Has these called when a device changes, or is forgotten, from now on."""
        self._presence = (*self._presence, on_presence)
        self._forgotten = (*self._forgotten, on_forgotten)

    def unsubscribe_devices(self, on_presence: DeviceSubscriber, on_forgotten: DeviceSubscriber) -> None:
        """Ends `subscribe_devices`."""
        self._presence = tuple(other for other in self._presence if other != on_presence)
        self._forgotten = tuple(other for other in self._forgotten if other != on_forgotten)

    def subscribe_gaps(self, on_gap: GapSubscriber) -> None:
        """Has `on_gap` called with each gap from now on."""
        self._gaps = (*self._gaps, on_gap)

    def unsubscribe_gaps(self, on_gap: GapSubscriber) -> None:
        """Ends `subscribe_gaps`."""
        self._gaps = tuple(other for other in self._gaps if other != on_gap)

    def subscribe_alerts(self, on_alert: AlertSubscriber) -> None:
        """Has `on_alert` called with each change of an alert from now on."""
        self._alerts = (*self._alerts, on_alert)

    def unsubscribe_alerts(self, on_alert: AlertSubscriber) -> None:
        """Ends `subscribe_alerts`."""
        self._alerts = tuple(other for other in self._alerts if other != on_alert)

    def subscribe_rollouts(self, on_rollout: RolloutSubscriber) -> None:
        """Has `on_rollout` called with each change of a rollout from now on."""
        self._rollouts = (*self._rollouts, on_rollout)

    def unsubscribe_rollouts(self, on_rollout: RolloutSubscriber) -> None:
        """Ends `subscribe_rollouts`."""
        self._rollouts = tuple(other for other in self._rollouts if other != on_rollout)


def _add(
    subscribers: dict[str, tuple[MessageSubscriber, ...]], types: Iterable[str], on_message: MessageSubscriber
) -> None:
    for type_ in types:
        subscribers[type_] = (*subscribers.get(type_, ()), on_message)


def _remove(subscribers: dict[str, tuple[MessageSubscriber, ...]], type_: str, on_message: MessageSubscriber) -> None:
    left = tuple(other for other in subscribers.get(type_, ()) if other != on_message)
    if left:
        subscribers[type_] = left
    else:
        subscribers.pop(type_, None)
