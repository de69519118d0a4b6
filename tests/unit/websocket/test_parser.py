"""The parser: the same messages for all segments, the code of each broken rule, and bounded memory."""

from __future__ import annotations

import itertools
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from darvaz.gateway.websocket.parser import ITEMS_PER_PARSE_MAX, Item, Parser, PeerClose, Ping, Pong, Violation
from tests.support.examples import examples
from tests.support.rawsocket import close, packet, text

MAX_BYTES = 70_000


def parse_all(parser: Parser, *segments: bytes) -> list[Item]:
    found: list[Item] = []
    for segment in segments:
        found += parser.parse(segment)
        while parser.has_more:
            found += parser.parse()
    return found


def parse(*segments: bytes, text_max: int = MAX_BYTES, binary_max: int = MAX_BYTES) -> list[Item]:
    return parse_all(Parser(text_max, binary_max), *segments)


CONVERSATION: list[tuple[bytes, list[Item]]] = [
    (text("hello"), ["hello"]),
    (packet(1, b"", fin=True), [""]),
    (text("سلام 🚪"), ["سلام 🚪"]),
    (packet(2, bytes(range(256))), [bytes(range(256))]),
    (packet(2, b"x" * 66_000), [b"x" * 66_000]),
    (packet(1, b"a" * 125) + packet(1, b"b" * 126) + packet(1, b"c" * 65_535), ["a" * 125, "b" * 126, "c" * 65_535]),
    (packet(9, b"are you there") + packet(10, b""), [Ping(b"are you there"), Pong(b"")]),
    (
        packet(1, b"fr", fin=False) + packet(9, b"!") + packet(0, b"", fin=False) + packet(0, b"ag"),
        [Ping(b"!"), "frag"],
    ),
    (packet(1, "سلا".encode()[:3], fin=False) + packet(0, "سلا".encode()[3:]), ["سلا"]),
    (packet(2, b"", fin=False) + packet(0, b"\xff\xd8"), [b"\xff\xd8"]),
    (close(1000, b"bye") + text("not heard"), [PeerClose(1000, "bye")]),
]
STREAM = b"".join(data for data, _ in CONVERSATION)
ITEMS = [item for _, items in CONVERSATION for item in items]


def test_a_conversation_is_parsed_in_order() -> None:
    assert parse(STREAM) == ITEMS


def test_a_conversation_gives_the_same_items_one_byte_at_a_time() -> None:
    assert parse(*(STREAM[i : i + 1] for i in range(len(STREAM)))) == ITEMS


@pytest.mark.parametrize(("data", "items"), CONVERSATION[:-4])
def test_every_cut_in_two_gives_the_same(data: bytes, items: list[Item]) -> None:
    cuts = range(len(data)) if len(data) < 2000 else [*range(20), *range(len(data) - 20, len(data))]

    for cut in cuts:
        assert parse(data[:cut], data[cut:]) == items


@examples(25)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_cuts_give_the_same(cuts: list[int]) -> None:
    positions = [0, *sorted(cuts), len(STREAM)]

    assert parse(*(STREAM[a:b] for a, b in itertools.pairwise(positions))) == ITEMS


BROKEN = [
    (packet(1, b"x", bits=1), 1002),
    (packet(1, b"x", bits=4), 1002),
    (packet(9, b"", bits=2), 1002),
    *((packet(opcode), 1002) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    (packet(1, b"x", mask=None), 1002),
    (packet(9, b"x" * 126), 1002),
    (packet(8, b"x" * 126), 1002),
    (packet(9, b"x", fin=False), 1002),
    (packet(8, b"", fin=False), 1002),
    (packet(0, b"x"), 1002),
    (packet(0, b"x", fin=False), 1002),
    (packet(1, b"x", fin=False) + packet(1, b"y"), 1002),
    (packet(1, b"x", fin=False) + packet(2, b"y"), 1002),
    (packet(2, b"x", fin=False) + packet(0, b"y") + packet(0, b"z"), 1002),
    (packet(8, b"\x03"), 1002),
    *((close(code), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)),
    (close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"), 1007),
    (packet(1, b"\xff"), 1007),
    (packet(1, b"\xc0\xaf"), 1007),
    (packet(1, b"\xed\xa0\x80"), 1007),
    (packet(1, b"\xf4\x90\x80\x80"), 1007),
    (packet(1, b"\xce"), 1007),
    (packet(1, b"\xce", fin=False) + packet(0, b""), 1007),
    (packet(1, b"\xf4\x90", fin=False), 1007),
    (packet(1, b"x" * (MAX_BYTES + 1)), 1009),
    (packet(2, b"x" * (MAX_BYTES + 1)), 1009),
    (packet(2, b"x" * MAX_BYTES, fin=False) + packet(0, b"y"), 1009),
    (b"\x82\xff" + b"\xff" * 8, 1009),
    (b"\x82\xff" + b"\x80" + bytes(7), 1009),
]


@pytest.mark.parametrize(("data", "code"), BROKEN)
def test_a_broken_rule_ends_reading_with_its_code(data: bytes, code: int) -> None:
    whole = parse(text("before") + data + text("after"))
    cut = parse(*(bytes((byte,)) for byte in text("before") + data + text("after")))

    assert whole == cut
    assert whole[0] == "before"
    assert isinstance(whole[-1], Violation) and whole[-1].code == code


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999])
def test_valid_close_codes_are_accepted(code: int) -> None:
    assert parse(close(code)) == [PeerClose(code, "")]


def test_a_close_without_a_code_is_1005() -> None:
    assert parse(close(None)) == [PeerClose(1005, "")]


