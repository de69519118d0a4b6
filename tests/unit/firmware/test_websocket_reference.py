"""The board's WebSocket beside a reference: `websockets` without I/O reads the same bytes and agrees."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from firmware.lib.darvaz import websocket
from tests.support.examples import examples
from tests.support.on_board.gateway_end import RECEIVE_BYTES, answer_to, opened, receive_all

URI = parse_uri("ws://gateway/ws/pico")
DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


def serialize(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    """Returns a packet as the reference writes it for a client."""
    return Frame(opcode, data, fin).serialize(mask=False)


@st.composite
def messages(draw: st.DrawFn) -> list[bytes]:
    """Draws the packets of one message: whole or in fragments, with control packets among them."""
    text = draw(st.booleans())
    data = draw(st.text(max_size=300)).encode() if text else draw(st.binary(max_size=300))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    pieces = [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]
    packets = []
    for number, piece in enumerate(pieces):
        opcode = Opcode.CONT if number else Opcode.TEXT if text else Opcode.BINARY
        packets.append(serialize(opcode, piece, number == len(pieces) - 1))
        controls = st.lists(st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125)), max_size=2)
        packets += [serialize(control, payload) for control, payload in draw(controls)]
    return packets


CLOSES = st.one_of(
    st.none(),
    st.just(b""),
    st.tuples(st.sampled_from([1000, 1001, 1011, 1012, 3000, 4401, 4999]), st.text(max_size=30)).map(
        lambda close: close[0].to_bytes(2, "big") + close[1].encode()
    ),
)


class Reference:
    """The library's client, fed with the same bytes."""

    def __init__(self) -> None:
        self.protocol = ClientProtocol(URI, state=State.OPEN, max_size=RECEIVE_BYTES)

    def receive_all(self, data: bytes) -> list[Any]:
        """Feeds bytes and returns their content as the board's events."""
        self.protocol.receive_data(data)
        events: list[Any] = []
        kind, message = Opcode.CONT, b""
        for frame in self.protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode in DATA:
                kind = frame.opcode if frame.opcode is not Opcode.CONT else kind
                message += frame.data
                if frame.fin:
                    events.append(("text", message.decode()) if kind is Opcode.TEXT else ("binary", message))
                    message = b""
            elif frame.opcode is Opcode.PONG:
                events.append(("pong",))
        close = self.protocol.close_rcvd
        if close is not None:
            events.append(("closed", int(close.code), close.reason))
        return events


def server_that_received(*packets: Any) -> tuple[ServerProtocol, list[tuple[int, bytes]]]:
    """Returns the library's server, fed with packets of a device, and each opcode and payload that it read."""
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(b"".join(bytes(packet) for packet in packets))
    assert server.parser_exc is None
    frames = [frame for frame in server.events_received() if isinstance(frame, Frame)]
    return server, [(frame.opcode, bytes(frame.data)) for frame in frames]


@examples(30)
@given(st.lists(messages(), max_size=5), CLOSES, st.integers(1, 400))
def test_valid_packets_in_any_pieces_say_the_same(sent: list[list[bytes]], close: bytes | None, step: int) -> None:
    data = b"".join(packet for packets in sent for packet in packets)
    data += b"" if close is None else serialize(Opcode.CLOSE, close)
    one, reference = opened(), Reference()

    assert receive_all(one, data, step) == reference.receive_all(data)

    pongs = [
        packet for packet in server_that_received(*reference.protocol.data_to_send())[1] if packet[0] == Opcode.PONG
    ]
    if close is None and pongs:
        assert server_that_received(one.take_write())[1] == pongs[-1:]


@pytest.mark.parametrize(
    "data",
    [
        b"\xc1\x00",
        b"\xa1\x00",
        b"\x91\x00",
        b"\x83\x00",
        b"\x8b\x00",
        b"\x81\x80\x00\x00\x00\x00",
        b"\x80\x00",
        b"\x01\x00\x81\x00",
        b"\x09\x00",
        b"\x89\x7e\x00\x7e" + bytes(126),
        b"\x88\x01\x03",
        b"\x88\x02\x03\xec",
        b"\x88\x02\x0b\xb7",
        b"\x88\x03\x03\xe8\xff",
        b"\x81\x7f\x00\x00\x00\x00\x00\x0f\x42\x40",
        b"\x02\x01x" + b"\x80\x7e\x08\x00" + bytes(RECEIVE_BYTES),
    ],
    ids=lambda data: data[:4].hex(),
)
def test_broken_rule_is_answered_with_the_same_code(data: bytes) -> None:
    one, reference = opened(), Reference()

    event = receive_all(one, data)[-1]
    reference.receive_all(data)

    assert reference.protocol.close_sent is not None
    assert event[:2] == ("failed", reference.protocol.close_sent.code)
    answer = server_that_received(one.take_write())[0].close_rcvd
    assert answer is not None
    assert answer.code == reference.protocol.close_sent.code


@examples(30)
@given(st.text(max_size=200), st.binary(max_size=70000))
def test_what_a_device_writes_is_understood(text: str, picture: bytes) -> None:
    one = opened(send_bytes_max=1000)
    frame = bytearray(picture)

    packets = [bytes(one.send_text(text)), one.send_frame(frame), frame, bytes(one.send_ping())]

    assert server_that_received(*packets)[1] == [
        (Opcode.TEXT, text.encode()),
        (Opcode.BINARY, picture),
        (Opcode.PING, b""),
    ]


def test_each_close_is_answered_by_the_other() -> None:
    one, server = opened(), ServerProtocol(state=State.OPEN)

    server.receive_data(bytes(one.send_close()))
    events = receive_all(one, b"".join(server.data_to_send()))

    assert events == [("closed", 1000, "")]
    assert server.close_rcvd is not None
    assert server.close_rcvd.code == CloseCode.NORMAL_CLOSURE


def test_close_of_the_reference_is_answered_to_its_liking() -> None:
    one, server = opened(), ServerProtocol(state=State.OPEN)
    server.send_close(CloseCode.GOING_AWAY, "restart")

    events = receive_all(one, b"".join(server.data_to_send()))
    server.receive_data(bytes(one.take_write()))

    assert events == [("closed", 1001, "restart")]
    assert server.close_rcvd is not None
    assert server.close_rcvd.code == CloseCode.GOING_AWAY
    assert server.close_rcvd_then_sent is False


def test_handshake_is_done_with_the_reference() -> None:
    one, server = websocket.WebSocket(RECEIVE_BYTES, 512), ServerProtocol()

    server.receive_data(one.start("gateway:3000", "/ws/pico", {"Authorization": "Bearer dvz_x"}))
    (request,) = server.events_received()
    answer = server.accept(request)
    server.send_response(answer)

    assert request.headers["Authorization"] == "Bearer dvz_x"
    assert receive_all(one, b"".join(server.data_to_send()), step=1) == [("opened",)]


def test_answers_of_the_tests_satisfy_the_reference() -> None:
    client = ClientProtocol(URI)
    client.send_request(client.connect())

    client.receive_data(answer_to(b"".join(client.data_to_send())))

    assert client.state is State.OPEN
    assert client.handshake_exc is None


def test_refusal_of_the_reference_comes_with_its_reason() -> None:
    one, server = websocket.WebSocket(RECEIVE_BYTES, 512), ServerProtocol()
    one.start("gateway", "/", {})
    answer = server.reject(403, "not with this token")
    answer.headers["Retry-After"] = "90"

    server.send_response(answer)

    assert receive_all(one, b"".join(server.data_to_send())) == [("refused", 403, 90, "not with this token")]
