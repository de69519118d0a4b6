"""Steps of updates for boards of other gateways: the one that leads asks, the one that has the link sends them on."""

from __future__ import annotations

from typing import Any

import msgspec
from nats.aio.msg import Msg

from darvaz.gateway.cluster.answering import Answering
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.leadership import Leadership
from darvaz.gateway.cluster.records import device_of, token_of
from darvaz.gateway.cluster.remote_commands import ON_THE_WAY_S
from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.parts import Parts
from darvaz.gateway.releases.asking import ANSWER_DEADLINE_S, AwayError
from darvaz.gateway.releases.transfer import TransferError

SUBJECT, PROGRAMS_SUBJECT = "dv.updates", "dv.programs"
# Steps of the gateway that leads that wait for their boards.
STEPS_MAX = 1024
# Boards that are asked about at once.
PROGRAMS_MAX = 1000
# Before a gateway that does not listen is asked again.
NOBODY_S = 5.0
_PROGRAMS_DEADLINE_S = 3.0


class StepRequest(msgspec.Struct, kw_only=True):
    """A step for a board, and the term of the gateway that leads."""

    term: int
    step: dict[str, Any]


class StepAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the board answered; or why it is away, or why the step cannot be sent."""

    answer: dict[str, Any] | None = None
    away: str = ""
    refused: str = ""


_REQUEST = msgspec.msgpack.Decoder(StepRequest)
_ANSWER = msgspec.msgpack.Decoder(StepAnswer)
_DEVICES = msgspec.msgpack.Decoder(list[str])
_GOOD = msgspec.msgpack.Decoder(dict[str, int])


class RemoteUpdates:
    """Asks other gateways, and answers them. Used from the event loop only."""

    def __init__(self, parts: Parts, own: str, leadership: Leadership) -> None:
        self._parts = parts
        self._own = own
        self._leadership = leadership
        busy = msgspec.msgpack.encode(StepAnswer(away=f"{STEPS_MAX} steps of updates wait for their answer"))
        self._answering = Answering("an answer", STEPS_MAX, busy, self._carry_out)

    async def listen(self, connection: NatsConnection) -> None:
        """Answers for the boards of this gateway until the connection ends."""
        await connection.listen(f"{SUBJECT}.{self._own}.*", self._answering.receive)
        await connection.listen(f"{PROGRAMS_SUBJECT}.{self._own}", self._tell_programs)

    async def close(self) -> None:
        """Ends what is under way."""
        await self._answering.close()

    # Asking

    async def ask(
        self, connection: NatsConnection | None, link: RemoteLink | None, device: str, step: dict[str, Any]
    ) -> dict[str, Any]:
        """Returns the answer of a board that has this link; raises `AwayError` or `TransferError`."""
        if connection is None or link is None:
            raise AwayError("the board is away")
        request = msgspec.msgpack.encode(StepRequest(term=self._leadership.own_term, step=step))
        subject = f"{SUBJECT}.{link.node}.{token_of(device)}"
        try:
            data = await connection.request(subject, request, ANSWER_DEADLINE_S + ON_THE_WAY_S)
            if data is None:
                raise AwayError("its gateway has just ended, or is of an earlier version", NOBODY_S)
            answer = _ANSWER.decode(data)
        except TimeoutError:
            raise AwayError("its gateway did not answer") from None
        except (ClusterError, msgspec.DecodeError) as error:
            raise AwayError(f"its gateway is not reached: {error}") from None
        if answer.refused:
            raise TransferError(answer.refused)
        if answer.answer is None:
            raise AwayError(answer.away)
        return answer.answer

    async def look_for_good(self, connection: NatsConnection) -> None:
        """Asks the other gateways which boards found a program good: what they said may have been lost on its way."""
        by_node: dict[str, list[str]] = {}
        for device in self._parts.updater.on_trial():
            link = self._parts.hub.elsewhere.find(device)
            if link is not None:
                by_node.setdefault(link.node, []).append(device)
        for node, devices in by_node.items():
            for first in range(0, len(devices), PROGRAMS_MAX):
                await self._look_at(connection, node, devices[first : first + PROGRAMS_MAX])

    async def _look_at(self, connection: NatsConnection, node: str, devices: list[str]) -> None:
        try:
            data = await connection.request(
                f"{PROGRAMS_SUBJECT}.{node}", msgspec.msgpack.encode(devices), _PROGRAMS_DEADLINE_S
            )
            found = {} if data is None else _GOOD.decode(data)
        except (TimeoutError, ClusterError, msgspec.DecodeError):
            # It is asked again soon.
            return
        for device, counter in found.items():
            is_of_before = counter < (self._parts.hub.program_of(device) or {}).get("counter", 0)
            if not is_of_before and counter != self._parts.updater.settled.get(device, 0):
                self._parts.updater.note_good(device, counter)

    # Answering

    async def _carry_out(self, message: Msg) -> bytes:
        device = device_of(message.subject.rpartition(".")[2]) or ""
        try:
            wanted = _REQUEST.decode(message.data)
            if wanted.term < self._leadership.term:
                raise AwayError("another gateway carries the rollout out")
            self._leadership.term = wanted.term
            answer = StepAnswer(answer=await self._parts.updater.asking.ask(device, wanted.step))
        except AwayError as error:
            answer = StepAnswer(away=str(error))
        except TransferError as error:
            answer = StepAnswer(refused=str(error))
        except msgspec.DecodeError as error:
            answer = StepAnswer(away=f"the gateway {self._own} does not understand the step: {error}")
        return msgspec.msgpack.encode(answer)

    async def _tell_programs(self, message: Msg) -> None:
        """Tells up to which counter some boards of this gateway have found updates good."""
        try:
            devices = _DEVICES.decode(message.data)
        except msgspec.DecodeError:
            return
        good = {device: self._good_counter(device) for device in devices if self._parts.hub.is_here(device)}
        await message.respond(msgspec.msgpack.encode(good))

    def _good_counter(self, device: str) -> int:
        """Returns the counter of the newest update that a board here found good, 0 if it is not known."""
        program = self._parts.hub.program_of(device) or {}
        counter: int = program.get("counter", 0) if program.get("state") == "good" else 0
        return max(counter, self._parts.updater.settled.get(device, 0))
