"""What must hold for each stream: the same result in any segments and by another implementation, bounded, one end."""

from __future__ import annotations

import codecs
from types import SimpleNamespace
from typing import Any

from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from darvaz.gateway.websocket.interface import EXTENSION
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from tools.fuzz.conversations import MESSAGE_BYTES_MAX, Expected
from tools.fuzz.streams import Stream
from tools.fuzz.stubs import Loop, Transport

_REQUEST = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_HEAD_BYTES_MAX = 14


class Listener:
    """Records what it receives, and does one action at its first packets."""

    def __init__(self, connection: Any, action: str) -> None:
        self._connection = connection
        self._action = action
        self.packets: list[str | bytes] = []
        # The code of each call of `end`: there must be one.
        self.ended: list[int] = []
        # Whether the action was to close or abort.
        self.has_left = False

    def receive_packets(self, packets: list[str | bytes]) -> None:
        assert not self.has_left and not self.ended, "something was delivered after the end"
        self.packets += packets
        action, self._action = self._action, "none"
        match action:
            case "close" | "abort":
                self.has_left = True
                self._connection.close(1000, "") if action == "close" else self._connection.abort("")
                self._connection.write(b"\x81\x04late")
            case "pause":
                self._connection.pause_reading()
            case "peer full":
                self._connection.pause_writing()

    def receive_overhead(self, packets: int) -> None:
        assert not self.has_left and not self.ended, "something was delivered after the end"

    def receive_oversized(self, is_text: bool) -> None:
        assert not self.has_left and not self.ended, "something was delivered after the end"

    def stop(self) -> None:
        raise AssertionError("the server does not stop in this test")

    def end(self, code: int, reason: str) -> None:
        self.ended.append(code)


class Outcome(SimpleNamespace):
    """The result of a stream: messages delivered, packets written and the code of the end."""

    packets: list[str | bytes]
    written: list[tuple[int, bytes]]
    ended: int


def check(stream: Stream) -> None:
    """Raises `AssertionError` if the protocol class does anything wrong with a stream."""
    as_cut, data = play(stream), b"".join(stream.segments)
    whole = play(Stream([data], "none"))
    theirs, pongs, code = by_websockets(data)
    assert whole.packets == theirs[: len(whole.packets)], f"delivered {whole.packets}, sent {theirs}"
    our_pongs = [payload for opcode, payload in whole.written if opcode == Opcode.PONG]
    closes = [int.from_bytes(payload[:2], "big") for opcode, payload in whole.written if opcode == Opcode.CLOSE]
    ours = closes[-1] if closes else None
    assert our_pongs == pongs[: len(our_pongs)], f"pongs {our_pongs}, not {pongs}"
    # Our parser refuses a packet whose head breaks a rule before the packet is whole, also a control packet that is
    # too long. A close between fragments is valid (RFC 6455, section 5.4), but `websockets` refuses it.
    is_early = ours == 1002 or (ours == 1009 and code is None)
    if not is_early and not (code == 1002 and whole.ended != 1006):
        assert (whole.packets, our_pongs, ours) == (theirs, pongs, code), f"{whole}, not {theirs}, {pongs}, {code}"
    if stream.expected is not None:
        result = Expected(whole.packets, our_pongs, ours)
        assert result == stream.expected, f"result {result}, expected {stream.expected}"
    if stream.action in ("close", "abort"):
        assert as_cut.packets == whole.packets[: len(as_cut.packets)]
    else:
        assert as_cut == whole, f"in segments {as_cut}, whole {whole}"


def play(stream: Stream) -> Outcome:
    """Feeds a stream to a new connection until the transport is lost."""
    loop, transport, listeners = Loop(), Transport(), list[Listener]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        connection = scope["extensions"][EXTENSION]
        listeners.append(Listener(connection, stream.action))
        connection.attach(listeners[0])

    config: Any = SimpleNamespace(ws_max_size=MESSAGE_BYTES_MAX, loaded_app=app, asgi_version="3.0", root_path="")
    protocol = WebSocketProtocol(config, ServerState(), {}, loop)  # type: ignore[arg-type]
    protocol.connection_made(transport)  # type: ignore[arg-type]
    protocol.data_received(_REQUEST)
    loop.run()
    transport.written.clear()
    for segment in stream.segments:
        if not transport.is_reading:
            protocol.resume_reading()
            protocol.resume_writing()
            loop.run()
        if transport.is_over:
            break
        protocol.data_received(segment)
        if transport.is_reading:
            assert protocol._parser.buffered_bytes <= 2 * MESSAGE_BYTES_MAX + _HEAD_BYTES_MAX, "too many bytes are kept"
        loop.run()
    protocol.resume_reading()
    protocol.resume_writing()
    loop.run()
    protocol.connection_lost(None)
    loop.run()
    assert len(listeners[0].ended) == 1, f"`end` was called {len(listeners[0].ended)} times"
    assert protocol._parser.buffered_bytes == 0, "bytes are kept after the end"
    written = read_written(bytes(transport.written))
    assert [opcode for opcode, _ in written[:-1]].count(Opcode.CLOSE) == 0, "something was written after the close"
    return Outcome(packets=listeners[0].packets, written=written, ended=listeners[0].ended[0])


def read_written(data: bytes) -> list[tuple[int, bytes]]:
    """Returns the short packets that the gateway wrote."""
    packets = []
    while data:
        length = data[1]
        packets.append((data[0] & 0x0F, data[2 : 2 + length]))
        data = data[2 + length :]
    return packets


def by_websockets(data: bytes) -> tuple[list[str | bytes], list[bytes], int | None]:
    """Returns the messages, the payloads of pongs and the close code of another implementation."""
    # The size is checked below: `websockets` counts a ping between fragments as part of the message.
    server = ServerProtocol(state=State.OPEN, max_size=1 << 62)
    server.receive_data(data)
    messages: list[str | bytes] = []
    pongs: list[bytes] = []
    parts, decoder = b"", None
    for frame in server.events_received():
        assert isinstance(frame, Frame)
        if frame.opcode is Opcode.PING:
            pongs.append(bytes(frame.data))
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            continue
        if frame.opcode is not Opcode.CONT:
            parts, decoder = b"", codecs.getincrementaldecoder("utf-8")() if frame.opcode is Opcode.TEXT else None
        parts += frame.data
        if len(parts) > MESSAGE_BYTES_MAX:
            return messages, pongs, 1009
        try:
            # `websockets` leaves decoding to its user.
            if decoder is not None:
                decoder.decode(bytes(frame.data), frame.fin)
        except UnicodeDecodeError:
            return messages, pongs, 1007
        if frame.fin:
            messages.append(parts.decode() if decoder is not None else parts)
    close = server.close_sent
    return messages, pongs, None if close is None else (0 if close.code == 1005 else close.code)
