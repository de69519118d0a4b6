"""One connection to NATS: requests, and entries of buckets, each with a deadline; it ends at the first sign of loss.

The client library can connect again by itself, but then nobody knows what was lost meanwhile. Here a connection that is
lost is over, and its owner opens another and reads what has changed since.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error, NoRespondersError, NoServersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, NotFoundError

from darvaz.gateway.cluster.options import ClusterOptions

CONNECT_DEADLINE_S = 5.0
WRITE_DEADLINE_S = 3.0
LOOKUP_DEADLINE_S = 1.0
_MORE = 1.1
# What is left of an entry that was deleted is there for so long.
DELETED_DAYS = 90
_CLOSE_DEADLINE_S = 2.0
# A server that answers no two pings in a row is lost: a cut cable ends no connection.
_PING_EVERY_S = 2
_NOT_CLUSTERED = 10074
_WRONG_LAST = 10071
_REPLICAS = 3
_LAST = "Nats-Expected-Last-Subject-Sequence"


class ClusterError(Exception):
    """NATS is not reached, or did not do what was asked; the text is for people."""


class OutdatedError(ClusterError):
    """An entry is not of the revision that the change was made for."""


class NatsConnection:
    """A connection that is open. Used from the event loop only."""

    def __init__(self, client: Client, server: str) -> None:
        self._client = client
        # With acknowledgements of what is written.
        self._streams: JetStreamContext = client.jetstream(timeout=WRITE_DEADLINE_S)
        self._lookup_s = LOOKUP_DEADLINE_S
        self.server = server
        self.lost = asyncio.Event()
        """Set once it is over."""

    @property
    def client(self) -> Client:
        """Returns the client, for subscriptions."""
        return self._client

    async def open_bucket(self, bucket: str, ttl_s: float | None = None) -> str:
        """Makes a bucket of the newest entry of each key, if it is not there; returns what tells it from a later one.

        It is kept by three servers where there are as many.
        """
        config = api.KeyValueConfig(bucket=bucket, history=1, ttl=ttl_s, replicas=_REPLICAS)
        return await self._open(f"KV_{bucket}", lambda: self._replicated(config, self._streams.create_key_value))

    async def open_stream(self, name: str, subject: str, age_s: float) -> str:
        """Makes a stream that keeps each message for a while, as `open_bucket` makes a bucket."""
        config = api.StreamConfig(
            name=name, subjects=[subject], max_age=age_s, num_replicas=_REPLICAS, allow_direct=True
        )
        return await self._open(name, lambda: self._replicated(config, self._streams.add_stream))

    async def last_revision(self, bucket: str) -> int:
        """Returns the revision of the newest entry of a bucket."""
        try:
            return int((await self._streams.stream_info(f"KV_{bucket}")).state.last_seq)
        except (Error, TimeoutError, OSError) as error:
            raise ClusterError(explain(error)) from None

    async def _open(self, stream: str, make: Callable[[], Awaitable[None]]) -> str:
        try:
            info = await self._found(stream)
            if info is None:
                await make()
                info = await self._found(stream)
        except (Error, TimeoutError, OSError) as error:
            raise ClusterError(f"{stream} cannot be opened: {explain(error)}") from None
        if info is None:
            raise ClusterError(f"{stream} cannot be opened: it was deleted")
        return str(info.created)

    async def _found(self, stream: str) -> api.StreamInfo | None:
        try:
            return await self._client.jetstream(timeout=self._lookup_s).stream_info(stream)
        except NotFoundError:
            return None
        except NatsTimeoutError:
            # Nobody answers for a stream without a leader; or the servers are slow.
            self._lookup_s = min(_MORE * self._lookup_s, WRITE_DEADLINE_S)
            raise

    async def _replicated(self, config: Any, make: Callable[[Any], Awaitable[Any]]) -> None:
        """Has something made that three servers keep, or one where there are no three."""
        try:
            await make(config)
        except APIError as error:
            if error.err_code != _NOT_CLUSTERED:
                raise
            is_bucket = isinstance(config, api.KeyValueConfig)
            await make(config.evolve(**{"replicas" if is_bucket else "num_replicas": 1}))

    async def store(
        self, subject: str, data: bytes, headers: dict[str, str], deadline_s: float = WRITE_DEADLINE_S
    ) -> None:
        """Has a stream keep a message; one with the same `Nats-Msg-Id` within two minutes is kept once."""
        await self._publish(subject, data, headers, deadline_s)

    async def newest(self, stream: str, subject: str) -> dict[str, str]:
        """Returns the headers of the newest message at a subject of a stream; none if there is no message."""
        try:
            found = await self._streams.get_last_msg(stream, subject)
        except NotFoundError:
            return {}
        except (Error, TimeoutError, OSError) as error:
            raise ClusterError(explain(error)) from None
        return dict(found.headers or {})

    async def put(
        self, bucket: str, key: str, value: bytes, last: int | None = None, deadline_s: float = WRITE_DEADLINE_S
    ) -> int:
        """Writes an entry and returns its revision, a number that grows.

        With `last`, only if that is the revision of the entry now, 0 where there is none: else raises `OutdatedError`.
        """
        return await self._write(bucket, key, value, {} if last is None else {_LAST: str(last)}, deadline_s)

    async def delete(self, bucket: str, key: str, last: int | None = None) -> int:
        """Deletes an entry, as `put` writes one; followers see that, those that come back within `DELETED_DAYS` too."""
        headers = {"KV-Operation": "DEL", "Nats-TTL": f"{DELETED_DAYS * 24}h"}
        return await self._write(bucket, key, b"", headers | ({} if last is None else {_LAST: str(last)}))

    async def get(self, bucket: str, key: str) -> tuple[bytes | None, int]:
        """Returns the value of an entry, None if it was deleted, and its revision; None and 0 if there is none."""
        try:
            found = await self._streams.get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{key}")
        except NotFoundError:
            return None, 0
        except (Error, TimeoutError, OSError) as error:
            raise ClusterError(explain(error)) from None
        is_deleted = bool((found.headers or {}).get("KV-Operation"))
        return None if is_deleted else found.data or b"", found.seq or 0

    async def _write(
        self, bucket: str, key: str, value: bytes, headers: dict[str, str], deadline_s: float = WRITE_DEADLINE_S
    ) -> int:
        return await self._publish(f"$KV.{bucket}.{key}", value, headers, deadline_s)

    async def _publish(self, subject: str, data: bytes, headers: dict[str, str], deadline_s: float) -> int:
        try:
            written = await self._streams.publish(subject, data, timeout=deadline_s, headers=headers or None)
        except APIError as error:
            if error.err_code == _WRONG_LAST:
                raise OutdatedError(explain(error)) from None
            raise ClusterError(explain(error)) from None
        except (Error, TimeoutError, OSError) as error:
            raise ClusterError(explain(error)) from None
        return written.seq

    async def request(self, subject: str, data: bytes, deadline_s: float) -> bytes | None:
        """Returns the answer to a request, or None if nobody listens there; raises TimeoutError after the deadline."""
        try:
            answer = await self._client.request(subject, data, timeout=deadline_s)
        except NoRespondersError:
            return None
        except NatsTimeoutError:
            raise TimeoutError from None
        except (Error, OSError) as error:
            raise ClusterError(explain(error)) from None
        return bytes(answer.data)

    async def publish(self, subject: str, data: bytes) -> None:
        """Sends a message to all that listen now, once the connection has taken it."""
        try:
            await self._client.publish(subject, data)
            await self._client.flush(int(WRITE_DEADLINE_S))
        except (Error, OSError, TimeoutError) as error:
            raise ClusterError(explain(error)) from None

    async def listen(self, subject: str, receive: Callable[[Msg], Awaitable[None]]) -> None:
        """Has `receive` called with each message at a subject, one after the other, until the connection ends."""
        await self.subscribe(subject, receive)

    async def subscribe(self, subject: str, receive: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """Listens as `listen` does, and returns what ends it before the connection does."""
        try:
            return await self._client.subscribe(subject, cb=receive)
        except (Error, OSError) as error:
            raise ClusterError(explain(error)) from None


class _NatsClient(Client):
    """Never shows credentials to a server that does not encrypt where the address says that it does."""

    is_encrypted = False

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self.is_encrypted and not info.get("tls_required"):
            raise Error("the server does not encrypt, and its address begins with tls://")
        await super()._process_info(info, initial_connection)


@contextlib.asynccontextmanager
async def connected(options: ClusterOptions) -> AsyncIterator[NatsConnection]:
    """Connects to one of the servers for the block; raises `ClusterError` if none can be used."""
    reasons = []
    for server in random.sample(options.servers, len(options.servers)):
        lost = asyncio.Event()
        try:
            client = await _connect(options, server, lost)
        except (Error, OSError, TimeoutError) as error:
            reasons.append(f"{server}: {explain(error)}")
            continue
        connection = NatsConnection(client, server)
        connection.lost = lost
        try:
            yield connection
        finally:
            await _close(client)
        return
    raise ClusterError("; ".join(sorted(reasons)))


async def _connect(options: ClusterOptions, server: str, lost: asyncio.Event) -> Client:
    reasons: list[Exception] = []

    async def note_error(error: Exception) -> None:
        reasons.append(error)
        del reasons[:-1]

    async def note_loss() -> None:
        lost.set()

    given: dict[str, Any] = {}
    if options.user:
        given = {"user": options.user, "password": options.password}
    elif options.password:
        given = {"token": options.password}
    client = _NatsClient()
    client.is_encrypted = server.startswith("tls:")
    try:
        async with asyncio.timeout(CONNECT_DEADLINE_S):
            await client.connect(
                server, name=options.node, tls=options.tls, error_cb=note_error, disconnected_cb=note_loss,
                closed_cb=note_loss, allow_reconnect=False, ping_interval=_PING_EVERY_S, connect_timeout=2,
                # What a gateway tells all others does not come back to it.
                no_echo=True, **given,
            )  # fmt: skip
    except (NoServersError, TimeoutError) as error:
        await _close(client)
        raise (reasons[-1] if reasons else error) from None
    except BaseException:
        await _close(client)
        raise
    return client


async def _close(client: Client) -> None:
    with contextlib.suppress(Error, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_DEADLINE_S):
            await client.close()


def explain(error: Exception) -> str:
    """Returns what went wrong, in words."""
    if isinstance(error, APIError):
        return str(error.description or error)
    if isinstance(error, NoRespondersError):
        return "JetStream does not answer: is it on, and are most of its servers up?"
    text = str(error).removeprefix("nats: ")
    return text or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
