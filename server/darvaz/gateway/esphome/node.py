"""The node of one board: the clients that are connected to it, and what the board does for them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.esphome.connection import NodeConnection
from darvaz.gateway.esphome.conversation import (
    ClosingRequested,
    CommandRequested,
    Conversation,
    ImageRequested,
    KeyGiven,
    NodeInfo,
    Request,
    UpdateRequested,
)
from darvaz.gateway.esphome.entities import Entity, entities_of
from darvaz.gateway.esphome.messages import pb
from darvaz.gateway.esphome.noise import parse_key
from darvaz.gateway.esphome.pictures import Pictures
from darvaz.gateway.esphome.updates import UPDATE_KEY, WATCHES, update_entity
from darvaz.gateway.parts import Parts
from darvaz.gateway.releases.offers import Offer
from darvaz.gateway.telemetry.description import DeviceDescription

log = logging.getLogger("darvaz.esphome")

# Two instances of Home Assistant, their restarts, and a person who looks with another program.
CONNECTIONS_MAX = 8
# Commands of one node that wait for the board.
COMMANDS_MAX = 16


class Node:
    """One board for clients of ESPHome's native API. Used from the event loop only.

    While the board is away there is no conversation, so that clients see at once that it is.
    """

    def __init__(
        self, parts: Parts, device: str, info: NodeInfo, key: bytes | None, on_refused: Callable[[str, str, str], None]
    ) -> None:
        self.device = device
        self.info = info
        self.key = key
        """For encryption; None for none."""
        self.on_key: Callable[[Node, bytes | None], None] = _ignore
        """Is called with a key that a client chose, or None."""
        self.refused = 0
        """How many clients were sent away for what they sent."""
        # Is called with address, node and reason of each.
        self._on_refused = on_refused
        self._parts = parts
        self._connections: set[NodeConnection] = set()
        # As clients were told; None while the board is away.
        self._entities: dict[int, Entity] | None = None
        # What each value of telemetry is, by name, since the board came.
        self._kinds: dict[str, str] = {}
        self._commands: set[asyncio.Task[None]] = set()
        self._pictures = Pictures(parts, device)
        self.update()

    @property
    def clients(self) -> list[NodeConnection]:
        """The connected clients."""
        return list(self._connections)

    # From the connections

    def begin(self, connection: NodeConnection) -> Conversation | None:
        """Returns the conversation of a new connection; None while the board is away, or if there are too many."""
        if self._entities is None or len(self._connections) >= CONNECTIONS_MAX:
            return None
        self._connections.add(connection)
        return Conversation(self.info, self._entities, self._describe)

    def refuse(self, connection: NodeConnection, reason: str) -> None:
        """Notes that a client is sent away for what it sent."""
        self.refused += 1
        self._on_refused(connection.address, self.info.name, reason)

    def end(self, connection: NodeConnection) -> None:
        """Forgets a connection that ended."""
        self._connections.discard(connection)
        self._pictures.leave(connection)

    def carry_out(self, connection: NodeConnection, request: Request) -> None:
        """Does what a client asks for."""
        match request:
            case CommandRequested():
                self._begin_command(connection, request)
            case ImageRequested(is_stream):
                self._pictures.request(connection, is_stream)
            case UpdateRequested():
                self._update_program(connection)
            case KeyGiven(text):
                self._take_key(connection, text)
            case ClosingRequested():
                connection.close()

    # From the gateway

    def update(self) -> None:
        """Looks at the board: ends the conversations if it is away, or has other entities than before."""
        board = self._parts.describer.describe(self.device)
        is_here = board is not None and board.online
        if not is_here:
            self._kinds.clear()
        entities = entities_of(board, self._kinds) if board is not None and is_here else None
        if entities is not None and self._offer() is not None:
            entities[UPDATE_KEY] = update_entity(self._offer, self._percent)
        if _listings(entities) == _listings(self._entities):
            self.send_states()
            return
        self._entities = entities
        self._send_away()

    def introduce(self, info: NodeInfo) -> None:
        """Takes another name for people."""
        if info != self.info:
            self.info = info
            self._send_away()

    def _send_away(self) -> None:
        """Ends the conversations; clients return at once, and are then told what there is now."""
        for connection in self.clients:
            connection.conversation.send(pb.DisconnectRequest())
            connection.close()

    def receive_values(self, names: frozenset[str]) -> None:
        """Tells clients of new values of telemetry; one that was never there before makes another entity."""
        if self._entities is None:
            return
        if names <= self._kinds.keys():
            self.send_states(names)
        else:
            self.update()

    def send_states(self, names: frozenset[str] | None = None) -> None:
        """Tells clients the states of all entities, or of those of some names."""
        for connection in self.clients:
            connection.conversation.send_states(names)
            connection.flush()

    def look_at_releases(self) -> None:
        """Tells clients of releases and updates; the first release of a board makes another entity."""
        if self._entities is None:
            return
        if (UPDATE_KEY in self._entities) == (self._offer() is not None):
            self.send_states(frozenset({WATCHES}))
        else:
            self.update()

    def send_log(self, level: str, text: str) -> None:
        """Hands a line of the board's log to the clients that want it."""
        for connection in self.clients:
            connection.conversation.send_log(level, text)
            connection.flush()

    def tick(self, now_s: float) -> None:
        """Ends connections that are silent, and pictures that nobody looks at any more."""
        for connection in self.clients:
            if connection.is_overdue(now_s):
                connection.transport.abort()
        if self._percent() is not None:
            self.send_states(frozenset({WATCHES}))
        self._pictures.tick(now_s)

    def stop(self) -> None:
        """Ends all connections, and what was begun for them."""
        for connection in self.clients:
            connection.close()
        self._pictures.end()
        for command in self._commands:
            command.cancel()

    async def close(self) -> None:
        """Ends all connections, and returns once nothing of them runs any more."""
        self.stop()
        await asyncio.gather(*self._commands, return_exceptions=True)
        await self._pictures.close()

    def _describe(self) -> DeviceDescription:
        board = self._parts.describer.describe(self.device)
        assert board is not None
        return board

    # Commands

    def _begin_command(self, connection: NodeConnection, request: CommandRequested) -> None:
        if len(self._commands) >= COMMANDS_MAX:
            self._finish(connection, request, None, f"{COMMANDS_MAX} commands of {self.device} wait already")
            return
        task = asyncio.get_running_loop().create_task(self._command(connection, request))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _command(self, connection: NodeConnection, request: CommandRequested) -> None:
        assert request.entity.command is not None
        name, client = request.entity.command.name, _client(connection)
        self._parts.journal.record(self.device, None, client, "=", "command requested", name)
        try:
            result = await self._parts.hub.command(
                self.device, name, request.args, self._parts.settings.command_deadline_s
            )
        except CommandError as error:
            self._finish(connection, request, None, str(error))
        else:
            self._finish(connection, request, result, "")

    def _finish(self, connection: NodeConnection, request: CommandRequested, result: Any, error: str) -> None:
        """Answers a client that waits; the others see the state, which after a failure is what it was."""
        if request.call_id:
            data = b"" if error else json.dumps(_as_object(result)).encode()
            answer = pb.ExecuteServiceResponse(
                call_id=request.call_id, success=not error, error_message=error, response_data=data
            )
            connection.conversation.send(answer)
        if error:
            connection.conversation.send_log("error", error)
        connection.flush()
        self.send_states()

    # Releases

    def _offer(self) -> Offer | None:
        return self._parts.updater.offer(self.device)

    def _percent(self) -> float | None:
        return self._parts.updater.percent(self.device)

    def _update_program(self, connection: NodeConnection) -> None:
        """Gives the board the newest release of its program, unless it gets it already."""
        if not self._parts.updater.install_newest(self.device, _client(connection)):
            connection.conversation.send_log("warning", f"{self.device} gets a release already, or has none to get")
        self.look_at_releases()

    # Encryption

    def _take_key(self, connection: NodeConnection, text: bytes) -> None:
        key = parse_key(text) if text else None
        is_good = key is not None or not text
        connection.conversation.send(pb.NoiseEncryptionSetKeyResponse(success=is_good))
        connection.flush()
        if is_good:
            self.change_key(key)

    def change_key(self, key: bytes | None) -> None:
        """Uses another key from the next connection of each client on; None for no encryption."""
        self.key = key
        self.on_key(self, key)
        self._send_away()


def _listings(entities: dict[int, Entity] | None) -> list[bytes] | None:
    if entities is None:
        return None
    shapes = []
    for entity in entities.values():
        shape = type(entity.listing)()
        shape.CopyFrom(entity.listing)
        # How exactly a number is shown may differ from value to value.
        if isinstance(shape, pb.ListEntitiesSensorResponse):
            shape.ClearField("accuracy_decimals")
        shapes.append(shape.SerializeToString(deterministic=True))
    return shapes


def _client(connection: NodeConnection) -> str:
    """Returns who asks, for the journal."""
    return f"home assistant {connection.transport.get_extra_info('peername', ('', 0))[0]}"


def _as_object(result: Any) -> dict[str, Any]:
    """Returns an answer as Home Assistant wants it: an object."""
    return result if isinstance(result, dict) else {"result": result}


def _ignore(node: Node, key: bytes | None) -> None:
    """Stands where nobody listens."""
