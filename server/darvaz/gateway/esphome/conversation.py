"""One client's conversation with the node of a board: messages in, messages and requests out. No sockets, no clocks.

The order is the client's: hello, who the device is, its entities, its states, and then whatever its user does
(aioesphomeapi's api.proto).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from darvaz.gateway.esphome.entities import CAMERA_KEY, Entity
from darvaz.gateway.esphome.messages import Message, UnreadableError, dump, parse, pb
from darvaz.gateway.telemetry.description import DeviceDescription

# Clients of 2026 accept it; from a later one on, they build ids otherwise.
API_MAJOR, API_MINOR = 1, 14
# What Home Assistant takes this node for.
ESPHOME_VERSION = "2026.2.0"
# Of one message with a picture, its encryption included; larger pictures come in several.
IMAGE_CHUNK_BYTES = 60_000

_LEVELS = {
    "debug": pb.LOG_LEVEL_DEBUG, "info": pb.LOG_LEVEL_INFO, "warning": pb.LOG_LEVEL_WARN,
    "error": pb.LOG_LEVEL_ERROR, "critical": pb.LOG_LEVEL_ERROR,
}  # fmt: skip


class ConversationError(Exception):
    """A client that does not follow the protocol; the text says how."""


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a node says of its board and of itself."""

    name: str
    """Its host name, without `.local`."""
    title: str
    mac: str
    """Twelve hexadecimal digits."""
    kind: str
    version: str
    web_port: int
    """Where the dashboard is; 0 for nowhere."""
    area: str = ""
    """The area that is suggested for it; "" for none."""


@dataclass(frozen=True, slots=True)
class CommandRequested:
    """The client wants the board to do something; `call_id` is 0 if it does not wait for an answer."""

    entity: Entity
    args: dict[str, Any]
    call_id: int = 0


@dataclass(frozen=True, slots=True)
class ImageRequested:
    """The client wants one picture, or pictures for some seconds."""

    is_stream: bool


@dataclass(frozen=True, slots=True)
class KeyGiven:
    """The client chose a key for encryption, base64; empty for none."""

    text: bytes


@dataclass(frozen=True, slots=True)
class UpdateRequested:
    """The client wants the board to get the newest release of its program."""


@dataclass(frozen=True, slots=True)
class ClosingRequested:
    """The client says goodbye."""


Request = CommandRequested | ImageRequested | KeyGiven | UpdateRequested | ClosingRequested


@dataclass(slots=True)
class Conversation:
    """What one client has asked for so far, and what is to be sent to it."""

    info: NodeInfo
    entities: dict[int, Entity]
    """As the client is told; another set of entities needs another conversation."""
    describe: Callable[[], DeviceDescription]
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    """Messages to send, as type and bytes; the sender empties the list."""
    requests: list[Request] = field(default_factory=list)
    """What the client wants; the node empties the list as it carries them out."""
    wants_states: bool = False
    log_level: int = pb.LOG_LEVEL_NONE
    """The most detailed level that the client wants to see."""
    client: str = ""
    """What the client calls itself; "" before its hello."""

    def receive(self, type_: int, payload: bytes) -> None:
        """Handles one message; raises `ConversationError`."""
        try:
            message = parse(type_, payload)
        except UnreadableError as error:
            raise ConversationError(str(error)) from None
        if message is None:
            return
        if not self.client and not isinstance(message, pb.HelloRequest):
            raise ConversationError(f"a {type(message).__name__} came before the hello")
        self._handle(message)

    def send_states(self, names: frozenset[str] | None = None) -> None:
        """Sends the states of all entities, or of those that watch these names of telemetry."""
        if not self.wants_states:
            return
        now = self.describe()
        for entity in self.entities.values():
            if entity.state is not None and (names is None or entity.watches in names):
                self.send(entity.state(now))

    def send_log(self, level: str, text: str) -> None:
        """Sends a line of the board's log, if the client wants lines of this level."""
        number = _LEVELS.get(level, pb.LOG_LEVEL_INFO)
        if number <= self.log_level:
            self.send(pb.SubscribeLogsResponse(level=number, message=text.encode("utf-8", "replace")))

    def send_image(self, key: int, image: bytes) -> None:
        """Sends a picture in chunks; its end is marked."""
        for start in range(0, len(image), IMAGE_CHUNK_BYTES):
            chunk = image[start : start + IMAGE_CHUNK_BYTES]
            is_last = start + IMAGE_CHUNK_BYTES >= len(image)
            self.send(pb.CameraImageResponse(key=key, data=chunk, done=is_last))

    def send(self, message: Message) -> None:
        """Sends a message."""
        self.writes.append(dump(message))

    def _handle(self, message: Any) -> None:
        match message:
            case pb.HelloRequest():
                self._greet(message)
            case pb.AuthenticationRequest():
                # Older clients send it; the protocol has no passwords any more.
                self.send(pb.AuthenticationResponse())
            case pb.PingRequest():
                self.send(pb.PingResponse())
            case pb.DeviceInfoRequest():
                self.send(self._device_info())
            case pb.ListEntitiesRequest():
                for entity in self.entities.values():
                    self.send(entity.listing)
                self.send(pb.ListEntitiesDoneResponse())
            case pb.SubscribeStatesRequest():
                self.wants_states = True
                self.send_states()
                # A picture is the state of a camera: without one, Home Assistant's stays unavailable once it was.
                if CAMERA_KEY in self.entities:
                    self.requests.append(ImageRequested(is_stream=False))
            case pb.SubscribeLogsRequest():
                self.log_level = message.level
            case pb.CameraImageRequest():
                self.requests.append(ImageRequested(message.stream))
            case pb.UpdateCommandRequest():
                if message.command == pb.UPDATE_COMMAND_UPDATE and message.key in self.entities:
                    self.requests.append(UpdateRequested())
            case pb.NoiseEncryptionSetKeyRequest():
                self.requests.append(KeyGiven(message.key))
            case pb.DisconnectRequest():
                self.send(pb.DisconnectResponse())
                self.requests.append(ClosingRequested())
            case pb.DisconnectResponse():
                self.requests.append(ClosingRequested())
            case _:
                self._request_command(message)

    def _request_command(self, message: Any) -> None:
        entity = self.entities.get(getattr(message, "key", 0))
        # A message that commands nothing of this node, or an entity that the board does not have any more.
        if entity is None or entity.command is None:
            return
        call_id = message.call_id if isinstance(message, pb.ExecuteServiceRequest) else 0
        self.requests.append(CommandRequested(entity, entity.command.arguments(message), call_id))

    def _greet(self, message: Any) -> None:
        self.client = message.client_info[:128] or "a client without a name"
        info = f"{self.info.name} (darvaz {self.info.version})"
        self.send(
            pb.HelloResponse(
                api_version_major=API_MAJOR, api_version_minor=API_MINOR, server_info=info, name=self.info.name
            )
        )

    def _device_info(self) -> Message:
        info, board = self.info, self.describe()
        return pb.DeviceInfoResponse(
            name=info.name, friendly_name=info.title, mac_address=_with_colons(info.mac),
            esphome_version=ESPHOME_VERSION, manufacturer="Darvaz", model=board.board or info.kind,
            project_name=f"darvaz.{info.kind}", project_version=board.version or info.version,
            webserver_port=info.web_port, suggested_area=info.area,
            api_encryption_supported=True,
        )  # fmt: skip


def _with_colons(mac: str) -> str:
    return ":".join(mac[index : index + 2] for index in range(0, len(mac), 2)).upper()
