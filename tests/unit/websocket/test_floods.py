"""Floods of packets without a message: counted, handled in turns, and not read at all after a close."""

from __future__ import annotations

import pytest

from darvaz.gateway.websocket.allowance import PacketAllowance
from darvaz.gateway.websocket.parser import FRAGMENT_BYTES_MIN, ITEMS_PER_PARSE_MAX, Parser
from darvaz.gateway.websocket.protocol import LATE_PACKETS_MAX, PACKETS_PER_TURN_MAX
from tests.support.rawsocket import packet, text
from tests.unit.websocket.test_flow_control import Connection

PING, PONG, EMPTY = packet(9), packet(10), packet(0, fin=False)
PONG_BYTES = 2


@pytest.fixture
def connection() -> Connection:
    return Connection()


@pytest.mark.parametrize("flood", [PING, PONG, EMPTY], ids=["pings", "pongs", "fragments"])
def test_one_parse_takes_a_limited_number_of_packets_of_any_type(flood: bytes) -> None:
    parser = Parser(1000, 1000)
    parser.parse(packet(1, fin=False))

    parser.parse(flood * (ITEMS_PER_PARSE_MAX + 1))
    first, has_more = parser.overhead, parser.has_more
    parser.parse()

    assert (first, has_more) == (ITEMS_PER_PARSE_MAX, True)
    assert (parser.overhead, parser.has_more) == (1, False)


def test_a_long_fragment_is_no_overhead_and_a_shorter_one_is() -> None:
    parser = Parser(10_000, 10_000)

    parser.parse(packet(2, bytes(FRAGMENT_BYTES_MIN), fin=False))
    long = parser.overhead
    parser.parse(packet(0, bytes(FRAGMENT_BYTES_MIN - 1), fin=False))

    assert (long, parser.overhead) == (0, 1)


def test_after_one_turn_of_packets_the_others_have_theirs(connection: Connection) -> None:
    connection.transport.written.clear()
    connection.protocol.data_received(PING * (PACKETS_PER_TURN_MAX + 1))
    at_once, was_reading = len(connection.transport.written), connection.transport.is_reading
    connection.loop.run()

    assert (at_once, was_reading) == (PACKETS_PER_TURN_MAX * PONG_BYTES, False)
    assert len(connection.transport.written) == (PACKETS_PER_TURN_MAX + 1) * PONG_BYTES
    assert connection.transport.is_reading


def test_messages_take_turns_as_well_and_stay_in_order(connection: Connection) -> None:
    connection.protocol.data_received(b"".join(text(str(number)) for number in range(PACKETS_PER_TURN_MAX + 44)))
    at_once = len(connection.listener.packets)
    connection.loop.run()

    assert at_once == PACKETS_PER_TURN_MAX
    assert connection.listener.packets == [str(number) for number in range(PACKETS_PER_TURN_MAX + 44)]


def test_a_turn_waits_while_the_listener_has_paused_reading(connection: Connection) -> None:
    connection.protocol.data_received(text("x") * (PACKETS_PER_TURN_MAX + 1))
    connection.protocol.pause_reading()
    connection.loop.run()
    paused = len(connection.listener.packets)
    connection.protocol.resume_reading()
    connection.loop.run()

    assert (paused, len(connection.listener.packets)) == (PACKETS_PER_TURN_MAX, PACKETS_PER_TURN_MAX + 1)


def test_a_peer_that_goes_on_after_the_close_is_not_read_and_cut_off(connection: Connection) -> None:
    connection.protocol.close(1008, "")
    connection.protocol.data_received(PONG * (LATE_PACKETS_MAX // 2))
    connection.loop.run()
    few = connection.transport.is_reading
    connection.protocol.data_received(PONG * (LATE_PACKETS_MAX // 2 + 1))
    connection.loop.run()

    assert (few, connection.transport.is_reading) == (True, False)
    connection.loop.pass_time()
    assert connection.transport.is_over


def test_an_allowance_holds_for_two_seconds_and_is_refilled() -> None:
    allowance = PacketAllowance(10, 0.0)

    assert allowance.take(20, 0.0)
    assert not allowance.take(1, 0.0)
    assert allowance.take(10, 1.1)
