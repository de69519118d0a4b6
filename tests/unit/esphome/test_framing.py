"""Frames of ESPHome's native API: what a client sends is read in whatever pieces, and refused as it should be."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from noise.connection import NoiseConnection  # type: ignore[import-untyped]

from darvaz.gateway.esphome.framing import (
    MESSAGE_BYTES_MAX,
    BlockFraming,
    FramingError,
    PlainFraming,
    Received,
    dump_block,
)
from darvaz.gateway.esphome.noise import WRONG_KEY, NoiseFraming, parse_key
from tests.support.examples import examples

KEY = bytes(range(32))
MESSAGES = st.lists(st.tuples(st.integers(0, 2**28), st.binary(max_size=300)), max_size=5)


def in_pieces(framing: PlainFraming, data: bytes, size: int) -> list[Received]:
    found: list[Received] = []
    for start in range(0, len(data), size):
        found += framing.receive(data[start : start + size])
    return found


@examples(100)
@given(MESSAGES, st.integers(1, 40))
def test_messages_arrive_in_whatever_pieces(messages: list[Received], size: int) -> None:
    data = b"".join(PlainFraming().dump(type_, message) for type_, message in messages)

    assert in_pieces(PlainFraming(), data, size) == messages


@examples(100)
@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_an_error(data: bytes) -> None:
    try:
        PlainFraming().receive(data)
    except FramingError as error:
        assert str(error)


def test_the_largest_message_is_read_and_one_beyond_it_refused() -> None:
    largest = PlainFraming().dump(7, bytes(MESSAGE_BYTES_MAX))
    larger = PlainFraming().dump(7, bytes(MESSAGE_BYTES_MAX + 1))

    assert PlainFraming().receive(largest) == [(7, bytes(MESSAGE_BYTES_MAX))]
    with pytest.raises(FramingError, match="at most 65535"):
        PlainFraming().receive(larger)


def test_a_number_without_an_end_is_refused() -> None:
    with pytest.raises(FramingError, match="more than 5 bytes"):
        PlainFraming().receive(b"\0" + b"\xff" * 6)


def test_blocks_arrive_in_whatever_pieces() -> None:
    framing, found = BlockFraming(), []
    for byte in dump_block(b"one") + dump_block(b"") + dump_block(bytes(700)):
        found += framing.receive(bytes([byte]))

    assert found == [b"one", b"", bytes(700)]


# Encrypted


class Client:
    """The client's side of Noise."""

    def __init__(self, key: bytes = KEY) -> None:
        self.noise = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        self.noise.set_as_initiator()
        self.noise.set_psks(key)
        self.noise.set_prologue(b"NoiseAPIInit\0\0")
        self.noise.start_handshake()

    def open(self, node: NoiseFraming) -> None:
        """Shakes hands with a node."""
        node.receive(dump_block(b"") + dump_block(b"\0" + bytes(self.noise.write_message())))
        hello, answer = (part for frame in node.answers for part in BlockFraming().receive(frame))
        assert hello == b"\x01darvaz-lamp\x00020000000001\0"
        assert answer[:1] == b"\0"
        self.noise.read_message(answer[1:])

    def dump(self, inner: bytes) -> bytes:
        return dump_block(bytes(self.noise.encrypt(inner)))


def node() -> NoiseFraming:
    return NoiseFraming(KEY, "darvaz-lamp", "020000000001")


def test_both_sides_read_each_other_once_they_shook_hands() -> None:
    client, opened = Client(), node()
    client.open(opened)

    received = opened.receive(client.dump(b"\0\x07\0\x02hi"))
    (block,) = BlockFraming().receive(opened.dump(8, b"answer"))

    assert received == [(7, b"hi")]
    assert bytes(client.noise.decrypt(block)) == b"\0\x08\0\x06answer"


def test_a_wrong_key_is_refused_by_its_name() -> None:
    with pytest.raises(FramingError, match=WRONG_KEY):
        Client(bytes(32)).open(node())


@pytest.mark.parametrize("inner", [b"", b"\0\x07", b"\0\x07\0\x05hi"])
def test_an_encrypted_message_shorter_than_it_says_is_refused(inner: bytes) -> None:
    client, opened = Client(), node()
    client.open(opened)

    with pytest.raises(FramingError, match="shorter"):
        opened.receive(client.dump(inner))


@examples(100)
@given(st.binary(max_size=200))
def test_a_handshake_of_any_bytes_is_an_error_and_no_more(data: bytes) -> None:
    opened = node()
    try:
        opened.receive(dump_block(b"") + dump_block(data))
    except FramingError as error:
        assert str(error)
    assert not opened.is_open


@pytest.mark.parametrize(
    ("text", "key"),
    [(base64.b64encode(KEY), KEY), (b"short", None), (base64.b64encode(KEY[:31]), None), (b"\xff\xfe", None)],
)
def test_a_key_is_32_bytes_in_base64(text: bytes, key: bytes | None) -> None:
    assert parse_key(text) == key
