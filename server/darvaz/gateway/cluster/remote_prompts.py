"""The prompt of a board at another gateway: what is for the board goes there, and what it prints comes back.

The gateway that is asked does everything a prompt needs. The one that has the board passes on, and holds the prompt for
the other one, so that nobody else is at it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import msgspec
from nats.aio.msg import Msg

from darvaz.gateway.cluster.connection import NatsConnection
from darvaz.gateway.cluster.records import device_of, token_of
from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.devices.errors import CommandError
from darvaz.gateway.parts import Parts
from darvaz.protocol.codec import Message
from darvaz.protocol.faults import Fault

log = logging.getLogger("darvaz.cluster")

SUBJECT, BACK_SUBJECT = "dv.prompt", "dv.prompt_output"
# Messages that wait for NATS.
WAITING_MAX = 1_000
_ENDS = ("done", "refused")


class PassedOn(msgspec.Struct, kw_only=True):
    """A message for a board, or of one, and the gateway that it comes from."""

    node: str
    text: str


_PASSED_ON = msgspec.json.Decoder(PassedOn)


class RemotePrompts:
    """Passes messages on, both ways. Used from the event loop only."""

    def __init__(self, parts: Parts, own: str) -> None:
        self._parts = parts
        self._own = own
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING_MAX)
        # Device elsewhere → its link, when a message was last sent to it from here.
        self._links: dict[str, RemoteLink] = {}
        # Device here → the gateway that is at its prompt.
        self._askers: dict[str, str] = {}
        # Those of them whose session ends with the next answer.
        self._closing: set[str] = set()

    def open(self) -> None:
        """Follows what boards here print from now on."""
        self._parts.bus.subscribe(("prompt_output",), self._pass_back)
        self._parts.hub.on_presence(self._begin_again)

    async def run(self, connection: NatsConnection) -> None:
        """Sends and listens until it is cancelled."""
        await connection.listen(f"{SUBJECT}.{self._own}.*", self._receive)
        await connection.listen(f"{BACK_SUBJECT}.{self._own}.*", self._receive_back)
        while True:
            subject, data = await self._waiting.get()
            await connection.publish(subject, data)

    # To a board elsewhere

    def send(self, link: RemoteLink, device: str, message: Message) -> bool:
        """Sends a message to a board that has this link; returns whether it could be."""
        self._links[device] = link
        return self._put(SUBJECT, link.node, device, self._parts.protocol.dump(message))

    def look(self, device: str, link: RemoteLink | None) -> None:
        """Takes which link a device has now: with another one, its prompt begins again."""
        if device in self._links and self._links[device] != link:
            del self._links[device]
            self._parts.prompts.lose(device)

    async def _receive_back(self, message: Msg) -> None:
        found = self._parsed(message, "prompt_output")
        if found is not None:
            self._parts.bus.publish("prompt_output", found[1], found[2], time.time())

    # To a board here

    async def _receive(self, message: Msg) -> None:
        found = self._parsed(message, "prompt")
        if found is None:
            return
        (node, device, prompt), holder = found, f"somebody at the gateway {found[0]}"
        try:
            self._parts.prompts.lend(device, self._session(node), holder, is_busy=prompt.step != "close")
        except CommandError as error:
            self._refuse(node, device, prompt, str(error))
            return
        self._askers[device] = node
        if not (self._parts.hub.is_here(device) and self._parts.hub.send_message(device, prompt)):
            self._refuse(node, device, prompt, f"{device} has just left the gateway {self._own}: try again")
        elif prompt.step == "close":
            self._closing.add(device)

    def _pass_back(self, type_: str, device: str | None, message: Any, happened_s: float) -> None:
        node = self._askers.get(device or "")
        if device is None or node is None or not self._parts.prompts.is_lent(device, self._session(node)):
            return
        self._put(BACK_SUBJECT, node, device, self._parts.protocol.dump(message))
        if message.state in _ENDS and device in self._closing:
            self._end(device)
        elif message.state in _ENDS:
            self._parts.prompts.lend(device, self._session(node), "", is_busy=False)

    def _begin_again(self, device: str, is_connected: bool) -> None:
        """Takes that a board here has left, or has another link: nobody is at its prompt."""
        if device in self._askers:
            self._end(device)

    def forget(self, node: str) -> None:
        """Frees the prompts that a gateway was at which has ended."""
        for device in [device for device, asker in self._askers.items() if asker == node]:
            self._end(device)

    def _end(self, device: str) -> None:
        self._closing.discard(device)
        self._parts.prompts.give_back(device, self._session(self._askers.pop(device)))

    def _session(self, node: str) -> str:
        return f"@{node}"

    def _refuse(self, node: str, device: str, prompt: Any, reason: str) -> None:
        output = self._parts.protocol.check("prompt_output", {"id": prompt.id, "state": "refused", "message": reason})
        if not isinstance(output, Fault):
            self._put(BACK_SUBJECT, node, device, self._parts.protocol.dump(output))

    # NATS

    def _put(self, subject: str, node: str, device: str, text: str) -> bool:
        data = msgspec.json.encode(PassedOn(node=self._own, text=text))
        try:
            self._waiting.put_nowait((f"{subject}.{node}.{token_of(device)}", data))
        except asyncio.QueueFull:
            return False
        return True

    def _parsed(self, message: Msg, type_: str) -> tuple[str, str, Any] | None:
        """Returns the gateway, the device and the message of a type; None for one that is not understood."""
        device = device_of(message.subject.rpartition(".")[2])
        try:
            passed = _PASSED_ON.decode(message.data)
            fields = msgspec.json.decode(passed.text, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("= a message of a prompt at another gateway is not understood: %s", error)
            return None
        found = self._parts.protocol.check(type_, fields) if fields.pop("type", "") == type_ else None
        return None if device is None or found is None or isinstance(found, Fault) else (passed.node, device, found)
