"""The load generator's MQTT 3.1.1, with a broker written from the standard."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.generator import Generator
from tests.unit.bench.scripted import Peer, run, serving

MESSAGE = "m" * 200


@dataclass
class Broker:
    """Answers as a broker must, and records what it received."""

    published: list[tuple[str, str, int]] = field(default_factory=list)
    subscribed: list[tuple[str, int]] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    receipts: int = 0

    def __call__(self, peer: Peer) -> None:
        topics: dict[str, int] = {}
        while True:
            head, body = read_packet(peer)
            match head >> 4:
                case 1:
                    assert body[:10] == b"\x00\x04MQTT\x04\x02\x00\x3c"
                    self.clients.append(body[12:].decode())
                    peer.write(b"\x20\x02\x00\x00")
                case 8:
                    assert head & 0x0F == 2
                    topic, rest = read_string(body[2:])
                    topics[topic] = rest[0]
                    self.subscribed.append((topic, rest[0]))
                    peer.write(b"\x90\x03" + body[:2] + rest)
                case 3:
                    self._publish(peer, head, body, topics)
                case 4:
                    self.acknowledged.append(int.from_bytes(body, "big"))
                case 12:
                    self.receipts += 1
                    peer.write(b"\xd0\x00")

    def _publish(self, peer: Peer, head: int, body: bytes, topics: dict[str, int]) -> None:
        qos = head >> 1 & 3
        topic, rest = read_string(body)
        identity, payload = (rest[:2], rest[2:]) if qos else (b"", rest)
        assert identity != b"\x00\x00"
        self.published.append((topic, payload.decode(), int.from_bytes(identity, "big")))
        if qos:
            peer.write(b"\x40\x02" + identity)
        if topic in topics:
            peer.write(dump_packet(head, body))


def read_packet(peer: Peer) -> tuple[int, bytes]:
    head, size, shift = peer.read(1)[0], 0, 0
    while True:
        byte = peer.read(1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return head, peer.read(size)


def read_string(data: bytes) -> tuple[str, bytes]:
    size = int.from_bytes(data[:2], "big")
    return data[2 : 2 + size].decode(), data[2 + size :]


def dump_packet(head: int, body: bytes) -> bytes:
    size = len(body)
    sizes = [size] if size < 128 else [size & 0x7F | 0x80, size >> 7]
    return bytes([head, *sizes]) + body


def test_message_and_its_way_back_are_one_round_trip(generator: Generator) -> None:
    broker = Broker()

    with serving(broker) as port:
        measured = run(generator, port, dialect="mqtt", subscribe=True, links=2, in_flight=3, message=MESSAGE)

    assert sorted(broker.clients) == ["bench-0", "bench-1"]
    assert sorted(broker.subscribed) == [("bench/0", 0), ("bench/1", 0)]
    assert {(topic, text) for topic, text, _ in broker.published} == {("bench/0", MESSAGE), ("bench/1", MESSAGE)}
    assert measured["units_sent"] == len(broker.published)


def test_messages_at_qos_1_have_different_ids_and_are_acknowledged(generator: Generator) -> None:
    broker = Broker()

    with serving(broker) as port:
        measured = run(generator, port, dialect="mqtt", qos=1, subscribe=True, in_flight=4, message=MESSAGE)

    identities = [identity for _, _, identity in broker.published]
    assert identities == list(range(1, measured["units_sent"] + 1))
    assert broker.acknowledged == identities[: len(broker.acknowledged)]
    assert len(broker.acknowledged) >= len(identities) - 4


def test_messages_without_a_subscriber_bring_a_receipt(generator: Generator) -> None:
    broker = Broker()

    with serving(broker) as port:
        measured = run(generator, port, dialect="mqtt", logs=5, log=MESSAGE)

    assert broker.receipts == measured["units_sent"]
    assert len(broker.published) == measured["logs_sent"] == 5 * measured["units_sent"]


def test_messages_at_qos_1_without_a_subscriber_are_acknowledged(generator: Generator) -> None:
    broker = Broker()

    with serving(broker) as port:
        measured = run(generator, port, dialect="mqtt", qos=1, in_flight=3)

    assert len(broker.published) == measured["units_sent"]
    assert broker.receipts == 0
