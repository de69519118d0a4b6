"""All nodes: one for each board, with a TCP port of its own, announced while the board is here."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from darvaz import __version__
from darvaz.gateway.devices.home_assistant import NodeState
from darvaz.gateway.devices.names import node_name
from darvaz.gateway.esphome.announcements import Announcements
from darvaz.gateway.esphome.connection import NodeConnection
from darvaz.gateway.esphome.conversation import NodeInfo
from darvaz.gateway.esphome.identities import Identities
from darvaz.gateway.esphome.node import Node
from darvaz.gateway.esphome.refused_clients import RefusedClients
from darvaz.gateway.parts import Parts
from darvaz.gateway.releases.rollout import Rollout, Target

log = logging.getLogger("darvaz.esphome")

NODES_MAX = 1000
TICK_S = 1.0


class Nodes:
    """Follows the boards of the gateway while it is open. Used from the event loop only."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._parts = parts
        self._hosts = [part.strip() for part in settings.home_assistant_addresses.split(",") if part.strip()]
        self._identities = Identities(parts.tables, settings.home_assistant_port)
        self._announcements = Announcements(self._hosts)
        self._nodes: dict[str, Node] = {}
        self._servers: dict[str, asyncio.Server] = {}
        # Boards that changed since the worker looked; it handles one after the other.
        self._changed: dict[str, None] = {}
        self._has_changed = asyncio.Event()
        self._refused = RefusedClients()
        self._tasks: list[asyncio.Task[None]] = []

    # What the gateway calls

    async def open(self) -> None:
        """Starts nodes for the boards that are known; later ones follow when they come."""
        try:
            self._announcements.open()
        except OSError as error:
            log.warning("= boards cannot be discovered: no network for mDNS (%s)", error)
        bus = self._parts.bus
        bus.subscribe_devices(self._look, self._forget)
        bus.subscribe_everywhere(("telemetry", "pong", "log"), self._receive)
        self._parts.hub.on_carried_out(self._confirm)
        self._parts.updater.listeners.append(self._look_at_releases)
        for device in self._parts.devices.all():
            self._look(device.id)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._follow()), loop.create_task(self._tick())]

    async def close(self) -> None:
        """Ends all nodes."""
        bus = self._parts.bus
        bus.unsubscribe_devices(self._look, self._forget)
        bus.unsubscribe(("telemetry", "pong", "log"), self._receive)
        self._parts.hub.off_carried_out(self._confirm)
        self._parts.updater.listeners.remove(self._look_at_releases)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers.values():
            server.close()
        for node in self._nodes.values():
            await node.close()
        await self._announcements.close()

    def describe(self) -> list[NodeState]:
        """Returns every node."""
        return [
            NodeState(
                device=device,
                name=node.info.name,
                port=_port_of(self._servers[device]),
                is_encrypted=node.key is not None,
                is_discoverable=self._announcements.has(node.info.name),
                refused=node.refused,
                clients=[client.conversation.client for client in node.clients],
            )
            for device, node in self._nodes.items()
        ]

    def forget_key(self, device: str) -> bool:
        """Removes the key of a node; returns False if there is no such node."""
        node = self._nodes.get(device)
        if node is not None:
            node.change_key(None)
        return node is not None

    # Events of the gateway

    def _look(self, device: str) -> None:
        node = self._nodes.get(device)
        if node is not None:
            # At once: a board that left is seen to be away.
            node.update()
        self._mark(device)

    def _mark(self, device: str) -> None:
        """Has the worker look at a board."""
        self._changed[device] = None
        self._has_changed.set()

    def _forget(self, device: str) -> None:
        self._identities.forget(device)
        # At once: another board of this name may come before the worker looks.
        self._remove(device)

    def _receive(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        node = self._nodes.get(device or "")
        if node is None:
            return
        if type_ == "telemetry":
            node.receive_values(frozenset(message.values))
        elif type_ == "log":
            level = message.level if isinstance(message.level, str) else "info"
            node.send_log(level, message.message)
        else:
            node.send_states(frozenset({""}))

    def _confirm(self, device: str) -> None:
        node = self._nodes.get(device)
        if node is not None:
            node.send_states(frozenset({""}))

    def _look_at_releases(self, rollout: Rollout | None, target: Target | None) -> None:
        """Tells of one board, or of all: a release is news to each board of its program."""
        for device in list(self._nodes) if target is None else (target.device,):
            node = self._nodes.get(device)
            if node is not None:
                node.look_at_releases()

    # The worker

    async def _follow(self) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            while self._changed:
                device = next(iter(self._changed))
                del self._changed[device]
                await self._bring_up_to_date(device)

    async def _bring_up_to_date(self, device: str) -> None:
        board = self._parts.describer.describe(device)
        if board is None:
            return
        if "home_assistant" in board.hidden_from:
            self._remove(device)
            return
        node = self._nodes.get(device)
        if node is None:
            node = await self._add(device)
        if node is None:
            return
        node.introduce(self._info(device, node.info.mac))
        if board.online:
            port = _port_of(self._servers[device])
            self._announcements.announce(node.info, port, is_encrypted=node.key is not None)
        else:
            self._announcements.withdraw(node.info.name)

    async def _add(self, device: str) -> Node | None:
        if len(self._nodes) >= NODES_MAX:
            log.warning("= %s is not shown in Home Assistant: there are %d boards already", device, NODES_MAX)
            return None
        board = self._parts.describer.describe(device)
        identity = self._identities.of(device, None if board is None else board.mac)
        node = Node(self._parts, device, self._info(device, identity.mac), identity.key, self._refuse)
        node.on_key = self._keep_key
        server = await self._listen(node, identity.port)
        if server is None:
            return None
        self._nodes[device], self._servers[device] = node, server
        await server.start_serving()
        # For what came of the board meanwhile.
        node.update()
        return node

    async def _listen(self, node: Node, port: int) -> asyncio.Server | None:
        loop = asyncio.get_running_loop()
        make: Callable[[], NodeConnection] = lambda: NodeConnection(node)  # noqa: E731 (an argument, and nothing more)
        for candidate in dict.fromkeys((port, 0)):
            try:
                # Serves once it is among those that `close` closes.
                return await loop.create_server(
                    make, self._hosts or [self._parts.settings.host], candidate, start_serving=False
                )
            except OSError as error:
                log.warning("= port %d for %s in Home Assistant: %s", candidate, node.device, error.strerror)
        return None

    def _remove(self, device: str) -> None:
        node, server = self._nodes.pop(device, None), self._servers.pop(device, None)
        if server is not None:
            server.close()
        if node is not None:
            self._announcements.withdraw(node.info.name)
            node.stop()

    def _refuse(self, address: str, name: str, reason: str) -> None:
        self._refused.record(address, name, reason, time.monotonic())

    def _keep_key(self, node: Node, key: bytes | None) -> None:
        self._identities.keep_key(node.device, key)
        log.info("= %s: Home Assistant %s", node.device, "removed its key" if key is None else "chose a key")
        self._mark(node.device)

    def _info(self, device: str, mac: str) -> NodeInfo:
        board = self._parts.describer.describe(device)
        kind, label = (board.kind, board.label) if board is not None else ("", None)
        area = board.groups[0] if board is not None and board.groups else ""
        return NodeInfo(node_name(device), label or device, mac, kind, __version__, self._parts.settings.port, area)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now_s = time.monotonic()
            for node in list(self._nodes.values()):
                node.tick(now_s)
            self._refused.tick(now_s)


def _port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])
