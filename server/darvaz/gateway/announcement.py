"""The gateway in mDNS: a service `_darvaz._tcp` and the name `darvaz.local`, or a numbered one; needs zeroconf."""

from __future__ import annotations

import asyncio
import logging
import re
import socket

from zeroconf import AddressResolverIPv4, IPVersion  # type: ignore[attr-defined]
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from darvaz import __version__
from darvaz.gateway.settings import Settings

log = logging.getLogger("darvaz.mdns")

SERVICE = "_darvaz._tcp.local."
NAME = "darvaz"
_NAMES_MAX = 9
# Who has a name answers at once (RFC 6762, section 6).
_NAME_ANSWER_MS = 750
# Of an instance; a DNS label has at most 63 bytes (RFC 1035, section 2.3.4).
_LABEL_CHARS_MAX = 63
_ANY = ("0.0.0.0", "::", "")
_USUAL_PORT = Settings().port
# The bridges of Docker, Podman, libvirt, LXC, Kubernetes and Home Assistant's Supervisor.
_BRIDGE = re.compile(r"docker|br-[0-9a-f]{12}$|podman|cni|virbr|lxc|lxdbr|incusbr|veth|hassio")


class GatewayAnnouncement:
    """Tells the network where the gateway is, while it is open."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._zeroconf: AsyncZeroconf | None = None
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begins to announce; without a network that allows it, says so and does nothing."""
        host = self._settings.host
        interfaces = {} if host in _ANY else {"interfaces": [host]}
        try:
            self._zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only, **interfaces)  # type: ignore[arg-type]
        except OSError as error:
            log.warning("= the gateway cannot be found by mDNS: no network for it (%s)", error)
            return
        self._task = asyncio.get_running_loop().create_task(self._announce(self._zeroconf))

    async def close(self) -> None:
        """Says that the gateway is gone, and ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()

    async def _announce(self, zeroconf: AsyncZeroconf) -> None:
        addresses = own_addresses() if self._settings.host in _ANY else [self._settings.host]
        host = await _free_name(zeroconf, addresses)
        # Another gateway of this name gets a number behind it.
        await (await zeroconf.async_register_service(self._service(host, addresses), allow_name_change=True))
        log.info("= the network finds the gateway as %s", host.rstrip("."))

    def _service(self, host: str, addresses: list[str]) -> AsyncServiceInfo:
        settings = self._settings
        # Two gateways of one machine that start together would not notice that they take the same name.
        port = "" if settings.port == _USUAL_PORT else f" ({settings.port})"
        instance = f"Darvaz on {socket.gethostname().partition('.')[0]}"[: _LABEL_CHARS_MAX - len(port)] + port
        return AsyncServiceInfo(
            SERVICE,
            f"{instance}.{SERVICE}",
            port=settings.port,
            properties={"version": __version__, "tls": str(int(settings.has_tls)), "path": settings.public.path},
            server=host,
            addresses=[socket.inet_aton(address) for address in addresses],
        )


async def _free_name(zeroconf: AsyncZeroconf, addresses: list[str]) -> str:
    """Returns the first name that no other machine of the network has."""
    for number in range(1, _NAMES_MAX + 1):
        host = f"{NAME}.local." if number == 1 else f"{NAME}-{number}.local."
        answer = AddressResolverIPv4(host)
        is_taken = await answer.async_request(zeroconf.zeroconf, _NAME_ANSWER_MS)
        if not is_taken or set(answer.parsed_addresses()) & set(addresses):
            return host
        log.warning("= another machine of this network is %s: boards that look for it find that one", host.rstrip("."))
    return host


def own_addresses() -> list[str]:
    """Returns the IPv4 addresses of this machine that others may reach it at; those of container bridges only alone."""
    from ifaddr import get_adapters

    return reachable([(adapter.name, str(ip.ip)) for adapter in get_adapters() for ip in adapter.ips if ip.is_IPv4])


def reachable(found: list[tuple[str, str]]) -> list[str]:
    """Returns the addresses that other machines reach, of pairs of interface and address; all if there are none.

    Each network is told the same addresses, and Home Assistant tries one of them only.
    """
    own = [(name, address) for name, address in found if not address.startswith("127.")]
    real = [address for name, address in own if not _BRIDGE.match(name)]
    return real or [address for _, address in own or found]