def test_texts_and_binaries_have_separate_limits_and_one_byte_more_is_too_large() -> None:
    assert parse(packet(1, b"x" * 200), packet(2, b"y" * 300), text_max=200, binary_max=300) == ["x" * 200, b"y" * 300]
    assert parse(packet(1, b"x" * 201), text_max=200) == [Violation(1009, "at most 200 bytes", is_text=True)]
    assert parse(packet(2, b"y" * 301), binary_max=300) == [Violation(1009, "at most 300 bytes", is_text=False)]


def test_a_message_that_is_too_large_is_refused_at_its_head() -> None:
    assert [type(item) for item in parse(packet(2, b"x" * 400)[:4], binary_max=399)] == [Violation]


def test_changed_limits_apply_to_the_next_message_of_the_same_segment() -> None:
    parser = Parser(200, 200)
    parser.limit(200, 200, one_by_one=True)

    assert parser.parse(text("first") + packet(1, b"x" * 300) + text("last")) == ["first"]
    parser.limit(300, 300)

    assert parser.has_more
    assert parser.parse() == ["x" * 300, "last"]


def test_one_call_returns_the_maximum_of_items_at_most() -> None:
    parser = Parser(MAX_BYTES, MAX_BYTES)

    assert len(parser.parse(text("x") * (ITEMS_PER_PARSE_MAX + 1))) == ITEMS_PER_PARSE_MAX
    assert parser.has_more
    assert parser.parse() == ["x"]
    assert not parser.has_more


def test_kept_bytes_are_parsed_later() -> None:
    parser = Parser(MAX_BYTES, MAX_BYTES)
    parser.keep(STREAM[:100])
    parser.keep(STREAM[100:])

    assert parse_all(parser, b"") == ITEMS


def test_nothing_is_kept_after_parsing_or_after_the_end() -> None:
    quiet, partial, ended = (Parser(MAX_BYTES, MAX_BYTES) for _ in range(3))
    parse_all(quiet, text("x") * 1000)
    parse_all(partial, text("x") * 1000 + text("y")[:3])
    parse_all(ended, close(), text("x") * 1000)

    assert (quiet.buffered_bytes, partial.buffered_bytes, ended.buffered_bytes) == (0, 3, 0)
    assert sys.getsizeof(partial._rest) < 200


def test_empty_fragments_without_end_take_no_memory() -> None:
    parser = Parser(MAX_BYTES, MAX_BYTES)
    parse_all(parser, packet(1, b"x", fin=False), packet(0, b"", fin=False) * 10_000)

    assert parser.buffered_bytes == 1
    assert parse_all(parser, packet(0, b"y")) == ["xy"]


def test_packets_of_another_implementation_are_read() -> None:
    client = ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)
    sent: list[Item] = []
    random_ = random.Random(4)
    for number in range(300):
        data = random_.randbytes(random_.choice([0, 1, 125, 126, 127, 1000, 65_535, 65_536]))
        match number % 4:
            case 0:
                client.send_text(data.hex().encode()[:60_000])
                sent.append(data.hex()[:60_000])
            case 1:
                client.send_binary(data)
                sent.append(data)
            case 2:
                client.send_binary(data[:100], fin=False)
                client.send_ping(data[:20])
                client.send_continuation(data[100:], fin=True)
                sent += [Ping(data[:20]), data]
            case 3:
                client.send_pong(data[:125])
                sent.append(Pong(data[:125]))
    client.send_close(1001, "going")
    sent.append(PeerClose(1001, "going"))

    assert parse(b"".join(client.data_to_send())) == sent


@examples(100)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_random_bytes_never_raise_and_keep_no_more_than_a_message(segments: list[bytes]) -> None:
    parser = Parser(1000, 1000)

    items = parse_all(parser, *segments)

    assert parser.buffered_bytes <= 1000 + 14 + 1000
    assert [item for item in items if isinstance(item, Violation | PeerClose)] in ([], items[-1:])


_FRAMES = st.builds(
    lambda opcode, data, fin, bits, masked: packet(
        opcode, data, fin=fin, bits=bits, mask=b"\1\2\3\4" if masked else None
    ),
    st.sampled_from([0, 0, 1, 1, 2, 2, 8, 9, 10, 3]),
    st.binary(max_size=140) | st.text(max_size=40).map(str.encode),
    st.booleans(),
    st.sampled_from([0] * 9 + [1]),
    st.sampled_from([True] * 9 + [False]),
)


def by_websockets(data: bytes) -> list[object]:
    """Returns the frames and the failure that another implementation finds in a client's bytes."""
    server = ServerProtocol(state=State.OPEN, max_size=1000)
    server.receive_data(data)
    events: list[object] = [event for event in server.events_received() if isinstance(event, Frame)]
    return [*events, server.close_sent.code if server.parser_exc and server.close_sent else None]


@examples(80)
@given(st.lists(_FRAMES, max_size=8))
def test_another_implementation_finds_the_same_messages_and_faults(frames: list[bytes]) -> None:
    data = b"".join(frames)
    *theirs, failure = by_websockets(data)

    items = parse(data, text_max=1000, binary_max=1000)

    controls = [f for f in theirs if isinstance(f, Frame) and f.opcode in (Opcode.PING, Opcode.PONG)]
    ours = [item for item in items if isinstance(item, Ping | Pong)]
    last = items[-1] if items else None
    violation = last.code if isinstance(last, Violation) else None
    # `websockets` leaves decoding to its user, so it continues after a text that is not UTF-8.
    if violation == 1007:
        assert len(ours) <= len(controls)
        return
    assert [bytes(f.data) for f in controls] == [item.payload for item in ours]
    # `websockets` refuses a close between fragments; RFC 6455, section 5.4, allows control packets there.
    assert violation == failure or (isinstance(last, PeerClose) and failure == 1002)
