"""Single pictures of cameras at other gateways: the one that has the camera takes it, and sends it."""

from __future__ import annotations

import msgspec
from nats.aio.msg import Msg

from darvaz.gateway.cameras import Snapshots
from darvaz.gateway.cluster.answering import Answering
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.records import device_of, token_of
from darvaz.gateway.cluster.remote_commands import ON_THE_WAY_S, error_of
from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.devices.errors import BusyError, CommandError, OfflineError, TimedOutError

SUBJECT = "dv.snapshots"
# Pictures of other gateways that are being taken.
SNAPSHOTS_MAX = 64


class SnapshotAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A JPEG, or the code of a `CommandError` and its text."""

    data: bytes = b""
    code: str = ""
    message: str = ""


_ANSWER = msgspec.msgpack.Decoder(SnapshotAnswer)


class RemoteSnapshots:
    """Asks other gateways, and answers them. Used from the event loop only."""

    def __init__(self, snapshots: Snapshots, own: str) -> None:
        self._snapshots = snapshots
        self._own = own
        text = f"{SNAPSHOTS_MAX} pictures are being taken for other gateways"
        busy = msgspec.msgpack.encode(SnapshotAnswer(code=BusyError.code, message=text))
        self._answering = Answering("a picture", SNAPSHOTS_MAX, busy, self._take)

    async def listen(self, connection: NatsConnection) -> None:
        """Answers for the cameras of this gateway until the connection ends."""
        await connection.listen(f"{SUBJECT}.{self._own}.*", self._answering.receive)

    async def close(self) -> None:
        """Ends what is being taken."""
        await self._answering.close()

    async def ask(
        self, connection: NatsConnection | None, link: RemoteLink | None, device: str, deadline_s: float
    ) -> bytes:
        """Returns a picture of a camera that has this link, or raises a `CommandError`."""
        if connection is None or link is None:
            raise OfflineError(f"{device} is offline")
        subject = f"{SUBJECT}.{link.node}.{token_of(device)}"
        try:
            data = await connection.request(subject, b"", deadline_s + ON_THE_WAY_S)
            answer = None if data is None else _ANSWER.decode(data)
        except TimeoutError:
            raise TimedOutError(f"{device} sent no frame within {deadline_s:g} s") from None
        except (ClusterError, msgspec.DecodeError) as error:
            raise OfflineError(f"the gateway of {device} is not reached: {error}") from None
        if answer is None:
            raise OfflineError(f"{device} is offline")
        if answer.code:
            raise error_of(answer.code, answer.message)
        return answer.data

    async def _take(self, message: Msg) -> bytes:
        device = device_of(message.subject.rpartition(".")[2]) or ""
        try:
            frame = await self._snapshots.take_here(device)
            answer = SnapshotAnswer(data=frame.data)
        except CommandError as error:
            answer = SnapshotAnswer(code=error.code, message=str(error))
        return msgspec.msgpack.encode(answer)
