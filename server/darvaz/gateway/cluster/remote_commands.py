"""Commands between gateways: the one that has the link of a device sends them, and answers as its hub did."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from nats.aio.msg import Msg

from darvaz import __version__
from darvaz.gateway.cluster.answering import Answering
from darvaz.gateway.cluster.connection import ClusterError, NatsConnection
from darvaz.gateway.cluster.moves import MOVE_S, Moves
from darvaz.gateway.cluster.records import device_of, token_of
from darvaz.gateway.devices import errors
from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.devices.errors import BusyError, CommandError, OfflineError, TimedOutError
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.storage.recorder import Recorder

log = logging.getLogger("darvaz.cluster")

SUBJECT = "dv.cmd"
# How long the answer of a command waits for the disk, as it does at a gateway by itself.
STORE_DEADLINE_S = 1.0
# Commands of other gateways that wait for their boards.
COMMANDS_MAX = 1024
# What a command and its answer take on their way between two gateways.
ON_THE_WAY_S = 2.0
# How long it takes at most until it is known to all that a device has moved.
MOVED_S = 1.0
# In which a gateway that lost its server of NATS has found another one, as has this one.
RECONNECT_S = 0.5
_LOOK_S = 0.1
_MOVED, _HANDING_OVER = "moved", "the gateway restarts"
_ERRORS: Mapping[str, type[CommandError]] = {
    each.code: each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CommandError)
}


class CommandRequest(msgspec.Struct, kw_only=True):
    """A command for a device of another gateway."""

    name: str
    args: dict[str, Any]
    deadline_s: float


class CommandAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of it: a result, or the code of a `CommandError` and its text."""

    result: Any = None
    code: str = ""
    message: str = ""


_REQUEST = msgspec.json.Decoder(CommandRequest)
_ANSWER = msgspec.json.Decoder(CommandAnswer)


