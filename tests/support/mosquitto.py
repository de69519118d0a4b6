"""Mosquitto on a port of its own, and a client of it that a test looks through."""

from __future__ import annotations

import asyncio
import getpass
import json
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bench.baselines.mosquitto import find_mosquitto
from tests.support.gateway import unused_port
from tests.support.needs import missing

_DEADLINE_S = 30.0


class Mosquitto:
    """Runs a broker until the block ends; `lines` are more of its configuration."""

    def __init__(self, folder: Path, *lines: str, is_open: bool = True, address: str = "127.0.0.1") -> None:
        self.port = unused_port()
        self.address = address
        self.url = f"mqtt://{address}:{self.port}"
        self._settings = folder / "mosquitto.conf"
        anonymous = f"allow_anonymous {str(is_open).lower()}"
        first = (f"listener {self.port} {address}", anonymous, f"user {getpass.getuser()}", "persistence false")
        self._settings.write_text("\n".join((*first, *lines)) + "\n")
        self._output = folder / "mosquitto.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, and returns once it listens."""
        program = find_mosquitto()
        if program is None:
            missing("mosquitto is not installed")
        with self._output.open("ab") as output:
            self._process = subprocess.Popen([program, "-c", str(self._settings)], stdout=output, stderr=output)
        end_s = time.monotonic() + _DEADLINE_S
        while not self._is_listening():
            assert self._process.poll() is None, self._output.read_text()
            assert time.monotonic() < end_s, self._output.read_text()
            time.sleep(0.01)

    def _is_listening(self) -> bool:
        try:
            socket.create_connection((self.address, self.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Ends it without a word to its clients."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Watcher:
    """A client that keeps all messages in the order of their arrival."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        """Topic, payload, and whether it was retained before."""
        self._changed = threading.Condition()
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self.client.on_message = self._keep

    def payloads(self, topic: str) -> list[Any]:
        """Returns what came at a topic, as JSON where it is that."""
        return [_read(payload) for name, payload, _ in list(self.messages) if name == topic]

    async def wait(self, topic: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        """Waits for a message of a topic that fits, and returns its payload."""
        return await asyncio.to_thread(self._wait, topic, fits)

    def send(self, topic: str, payload: object, *, answer_to: str = "", retain: bool = False) -> None:
        """Publishes at QoS 1; anything but text is sent as JSON."""
        properties = Properties(PacketTypes.PUBLISH)
        if answer_to:
            properties.ResponseTopic = answer_to
            properties.CorrelationData = b"7"
        data = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        self.client.publish(topic, data, qos=1, retain=retain, properties=properties)

    def clear(self) -> None:
        """Forgets what came so far."""
        with self._changed:
            self.messages.clear()

    def _wait(self, topic: str, fits: Callable[[Any], bool]) -> Any:
        end_s = time.monotonic() + _DEADLINE_S
        with self._changed:
            while True:
                for found in self.payloads(topic):
                    if fits(found):
                        return found
                left_s = end_s - time.monotonic()
                assert left_s > 0, f"{topic}: {self.payloads(topic)}"
                self._changed.wait(left_s)

    def _keep(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, bytes(message.payload), message.retain))
            self._changed.notify_all()


@asynccontextmanager
async def watch(broker: Mosquitto, *topics: str, user: str = "", password: str = "") -> AsyncIterator[Watcher]:
    """Connects a client for the block, and subscribes to topics; to all without one."""
    watcher, subscribed = Watcher(), threading.Event()
    client = watcher.client
    if user:
        client.username_pw_set(user, password)
    client.on_connect = lambda *_: client.subscribe([(topic, 1) for topic in topics or ("#",)])  # type: ignore[assignment]
    client.on_subscribe = lambda *_: subscribed.set()
    await asyncio.to_thread(client.connect, broker.address, broker.port)
    client.loop_start()
    try:
        assert await asyncio.to_thread(subscribed.wait, _DEADLINE_S)
        yield watcher
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


async def settled(is_so: Callable[[], bool]) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)


def _read(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")
