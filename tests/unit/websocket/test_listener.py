"""What a listener may rely on: batches, order, bounds, deadlines, and one end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from darvaz.gateway.websocket import flow_control as flow
from darvaz.gateway.websocket import protocol
from darvaz.gateway.websocket.interface import EXTENSION, PacketConnection
from darvaz.gateway.websocket.packets import dump_binary, dump_text
from darvaz.gateway.websocket.parser import ITEMS_PER_PARSE_MAX
from tests.support.rawsocket import REQUEST, RawSocket, close, packet, text
from tests.support.webserver import WebServer, wait_until
from tests.unit.websocket.servers import OURS, DirectEcho, EchoListener, serve


class Setup:
    """A running server and the listeners on it."""

    def __init__(self, app: DirectEcho, server: WebServer, clients: contextlib.ExitStack) -> None:
        self.app = app
        self.server = server
        self._clients = clients

    def connect(self) -> tuple[RawSocket, EchoListener]:
        count = len(self.app.listeners)
        client = self._clients.enter_context(RawSocket(self.server.port))
        wait_until(lambda: len(self.app.listeners) > count)
        return client, self.app.listeners[-1]


@pytest.fixture(params=OURS)
def setup(request: pytest.FixtureRequest) -> Iterator[Setup]:
    app = DirectEcho()
    with serve(app, request.param, ws_max_size=600_000) as server, contextlib.ExitStack() as clients:
        yield Setup(app, server, clients)


def test_ten_thousand_packets_of_one_segment_come_in_order_in_batches(setup: Setup) -> None:
    client, listener = setup.connect()
    numbers = [b"%d" % number for number in range(10_000)]

    client.send(b"".join(packet(1, number) for number in numbers))
    answers = [client.receive() for _ in numbers]

    assert answers == [(1, number) for number in numbers]
    assert 1 < max(listener.batches) <= ITEMS_PER_PARSE_MAX


def test_the_applications_task_ends_and_the_connection_stays(setup: Setup) -> None:
    client, _ = setup.connect()
    state = setup.server.server.server_state
    wait_until(lambda: not state.tasks)

    client.send(text("still here"))

    assert client.receive() == (1, b"still here")
    assert len(state.connections) == 1


def test_the_end_is_called_once_with_the_clients_code(setup: Setup) -> None:
    closed, listener = setup.connect()
    closed.send(close(3333, b"enough"))
    vanished, other = setup.connect()
    vanished.socket.close()
    wait_until(lambda: listener.ended and other.ended)

    assert closed.receive_close() == 3333 and closed.is_ended()
    wait_until(lambda: not setup.server.server.server_state.connections)
    assert (listener.ended, other.ended) == ([(3333, "enough")], [(1006, "")])


def test_a_server_that_stops_lets_the_listener_write_and_closes_with_1012(setup: Setup) -> None:
    client, listener = setup.connect()
    setup.server.server.should_exit = True

    assert client.receive() == (1, b"stopping")
    assert client.receive_close() == 1012
    client.send(close(1012))
    assert client.is_ended()
    wait_until(lambda: listener.ended == [(1012, "")])


def test_a_client_that_never_reads_is_not_read_and_little_is_kept(setup: Setup) -> None:
    client, listener = setup.connect()
    client.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            client.socket.send(packet(1, b"x" * 100) * 1000)

    kept_bytes = setup.server.call(lambda: listener.connection.buffered_bytes)  # type: ignore[attr-defined]
    unread_bytes = setup.server.call(lambda: listener.connection._parser.buffered_bytes)  # type: ignore[attr-defined]

    assert 0 < kept_bytes < flow.WRITE_BYTES_MAX
    assert unread_bytes < 600_000
    assert listener.ended == []


def test_a_client_that_leaves_more_than_the_maximum_is_cut_off(setup: Setup) -> None:
    _, listener = setup.connect()

    def flood() -> bool:
        setup.server.call(lambda: listener.connection.write(dump_binary(bytes(100_000))))
        return bool(listener.ended)

    wait_until(flood)

    assert listener.ended == [(1006, f"it left {flow.WRITE_BYTES_MAX} bytes unread")]


def test_a_client_that_reads_nothing_until_the_deadline_is_cut_off(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "SEND_DEADLINE_S", 0.3)
    _, listener = setup.connect()

    setup.server.call(lambda: listener.connection.write(dump_binary(bytes(16_000_000))))
    wait_until(lambda: listener.ended)

    assert listener.ended == [(1006, "it does not read what it is sent")]


def test_a_client_that_reads_slowly_gets_everything(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "SEND_DEADLINE_S", 30.0)
    client, listener = setup.connect()
    setup.server.call(lambda: listener.connection.write(dump_binary(bytes(5_000_000))))

    for number in range(3):
        client.send(text(f"{number}"))
    got = [client.receive() for _ in range(4)]

    assert got == [(2, bytes(5_000_000)), (1, b"0"), (1, b"1"), (1, b"2")]


def test_a_listener_may_pause_reading(setup: Setup) -> None:
    client, listener = setup.connect()
    setup.server.call(listener.connection.pause_reading)
    client.send(text("wait"))
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.receive()
    client.socket.settimeout(10)

    setup.server.call(listener.connection.resume_reading)

    assert client.receive() == (1, b"wait")


def test_the_listeners_reply_to_a_message_too_large_comes_before_the_close(setup: Setup) -> None:
    client, listener = setup.connect()
    listener.receive_oversized = lambda is_text: listener.connection.write(dump_text(f"{is_text}"))  # type: ignore[method-assign]

    client.send(packet(2, bytes(600_001)))

    assert client.receive() == (1, b"False")
    assert client.receive_close() == 1009
    assert client.is_ended()


def test_a_limit_of_the_listener_applies(setup: Setup) -> None:
    client, listener = setup.connect()
    setup.server.call(lambda: listener.connection.limit(200, 300))

    client.send(packet(1, b"x" * 200) + packet(2, b"y" * 300) + packet(1, b"x" * 201))

    assert [client.receive() for _ in range(2)] == [(1, b"x" * 200), (2, b"y" * 300)]
    assert client.receive_close() == 1009
    assert listener.oversized == [True]


def test_a_client_that_keeps_sending_receives_the_close(setup: Setup) -> None:
    client, _ = setup.connect()
    client.send(packet(3) + b"junk" * 100_000)

    assert client.receive_close() == 1002
    assert client.is_ended()


def test_a_client_that_never_answers_a_close_is_cut_off(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "CLOSE_DEADLINE_S", 0.3)
    client, listener = setup.connect()

    setup.server.call(lambda: listener.connection.close(4401, "no token"))

    assert client.receive_close() == 4401
    assert client.is_ended()
    assert listener.ended == [(1006, "it did not answer the close")]


def test_nothing_is_delivered_or_written_after_the_listeners_close(setup: Setup) -> None:
    client, listener = setup.connect()

    def close_and_write() -> None:
        listener.connection.close(1000, "")
        listener.connection.write(dump_text("late"))

    setup.server.call(close_and_write)
    client.send(text("too late") + close(1000))

    assert client.receive() == (8, (1000).to_bytes(2, "big"))
    assert client.is_ended()
    wait_until(lambda: listener.ended == [(1000, "")])
    assert listener.batches == []


def test_a_listener_that_fails_ends_only_its_own_connection(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    client, listener = setup.connect()
    other, _ = setup.connect()
    listener.receive_packets = lambda packets: 1 / 0  # type: ignore[method-assign,assignment]

    client.send(text("x"))
    wait_until(lambda: listener.ended)
    other.send(text("unharmed"))

    assert client.is_ended()
    assert other.receive() == (1, b"unharmed")


def test_a_listener_attached_after_the_end_is_ended_at_once() -> None:
    listeners: list[EchoListener] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        connection: PacketConnection = scope["extensions"][EXTENSION]
        listener = EchoListener(connection)
        connection.attach(listener)
        listeners.append(listener)

    with serve(app, OURS[0]) as server:
        RawSocket(server.port).socket.close()
        wait_until(lambda: listeners)

    assert listeners[0].ended == [(1006, "")]


@pytest.mark.parametrize("name", OURS)
def test_packets_before_the_listener_are_delivered_to_it(name: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(0.1)
        await send({"type": "websocket.accept"})
        await asyncio.sleep(0.1)
        connection: PacketConnection = scope["extensions"][EXTENSION]
        connection.attach(EchoListener(connection))

    with serve(app, name) as server, RawSocket(server.port, upgrade=False) as client:
        client.send(REQUEST.format(path="/", more="").encode())
        wait_until(lambda: server.server.server_state.tasks)
        client.send(text("early") + text(""))
        client.read_head()

        assert [client.receive(), client.receive()] == [(1, b"early"), (1, b"")]


HANDSHAKES = [
    ("GET", {"Sec-WebSocket-Version": "12"}, 426),
    ("GET", {"Sec-WebSocket-Version": None}, 426),
    ("GET", {"Sec-WebSocket-Key": None}, 400),
    ("GET", {"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
    ("GET", {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="[:-1] + "*"}, 400),
    ("POST", {}, 405),
    ("GET", {}, 101),
]


@pytest.mark.parametrize(("method", "changed", "status"), HANDSHAKES)
def test_a_handshake_is_accepted_only_if_it_follows_the_rfc(
    setup: Setup, method: str, changed: dict[str, str | None], status: int
) -> None:
    headers = dict(line.split(": ") for line in REQUEST.format(path="/", more="").split("\r\n")[1:] if line)
    headers.update(changed)  # type: ignore[arg-type]
    lines = [f"{method} / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    with RawSocket(setup.server.port, upgrade=False) as client:
        client.send("\r\n".join([*lines, "", ""]).encode())
        client.read_head()

        assert client.status == status
        if status == 101:
            assert "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in client.head.lower().replace(
                "s3pplmbitxaq9kygzzhzrbk+xoo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            )
        else:
            assert client.read_rest()


def test_a_packet_written_at_once_comes_after_earlier_ones(setup: Setup) -> None:
    client, listener = setup.connect()

    def speak() -> None:
        listener.connection.write(dump_text("first"))
        listener.connection.write_now(dump_text("second"))
        listener.connection.write_now(dump_text("third"))

    setup.server.call(speak)

    assert [client.receive()[1] for _ in range(3)] == [b"first", b"second", b"third"]
    assert setup.server.call(listener.connection.unsent_bytes) == 0


def test_nothing_is_written_after_a_close(setup: Setup) -> None:
    client, listener = setup.connect()

    def part() -> None:
        listener.connection.close(1000, "")
        listener.connection.write_now(dump_text("too late"))

    setup.server.call(part)

    assert client.receive_close() == 1000
