"""The connection to the broker: paho's client in its own thread, which connects again by itself; calls go both ways.

MQTT 5: the broker keeps commands while the gateway is away, for a bounded time, and never has more of them under way
than the gateway can handle.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from darvaz.gateway.mqtt.outbox import IN_FLIGHT_MAX, Publication
from darvaz.gateway.settings import Settings

# Commands at QoS 1 that wait for their boards; the broker holds back what is beyond.
COMMANDS_MAX = 64
# For how long the broker keeps commands for a gateway that is away: an older one is rather not carried out.
SESSION_S = 300
KEEPALIVE_S = 30
CONNECT_DEADLINE_S = 10.0
_RETRY_MIN_S, _RETRY_MAX_S = 1, 30
_CLOSE_DEADLINE_S = 2.0
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """Where the broker is, and how the gateway shows who it is."""

    host: str
    port: int
    client_id: str
    tls: ssl.SSLContext | None
    user: str
    password: str

    @classmethod
    def of(cls, settings: Settings) -> BrokerOptions:
        """Returns the options of the settings; raises OSError if a file cannot be read, or is not a certificate."""
        url = urlsplit(settings.mqtt_url)
        # The same after each start: the broker keeps commands for it.
        client_id = f"darvaz-{settings.mqtt_prefix.replace('/', '-')}"
        tls = None
        if url.scheme == "mqtts":
            tls = ssl.create_default_context(cafile=settings.mqtt_ca_file or None)
            tls.sslsocket_class = _ClosedOnFailure
            if settings.mqtt_cert:
                tls.load_cert_chain(settings.mqtt_cert, settings.mqtt_key or None)
        path = settings.mqtt_password_file
        password = Path(path).expanduser().read_text(encoding="utf-8").strip() if path else ""
        port = url.port or _PORTS[url.scheme]
        return cls(url.hostname or "", port, client_id, tls, settings.mqtt_user, password)


class _ClosedOnFailure(ssl.SSLSocket):
    """Closes itself where a handshake fails: its caller forgets it."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


class _Client(Client):
    """Remembers why it could not connect."""

    last_error = ""

    def reconnect(self) -> Any:
        try:
            return super().reconnect()
        except OSError as error:
            self.last_error = error.strerror or str(error)
            raise


class Broker:
    """One connection, for as long as it is open. Its callbacks are called in the event loop."""

    def __init__(self, options: BrokerOptions, will: Publication) -> None:
        self.on_connected: Callable[[], None] = lambda: None
        self.on_lost: Callable[[str], None] = lambda reason: None
        self.on_message: Callable[[MQTTMessage], None] = lambda message: None
        self.on_published: Callable[[str], None] = lambda reason: None
        """Is called for each acknowledged publication; with the reason if the broker refused it, else with ""."""
        self._options = options
        self._loop: asyncio.AbstractEventLoop | None = None
        # Of paho's thread.
        self._is_connected = False
        self._client = client = _Client(
            CallbackAPIVersion.VERSION2, client_id=options.client_id, protocol=MQTTv5, manual_ack=True
        )
        client.connect_timeout = CONNECT_DEADLINE_S
        client.reconnect_delay_set(_RETRY_MIN_S, _RETRY_MAX_S)
        client.max_inflight_messages_set(IN_FLIGHT_MAX)
        client.will_set(will.topic, will.payload, qos=1, retain=will.is_retained)
        if options.tls is not None:
            client.tls_set_context(options.tls)
        if options.user:
            client.username_pw_set(options.user, options.password or None)
        client.on_connect = self._connect
        client.on_connect_fail = lambda *_: self._call(self.on_lost, client.last_error)
        client.on_disconnect = self._disconnect
        client.on_message = lambda _, __, message: self._call(self.on_message, message)
        client.on_publish = lambda _, __, ___, reason, ____: self._call(
            self.on_published, str(reason) if reason.is_failure else ""
        )

    def open(self) -> None:
        """Begins to connect; without a broker it is tried again and again."""
        self._loop = asyncio.get_running_loop()
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = COMMANDS_MAX
        self._client.connect_async(
            self._options.host, self._options.port, KEEPALIVE_S, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def subscribe(self, *topics: str) -> None:
        """Asks for the messages of topics at QoS 1, but for those of this gateway."""
        self._client.subscribe([(topic, SubscribeOptions(qos=1, noLocal=True)) for topic in topics])

    def publish(self, publication: Publication) -> None:
        """Hands a publication to the broker, now or once it is connected; `on_published` follows."""
        properties = _properties(PacketTypes.PUBLISH)
        if publication.correlation is not None:
            properties.CorrelationData = publication.correlation
        self._client.publish(
            publication.topic, publication.payload, qos=1, retain=publication.is_retained, properties=properties
        )

    def acknowledge(self, message: MQTTMessage) -> None:
        """Tells the broker that a message is dealt with: it sends it again otherwise."""
        self._client.ack(message.mid, message.qos)

    async def close(self) -> None:
        """Ends the connection; does not wait for long for a broker that does not answer."""
        self._loop = None
        self._client.disconnect()
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            self._client.loop_stop()
            # The event loop may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=end, name="mqtt-end", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await ended.wait()

    # In paho's thread

    def _connect(self, client: Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._call(self.on_lost, str(reason))
        else:
            self._is_connected = True
            self._call(self.on_connected)

    def _disconnect(self, client: Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        # After a refusal, that was told with its reason.
        if self._is_connected:
            self._is_connected = False
            self._call(self.on_lost, str(reason))

    def _call(self, call: Callable[..., None], *arguments: Any) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call, *arguments)


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]