class RemoteCommands:
    """Asks other gateways, and answers them. Used from the event loop only."""

    def __init__(self, hub: Hub, recorder: Recorder, own: str, moves: Moves) -> None:
        self._hub = hub
        self._recorder = recorder
        self._own = own
        self._moves = moves
        # Commands of people and programs here that wait for another gateway.
        self._asking = 0
        text = f"{COMMANDS_MAX} commands of other gateways wait for their answer"
        busy = msgspec.json.encode(CommandAnswer(code=BusyError.code, message=text))
        self._answering = Answering("an answer", COMMANDS_MAX, busy, self._carry_out)

    async def listen(self, connection: NatsConnection) -> None:
        """Answers the commands for devices of this gateway until the connection ends."""
        await connection.listen(f"{SUBJECT}.{self._own}.*", self._answering.receive)

    @property
    def are_waiting(self) -> bool:
        """Whether any command between gateways waits for its answer."""
        return self._asking > 0 or self._answering.count > 0

    async def close(self) -> None:
        """Ends what waits; those who asked wait until their deadline."""
        await self._answering.close()

    # Asking

    async def ask(
        self,
        connected: Callable[[], NatsConnection | None],
        find: Callable[[str], RemoteLink | None],
        device: str,
        name: str,
        args: Mapping[str, Any],
        deadline_s: float,
    ) -> Any:
        """Returns the result of a command at the gateway that `find` names, or raises a `CommandError`.

        A device that moves, since its gateway restarts, is waited for within the deadline.
        """
        data = msgspec.json.encode(CommandRequest(name=name, args=dict(args), deadline_s=deadline_s))
        self._asking += 1
        try:
            answer = await self._ask_each(connected, find, device, data, deadline_s)
        finally:
            self._asking -= 1
        if answer is None and self._hub.is_here(device) and not self._moves.is_handing_over:
            # It has moved to this gateway, whose journal has the command.
            result = await self._hub.send(device, name, args, deadline_s)
            await self._recorder.wait_until_durable(STORE_DEADLINE_S)
            return result
        if answer is None:
            raise OfflineError(f"{device} is offline")
        return _result_of(answer, device, name, deadline_s)

    async def _ask_each(
        self,
        connected: Callable[[], NatsConnection | None],
        find: Callable[[str], RemoteLink | None],
        device: str,
        data: bytes,
        deadline_s: float,
    ) -> CommandAnswer | None:
        """Returns what the gateway answers that has the link, also after the device moved; None if none has it."""
        before: RemoteLink | None = None
        patience_s = MOVED_S
        begin_s = time.monotonic()
        while True:
            link, connection = find(device), connected()
            waited_s = time.monotonic() - begin_s
            is_moving = self._moves.is_moving(device) or self._moves.is_handing_over
            if connection is None:
                if waited_s > RECONNECT_S:
                    return None
            elif link is not None and link != before:
                before = link
                answer = await self._exchange(connection, f"{SUBJECT}.{link.node}.{token_of(device)}", data, deadline_s)
                if answer is not None and answer.code != _MOVED:
                    return answer
                is_moving |= answer is not None and answer.message == _HANDING_OVER
                if answer is None and not is_moving:
                    if waited_s > RECONNECT_S:
                        return None
                    before = None
            elif link is None and not is_moving:
                return None
            if is_moving:
                patience_s = min(deadline_s, MOVE_S)
            if time.monotonic() - begin_s > patience_s:
                return None
            # It has a link somewhere else, which is not known here yet.
            await asyncio.sleep(_LOOK_S)

    async def _exchange(
        self, connection: NatsConnection, subject: str, data: bytes, deadline_s: float
    ) -> CommandAnswer | None:
        """Returns the answer of a gateway, or None if that is not there; a lost connection answers at once."""
        loop = asyncio.get_running_loop()
        asking = loop.create_task(connection.request(subject, data, deadline_s + ON_THE_WAY_S))
        losing = loop.create_task(connection.lost.wait())
        try:
            await asyncio.wait((asking, losing), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                text = "the cluster was lost before the board answered; it may still obey"
                return CommandAnswer(code=OfflineError.code, message=text)
            answer = asking.result()
            return None if answer is None else _ANSWER.decode(answer)
        except TimeoutError:
            return CommandAnswer(code=TimedOutError.code)
        except (ClusterError, msgspec.DecodeError) as error:
            return CommandAnswer(code=OfflineError.code, message=f"its gateway is not reached: {error}")
        finally:
            asking.cancel()
            losing.cancel()

    # Answering

    async def _carry_out(self, message: Msg) -> bytes | None:
        device = device_of(message.subject.rpartition(".")[2])
        try:
            wanted = _REQUEST.decode(message.data)
        except msgspec.DecodeError as error:
            log.warning("= a command of another gateway is not understood: %s", error)
            text = f"its gateway, {self._own}, does not understand the command: it is of another version, {__version__}"
            return msgspec.json.encode(CommandAnswer(code=OfflineError.code, message=text))
        if device is None or not self._hub.is_here(device):
            answer = CommandAnswer(code=_MOVED)
        elif self._moves.is_handing_over:
            answer = CommandAnswer(code=_MOVED, message=_HANDING_OVER)
        else:
            try:
                # The link is looked up before anything is waited for.
                result = await self._hub.command(device, wanted.name, wanted.args, wanted.deadline_s)
                answer = CommandAnswer(result=result)
                # The journal that has the command and its acknowledgement is here.
                await self._recorder.wait_until_durable(STORE_DEADLINE_S)
            except CommandError as error:
                answer = CommandAnswer(code=error.code, message=str(error))
        return msgspec.json.encode(answer)


def _result_of(answer: CommandAnswer, device: str, name: str, deadline_s: float) -> Any:
    """Returns the result of an answer, or raises the error that it tells of."""
    if not answer.code:
        return answer.result
    default = f"{device} did not answer {name} within {deadline_s:g} s" if answer.code == TimedOutError.code else ""
    raise error_of(answer.code, answer.message or default or answer.code)


def error_of(code: str, message: str) -> CommandError:
    """Returns the error that another gateway told of."""
    return _ERRORS.get(code, CommandError)(message)
