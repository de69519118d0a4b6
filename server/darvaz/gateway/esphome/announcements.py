"""The nodes in mDNS, where Home Assistant discovers them: a service `_esphomelib._tcp` for each board that is here."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from zeroconf import IPVersion, NonUniqueNameException
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from darvaz.gateway.announcement import own_addresses
from darvaz.gateway.esphome.conversation import ESPHOME_VERSION, NodeInfo

log = logging.getLogger("darvaz.esphome")

_SERVICE = "_esphomelib._tcp.local."


@dataclass(frozen=True, slots=True)
class Announcement:
    """What others are told of one node."""

    info: NodeInfo
    port: int
    is_encrypted: bool
    addresses: tuple[str, ...]


class Announcements:
    """Announces nodes on the networks of these addresses; without any, on all of this machine.

    To find out whether a name is free takes a second (RFC 6762, section 8.1): each node has a task for that.
    """

    def __init__(self, addresses: Sequence[str] = ()) -> None:
        self._addresses = list(addresses)
        self._zeroconf: AsyncZeroconf | None = None
        # Host name of a node → what is to be announced; None if nothing is.
        self._wanted: dict[str, Announcement | None] = {}
        # Host name of a node → what is announced, and how zeroconf knows it.
        self._announced: dict[str, tuple[Announcement, AsyncServiceInfo]] = {}
        # Host name of a node → the task that makes these two equal.
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def open(self) -> None:
        """Begins to answer; raises OSError without a network that allows it."""
        interfaces = {"interfaces": self._addresses} if self._addresses else {}
        self._zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only, **interfaces)  # type: ignore[arg-type]

    def has(self, name: str) -> bool:
        """Whether a node is announced now."""
        return name in self._announced

    def announce(self, info: NodeInfo, port: int, *, is_encrypted: bool) -> None:
        """Has a node announced, again if it was announced otherwise."""
        addresses = tuple(self._addresses or own_addresses())
        self._want(info.name, Announcement(info, port, is_encrypted, addresses))

    def withdraw(self, name: str) -> None:
        """Has others told that a node is gone."""
        self._want(name, None)

    async def close(self) -> None:
        """Says that all nodes are gone, and ends."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()
            self._zeroconf = None

    def _want(self, name: str, announcement: Announcement | None) -> None:
        self._wanted[name] = announcement
        if self._zeroconf is not None and name not in self._tasks and not self._is_done(name):
            task = asyncio.get_running_loop().create_task(self._follow(name, self._zeroconf))
            self._tasks[name] = task
            task.add_done_callback(lambda _: self._tasks.pop(name, None))

    def _is_done(self, name: str) -> bool:
        """Whether what is wanted of a node is what is announced."""
        announced, _ = self._announced.get(name, (None, None))
        return announced == self._wanted[name]

    async def _follow(self, name: str, zeroconf: AsyncZeroconf) -> None:
        """Announces what is wanted of one node, until nothing else is wanted."""
        while not self._is_done(name):
            wanted, (_, announced) = self._wanted[name], self._announced.pop(name, (None, None))
            if announced is not None:
                await (await zeroconf.async_unregister_service(announced))
            if wanted is None:
                continue
            service = _service(wanted)
            try:
                await (await zeroconf.async_register_service(service))
            except NonUniqueNameException:
                log.warning("= another machine of this network is %s.local: the board cannot be discovered", name)
                return
            self._announced[name] = (wanted, service)


def _service(announcement: Announcement) -> AsyncServiceInfo:
    info = announcement.info
    properties = {
        "mac": info.mac, "friendly_name": info.title, "version": ESPHOME_VERSION, "board": info.kind,
        "platform": "darvaz", "network": "wifi", "project_name": f"darvaz.{info.kind}",
        "project_version": info.version,
    }  # fmt: skip
    if announcement.is_encrypted:
        properties["api_encryption"] = "Noise_NNpsk0_25519_ChaChaPoly_SHA256"
    return AsyncServiceInfo(
        _SERVICE,
        f"{info.name}.{_SERVICE}",
        port=announcement.port,
        properties=properties,
        server=f"{info.name}.local.",
        addresses=[socket.inet_aton(address) for address in announcement.addresses],
    )
