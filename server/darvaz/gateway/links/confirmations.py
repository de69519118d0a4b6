"""When a board's pings are answered: once what came before them survives a power cut, so that a pong confirms it.

A board keeps what it sent until then. Boards that number nothing are answered at once, by the connection.
"""

from __future__ import annotations

from darvaz.gateway.storage.recorder import Recorder
from darvaz.gateway.websocket.interface import PacketConnection
from darvaz.gateway.websocket.packets import Opcode, dump_packet


class Confirmations:
    """Holds the ping that waits, and the newest behind it, which stands for all (RFC 6455, section 5.5.3)."""

    __slots__ = ("_connection", "_is_stored", "_is_urgent", "_newest", "_recorder", "_waiting")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        # None until the board has numbered a message.
        self._connection: PacketConnection | None = None
        # Whether anything came since the last ping that was answered, and whether that is more than readings.
        self._is_stored = self._is_urgent = False
        self._waiting: bytes | None = None
        self._newest: bytes | None = None

    def note(self, connection: PacketConnection, is_urgent: bool) -> None:
        """Notes that a numbered message came."""
        if self._connection is None:
            self._connection = connection
            connection.answer_pings(self.answer)
        self._is_stored = True
        self._is_urgent = self._is_urgent or is_urgent

    def answer(self, payload: bytes) -> None:
        """Answers a ping, at once if there is nothing to wait for."""
        if self._waiting is not None:
            self._newest = payload
        elif self._is_stored:
            self._waiting = payload
            if self._is_urgent:
                self._recorder.urge()
            self._is_stored = self._is_urgent = False
            self._recorder.when_durable(self._finish)
        else:
            self._send(payload)

    def _finish(self, is_durable: bool) -> None:
        """Sends the pong; without it, the board keeps what it sent. A connection that is over sends nothing."""
        payload, self._waiting = self._waiting, None
        newest, self._newest = self._newest, None
        if payload is not None and is_durable:
            self._send(payload)
        self._is_stored = self._is_stored or not is_durable
        if newest is not None and is_durable:
            self.answer(newest)

    def _send(self, payload: bytes) -> None:
        if self._connection is not None:
            self._connection.write(dump_packet(Opcode.PONG, payload))
