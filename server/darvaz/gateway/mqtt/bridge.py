"""The bridge: follows the boards of the gateway, and has the broker know of them; commands come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

from paho.mqtt.client import MQTTMessage
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from darvaz.gateway.devices.names import latin_id
from darvaz.gateway.devices.visibility import is_shown
from darvaz.gateway.mqtt.boards import Boards
from darvaz.gateway.mqtt.broker import Broker, BrokerOptions
from darvaz.gateway.mqtt.commands import Commands
from darvaz.gateway.mqtt.discovery import Discovery
from darvaz.gateway.mqtt.outbox import Outbox, Publication
from darvaz.gateway.mqtt.topics import OFFLINE, ONLINE, Topics
from darvaz.gateway.mqtt.updates import Updates
from darvaz.gateway.parts import Parts
from darvaz.gateway.telemetry.description import DeviceDescription

log = logging.getLogger("darvaz.mqtt")

_TYPES = ("telemetry", "pong", "log")
_REMARK = "mqtt"
# At the end, for what the broker has not acknowledged.
_LAST_WRITES_S = 2.0
_REFUSAL_EVERY_S = 60.0
# Home Assistant skips entities of a message that comes while it still sets up those of the one before.
CONFIG_AGAIN_S = 15.0


class Bridge:
    """Connects the gateway and one broker while it is open. Used from the event loop only.

    Also the metrics of this.
    """

    def __init__(self, parts: Parts, broker_options: BrokerOptions) -> None:
        settings = parts.settings
        self._parts = parts
        self._topics = Topics(settings.mqtt_prefix, settings.mqtt_discovery)
        self._boards = Boards(self._topics, Discovery(self._topics, settings.public_url))
        self._outbox = Outbox()
        self._address = f"{broker_options.host}:{broker_options.port}"
        will = Publication(self._topics.status, OFFLINE.encode())
        self._broker = broker = Broker(broker_options, will)
        broker.on_connected, broker.on_lost = self._begin, self._note_loss
        broker.on_message, broker.on_published = self._receive, self._note_published
        self._commands = Commands(parts, self._publish, broker.acknowledge)
        self._updates = Updates(parts, self._topics, self._publish, self._mark)
        self._is_connected = False
        # Latin id → device.
        self._devices: dict[str, str] = {}
        # Boards that are not shown, and that the broker was told to forget.
        self._hidden: set[str] = set()
        # Boards that changed since the worker looked; it handles one after the other.
        self._changed: dict[str, None] = {}
        self._has_changed = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        # Device → the monotonic second of its last picture.
        self._pictures: dict[str, float] = {}
        self._refusal_shown_s = -_REFUSAL_EVERY_S
        # Device → the timer that repeats what Home Assistant was told.
        self._repeats: dict[str, asyncio.TimerHandle] = {}

    # What the gateway calls

    def open(self) -> None:
        """Begins to connect and to follow the boards."""
        bus = self._parts.bus
        bus.subscribe_devices(self._look, self._forget)
        bus.subscribe_everywhere(_TYPES, self._hear)
        bus.subscribe_frames(self._show)
        self._parts.hub.on_carried_out(self._confirm)
        self._updates.open()
        self._devices = {latin_id(known.id): known.id for known in self._parts.devices.all()}
        self._worker = asyncio.get_running_loop().create_task(self._follow())
        self._broker.open()

    async def close(self) -> None:
        """Says that the gateway is away, and ends the connection; waits a little for what is not acknowledged."""
        bus = self._parts.bus
        bus.unsubscribe_devices(self._look, self._forget)
        bus.unsubscribe(_TYPES, self._hear)
        bus.unsubscribe_frames(self._show)
        self._updates.close()
        for timer in self._repeats.values():
            timer.cancel()
        await self._commands.close()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._publish(Publication(self._topics.status, OFFLINE.encode()))
        if self._is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WRITES_S):
                    await self._is_empty.wait()
        await self._broker.close()

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yields the metrics."""
        yield GaugeMetricFamily("darvaz_mqtt_connected", "Whether the broker is reached.", value=self._is_connected)
        waiting = len(self._outbox)
        yield GaugeMetricFamily("darvaz_mqtt_waiting", "Messages that the broker has not acknowledged.", value=waiting)
        dropped = self._outbox.dropped
        yield CounterMetricFamily("darvaz_mqtt_dropped", "Messages that were given up: too many waited.", value=dropped)

    # From the broker

    def _begin(self) -> None:
        self._is_connected = True
        self._parts.remarks.pop(_REMARK, None)
        log.info("= connected to the MQTT broker %s", self._address)
        self._broker.subscribe(*filter(None, (self._topics.commands, self._topics.installs, self._topics.configs)))
        self._publish(Publication(self._topics.status, ONLINE.encode()))
        self._boards.forget_configs()
        self._hidden.clear()
        for known in self._parts.devices.all():
            self._updates.forget(known.id)
            self._mark(known.id)

    def _note_loss(self, reason: str) -> None:
        text = f"the MQTT broker {self._address} is not reached: {reason}"
        if self._is_connected or _REMARK not in self._parts.remarks:
            log.warning("= %s; it is tried again", text)
        self._is_connected = False
        self._parts.remarks[_REMARK] = text

    def _note_published(self, reason: str) -> None:
        self._outbox.acknowledge()
        now_s = time.monotonic()
        if reason and now_s - self._refusal_shown_s >= _REFUSAL_EVERY_S:
            self._refusal_shown_s = now_s
            log.warning("= the MQTT broker refused a message: %s", reason)
        self._pump()

    def _receive(self, message: MQTTMessage) -> None:
        command = self._topics.command_of(message.topic)
        if command is not None:
            latin, name = command
            device = self._devices.get(latin, latin)
            answer_topic = f"{self._topics.prefix}/{latin}/answer/{name}"
            self._commands.receive(message, device, name, answer_topic)
            return
        to_install = self._topics.install_of(message.topic)
        if to_install is not None:
            self._commands.install(
                message, self._devices.get(to_install, to_install), f"{self._topics.prefix}/{to_install}/installed"
            )
            return
        latin_or_none = self._topics.configured(message.topic)
        # Only what was there before: two gateways with one prefix would answer each other without end.
        if latin_or_none is not None and message.retain and message.payload:
            self._learn(latin_or_none, bytes(message.payload))
        self._broker.acknowledge(message)

    def _learn(self, latin: str, payload: bytes) -> None:
        device = self._devices.get(latin)
        if device is None:
            # Forgotten while the broker, or the gateway, was away.
            self._publish_all(self._boards.removal(latin))
        else:
            self._boards.learn(device, payload)
            self._mark(device)

    # Events of the gateway

    def _look(self, device: str) -> None:
        self._devices[latin_id(device)] = device
        board = self._shown(device)
        if board is not None:
            # At once: a board that left is seen to be away.
            self._publish(self._boards.availability(device, is_online=board.online))
        self._mark(device)

    def _forget(self, device: str) -> None:
        self._devices.pop(latin_id(device), None)
        self._pictures.pop(device, None)
        self._changed.pop(device, None)
        self._hidden.discard(device)
        self._stop_repeat(device)
        self._updates.forget(device)
        self._publish_all(self._boards.removal(device))

    def _hear(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        board = None if device is None else self._shown(device)
        if device is None or board is None:
            return
        if type_ == "log":
            level = message.level if isinstance(message.level, str) else "info"
            line = {"time": happened_s, "level": level, "message": message.message}
            text = json.dumps(line, ensure_ascii=False).encode()
            self._publish(Publication(self._topics.of(device).log, text, is_retained=False))
        elif type_ == "pong":
            self._publish(self._boards.health(board))
        else:
            self._publish(self._boards.values(board))
            if self._boards.has_new_names(device, set(message.values)):
                self._mark(device)

    def _confirm(self, device: str) -> None:
        board = self._shown(device)
        if board is not None:
            self._publish(self._boards.commands(board))

    def _show(self, device: str, data: bytes) -> None:
        every_s, now_s = self._parts.settings.mqtt_picture_every_s, time.monotonic()
        if not is_shown(self._parts.devices, device, "mqtt"):
            return
        if every_s and now_s - self._pictures.get(device, -every_s) >= every_s:
            self._pictures[device] = now_s
            self._publish(Publication(self._topics.of(device).picture, data, is_newest_only=True))

    # The worker

    def _shown(self, device: str) -> DeviceDescription | None:
        """Returns a board, unless it is hidden from the broker."""
        if not is_shown(self._parts.devices, device, "mqtt"):
            return None
        return self._parts.describer.describe(device)

    def _mark(self, device: str) -> None:
        self._changed[device] = None
        self._has_changed.set()

    async def _follow(self) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            while self._changed:
                device = next(iter(self._changed))
                del self._changed[device]
                board = self._shown(device)
                if board is not None:
                    self._hidden.discard(device)
                    self._publish_all(self._boards.all_of(board))
                    self._updates.tell(device)
                    self._tell_home_assistant(board)
                elif self._parts.devices.get(device) is not None and device not in self._hidden:
                    self._hidden.add(device)
                    self._stop_repeat(device)
                    self._updates.forget(device)
                    self._publish_all(self._boards.removal(device))
                # There may be thousands: links come first.
                await asyncio.sleep(0)

    def _tell_home_assistant(self, board: DeviceDescription) -> None:
        """Tells it what is new of a board, and once more when it has had time for that."""
        configs = list(self._boards.config(board, has_offer=self._updates.has_offer(board.id)))
        self._publish_all(iter(configs))
        if configs:
            self._stop_repeat(board.id)
            loop = asyncio.get_running_loop()
            self._repeats[board.id] = loop.call_later(CONFIG_AGAIN_S, self._repeat, board.id)

    def _repeat(self, device: str) -> None:
        del self._repeats[device]
        self._publish_all(self._boards.config_again(device))

    def _stop_repeat(self, device: str) -> None:
        timer = self._repeats.pop(device, None)
        if timer is not None:
            timer.cancel()

    # To the broker

    def _publish_all(self, publications: Iterator[Publication]) -> None:
        for publication in publications:
            self._publish(publication)

    def _publish(self, publication: Publication) -> None:
        before = self._outbox.dropped
        self._outbox.add(publication)
        if self._outbox.dropped > before == 0:
            log.warning("= too many messages wait for the MQTT broker: old ones are dropped")
        self._pump()

    def _pump(self) -> None:
        while self._is_connected and (found := self._outbox.take()) is not None:
            self._broker.publish(found)
        if len(self._outbox):
            self._is_empty.clear()
        else:
            self._is_empty.set()
