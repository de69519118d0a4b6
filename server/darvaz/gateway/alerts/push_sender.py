"""Sends push messages over HTTPS: one request each, to an address that was checked, within a deadline."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from darvaz.gateway.alerts.push_addresses import Endpoint, EndpointError, check_addresses, parse_endpoint
from darvaz.gateway.alerts.push_encryption import authorization, can_encrypt, decode, encrypt
from darvaz.text.extras import how_to_install

SEND_DEADLINE_S = 20.0
# Requests at the same time; the others wait for these.
SENDS_AT_ONCE_MAX = 16
NOT_INSTALLED = f"cryptography is not installed: {how_to_install('alerts')}"
# The push service knows the browser no more: it never will again.
_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class PushMessage:
    """One message for one browser."""

    endpoint: str
    browser: str
    """Its public key, base64url."""
    secret: str
    contact: str
    """Whom the push service may write to, an address; "" for nobody."""
    body: bytes
    ttl_s: int
    is_urgent: bool
    topic: str
    """A message of the same topic takes its place while it waits at the push service; "" for none."""


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push service answered: an error, or that the browser is gone, or that it has the message."""

    error: str | None = None
    is_gone: bool = False


class PushSender:
    """Sends messages. Used from the event loop only."""

    def __init__(self, local_hosts: Callable[[], Collection[str]], unix_s: Callable[[], float] = time.time) -> None:
        self.local_hosts = local_hosts
        self._unix_s = unix_s
        self._slots = asyncio.Semaphore(SENDS_AT_ONCE_MAX)
        self._client: Any = None
        self._opening = asyncio.Lock()

    async def send(self, key: str, message: PushMessage) -> PushResult:
        """Sends one message, signed with the private key of the gateway; waits while others are being sent."""
        if not can_encrypt():
            return PushResult(NOT_INSTALLED)
        async with self._slots:
            try:
                async with asyncio.timeout(SEND_DEADLINE_S):
                    return await self._send(key, message)
            except TimeoutError:
                return PushResult(f"no answer within {SEND_DEADLINE_S:g} s")

    async def _send(self, key: str, message: PushMessage) -> PushResult:
        try:
            endpoint = parse_endpoint(message.endpoint, self.local_hosts())
            addresses = await _look_up(endpoint)
            check_addresses(endpoint, addresses)
        except EndpointError as error:
            return PushResult(str(error))
        # In a thread: the packages take long to load, and the authorities of TLS to read.
        async with self._opening:
            self._client = self._client or await asyncio.to_thread(_make_client)
        body, headers = await asyncio.to_thread(self._prepare, key, endpoint, message)
        return await self._post(endpoint, addresses[0], headers, body)

    async def close(self) -> None:
        """Ends what is open."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _prepare(self, key: str, endpoint: Endpoint, message: PushMessage) -> tuple[bytes, dict[str, str]]:
        headers = {
            "Host": endpoint.authority,
            "Authorization": authorization(key, endpoint.origin, message.contact, self._unix_s()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(message.ttl_s),
            "Urgency": "high" if message.is_urgent else "normal",
        }
        if message.topic:
            headers["Topic"] = message.topic
        return encrypt(message.body, decode(message.browser), decode(message.secret)), headers

    async def _post(self, endpoint: Endpoint, address: str, headers: dict[str, str], body: bytes) -> PushResult:
        """Posts to the address that was checked: the name, looked up once more, could lead to another one."""
        import httpx

        url = httpx.URL(scheme="https", host=address, port=endpoint.port, raw_path=endpoint.path.encode())
        extensions = {"sni_hostname": endpoint.host.strip("[]")}
        try:
            request = self._client.stream("POST", url, headers=headers, content=body, extensions=extensions)
            async with request as response:
                # What it says beside the status may be long, and is not for the gateway.
                status = response.status_code
        except httpx.HTTPError as error:
            return PushResult(f"{endpoint.host} cannot be reached: {type(error).__name__}")
        if status in _GONE:
            return PushResult(is_gone=True)
        return PushResult(None if 200 <= status < 300 else f"{endpoint.host} answered {status}")


def _make_client() -> Any:
    """Returns what sends requests, with all loaded that it needs: in a thread, where that takes no time of links.

    It uses neither proxies of the environment nor redirects, which would lead to addresses that were not checked; and
    no connection twice, since hosts that share an address must each show their own certificate.
    """
    import anyio
    import anyio.streams.tls
    import httpx

    anyio.run(anyio.sleep, 0)
    # They would write whole addresses into the log, which are secrets.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(
        verify=httpx.create_ssl_context(), trust_env=False, timeout=SEND_DEADLINE_S, limits=limits
    )  # fmt: skip


async def _look_up(endpoint: Endpoint) -> list[str]:
    """Returns the addresses of a host; raises `EndpointError` if it has none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(endpoint.host.strip("[]"), endpoint.port, type=socket.SOCK_STREAM)
    except OSError:
        raise EndpointError(f"{endpoint.host} has no address now") from None
    return [str(address[0]) for *_, address in found]
