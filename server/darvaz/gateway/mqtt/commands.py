"""Commands that come by MQTT: each is carried out by its board, answered, and only then acknowledged to the broker."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import MQTTMessage

from darvaz.gateway.devices.errors import CommandError, UnknownDeviceError
from darvaz.gateway.devices.visibility import is_shown
from darvaz.gateway.mqtt.broker import COMMANDS_MAX
from darvaz.gateway.mqtt.command_text import CommandTextError, parse_arguments
from darvaz.gateway.mqtt.outbox import Publication
from darvaz.gateway.parts import Parts

log = logging.getLogger("darvaz.mqtt")

INSTALL = b"latest"
_TOPIC_BYTES_MAX = 65_535


class Commands:
    """Carries commands out, a limited number at the same time."""

    def __init__(
        self, parts: Parts, answer: Callable[[Publication], None], acknowledge: Callable[[MQTTMessage], None]
    ) -> None:
        self._parts = parts
        self._answer = answer
        self._acknowledge = acknowledge
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, message: MQTTMessage, device: str, name: str, answer_topic: str) -> None:
        """Begins to carry out a command; answers where the sender wants it, or else at `answer_topic`."""
        topic = _response_topic(message) or answer_topic
        correlation = getattr(message.properties, "CorrelationData", None)
        if message.retain:
            # It was sent at some time in the past, and would be sent again at each start.
            self._finish(message, topic, correlation, _error("retained", "a command must not be retained"))
        elif len(self._tasks) >= COMMANDS_MAX:
            self._finish(message, topic, correlation, _error("busy", f"{COMMANDS_MAX} commands wait for their boards"))
        else:
            task = asyncio.get_running_loop().create_task(self._carry_out(message, device, name, topic, correlation))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def install(self, message: MQTTMessage, device: str, answer_topic: str) -> None:
        """Gives a board the newest release of its program; the answer says that it began, and the state the rest."""
        topic = _response_topic(message) or answer_topic
        answer = {"status": "ok"}
        if message.retain:
            answer = _error("retained", "a command must not be retained")
        elif bytes(message.payload) != INSTALL:
            answer = _error("invalid", f"send {INSTALL.decode()!r} to have the newest release")
        elif not is_shown(self._parts.devices, device, "mqtt"):
            answer = _error("unknown_device", f"unknown device {device!r}")
        elif not self._parts.updater.install_newest(device, "mqtt"):
            answer = _error("no_release", "the board is away, gets a release already, or has none to get")
        self._finish(message, topic, getattr(message.properties, "CorrelationData", None), answer)

    async def close(self) -> None:
        """Ends what is not answered; the broker sends those commands again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry_out(
        self, message: MQTTMessage, device: str, name: str, topic: str, correlation: bytes | None
    ) -> None:
        self._parts.journal.record(device, None, "mqtt", "=", "command requested", name)
        try:
            if not is_shown(self._parts.devices, device, "mqtt"):
                raise UnknownDeviceError(f"unknown device {device!r}")
            rules = (self._parts.hub.commands_of(device) or {}).get(name, {})
            args = parse_arguments(bytes(message.payload), rules)
            result = await self._parts.hub.command(device, name, args, self._parts.settings.command_deadline_s)
        except CommandError as error:
            answer = _error(error.code, str(error))
        except CommandTextError as error:
            answer = _error("invalid", str(error))
        else:
            answer = {"status": "ok", "result": result}
        self._finish(message, topic, correlation, answer)

    def _finish(self, message: MQTTMessage, topic: str, correlation: bytes | None, answer: dict[str, Any]) -> None:
        if answer["status"] != "ok":
            log.info("= %s by MQTT: %s", message.topic, answer["message"])
        text = json.dumps(answer, ensure_ascii=False).encode()
        self._answer(Publication(topic, text, is_retained=False, correlation=correlation))
        self._acknowledge(message)


def _error(code: str, text: str) -> dict[str, Any]:
    return {"status": "error", "code": code, "message": text}


def _response_topic(message: MQTTMessage) -> str:
    """Returns where the sender wants the answer; "" if it does not say, or names no topic that one may publish to."""
    topic = str(getattr(message.properties, "ResponseTopic", ""))
    is_usable = not topic.startswith("$") and not {"+", "#", "\0"} & set(topic)
    return topic if is_usable and len(topic.encode()) <= _TOPIC_BYTES_MAX else ""
