"""What an ASGI application sees of a WebSocket: the same on Darvaz's protocol class as on those of uvicorn."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.rawsocket import RawSocket, packet
from tests.support.webserver import wait_until
from tests.unit.websocket.servers import OURS, STOCK, echo, serve

# More than the buffers of the operating system at both ends of a connection.
_STALLED_BYTES_MAX = 24 * 1024 * 1024
_DEADLINE_S = 10.0

pytestmark = pytest.mark.parametrize("ws", [*OURS, *STOCK])


def open_client(port: int, path: str = "/", **options: Any) -> ClientConnection:
    client: ClientConnection = connect(
        f"ws://127.0.0.1:{port}{path}", compression=None, open_timeout=_DEADLINE_S, **options
    )
    return client


def recorded(seen: list[Any]) -> Callable[..., Any]:
    """Returns an application that accepts, and records its scope and every message."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        seen.append(await receive())
        await send({"type": "websocket.accept"})
        while seen[-1]["type"] != "websocket.disconnect":
            seen.append(await receive())

    return app


def answering(*messages: dict[str, Any], then: BaseException | None = None) -> Callable[..., Any]:
    """Returns an application that sends these messages and ends, or fails."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for message in messages:
            await send(message)
        if then is not None:
            raise then

    return app


def refusal(port: int) -> Any:
    with pytest.raises(InvalidStatus) as refused, open_client(port):
        pass
    return refused.value.response


def test_texts_and_binaries_come_back(ws: str) -> None:
    with serve(echo, ws) as server, open_client(server.port) as client:
        for message in ("hello", "", "سلام 🚪", b"\xff\xd8", b"", "x" * 70_000, b"y" * 700_000):
            client.send(message)
            assert client.recv(_DEADLINE_S) == message


def test_the_scope_describes_the_request(ws: str) -> None:
    seen: list[Any] = []
    options = {"additional_headers": {"X-Board": "pico", "Authorization": "Bearer t"}}
    with serve(recorded(seen), ws, root_path="/root") as server:
        with open_client(server.port, "/ws/p%20co?a=1&b=%20", subprotocols=["one", "two"], **options):
            wait_until(lambda: len(seen) > 1)

        scope = seen[0]
        assert scope["type"] == "websocket" and scope["scheme"] == "ws" and scope["http_version"] == "1.1"
        assert scope["path"] == "/root/ws/p co" and scope["raw_path"].endswith(b"/ws/p%20co")
        assert scope["query_string"] == b"a=1&b=%20" and scope["root_path"] == "/root"
        assert scope["subprotocols"] == ["one", "two"]
        assert (b"x-board", b"pico") in scope["headers"] and (b"authorization", b"Bearer t") in scope["headers"]
        assert scope["client"][0] == "127.0.0.1" and scope["server"] == ("127.0.0.1", server.port)
        assert "websocket.http.response" in scope["extensions"]
        assert seen[1] == {"type": "websocket.connect"}


def test_the_acceptance_carries_headers_and_subprotocol(ws: str) -> None:
    accept = {"type": "websocket.accept", "subprotocol": "two", "headers": [(b"x-gateway", b"darvaz")]}
    with serve(answering(accept), ws) as server:
        with open_client(server.port, subprotocols=["one", "two"]) as client:
            assert client.subprotocol == "two"
            assert client.response is not None and client.response.headers["x-gateway"] == "darvaz"


def test_a_refusal_without_a_response_is_403(ws: str) -> None:
    with serve(answering({"type": "websocket.close"}), ws) as server:
        assert refusal(server.port).status_code == 403


def test_a_refusal_with_a_response_is_sent_as_it_is(ws: str) -> None:
    start = {"type": "websocket.http.response.start", "status": 429, "headers": [(b"retry-after", b"7")]}
    parts = [{"type": "websocket.http.response.body", "body": b"not ", "more_body": True}]
    parts += [{"type": "websocket.http.response.body", "body": b"now"}]
    with serve(answering(start, *parts), ws) as server:
        response = refusal(server.port)

    assert (response.status_code, response.headers["retry-after"], response.body) == (429, "7", b"not now")


@pytest.mark.parametrize("then", [None, ValueError("on purpose")])
def test_an_application_that_does_not_answer_the_handshake_is_a_500(ws: str, then: BaseException | None) -> None:
    with serve(answering(then=then), ws) as server:
        assert refusal(server.port).status_code == 500


@pytest.mark.parametrize("then", [None, ValueError("on purpose")])
def test_an_application_that_ends_ends_the_connection(ws: str, then: BaseException | None) -> None:
    with serve(answering({"type": "websocket.accept"}, then=then), ws) as server:
        with pytest.raises(ConnectionClosed), open_client(server.port) as client:
            client.recv(_DEADLINE_S)


def test_the_applications_close_reaches_the_client(ws: str) -> None:
    messages: list[dict[str, Any]] = [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "last words"}]
    messages += [{"type": "websocket.close", "code": 4401, "reason": "no token"}]
    with serve(answering(*messages), ws) as server, open_client(server.port) as client:
        assert client.recv(_DEADLINE_S) == "last words"
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(_DEADLINE_S)

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "no token")


def test_the_clients_close_reaches_the_application(ws: str) -> None:
    seen: list[Any] = []
    with serve(recorded(seen), ws) as server:
        with open_client(server.port) as client:
            client.send("hello")
            client.close(3333, "enough")
        wait_until(lambda: seen[-1]["type"] == "websocket.disconnect")

    assert seen[-2].get("text") == "hello"
    assert (seen[-1]["code"], seen[-1]["reason"]) == (3333, "enough")


def test_a_client_that_vanishes_is_a_disconnect(ws: str) -> None:
    seen: list[Any] = []
    with serve(recorded(seen), ws) as server:
        RawSocket(server.port).socket.close()
        wait_until(lambda: len(seen) == 3)

    assert seen[-1]["type"] == "websocket.disconnect"


def test_sending_to_a_client_that_left_is_an_os_error(ws: str) -> None:
    raised: list[BaseException] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        try:
            await send({"type": "websocket.send", "text": "hello?"})
        except OSError as error:
            raised.append(error)

    with serve(app, ws) as server:
        with open_client(server.port):
            pass
        wait_until(lambda: raised)


def test_a_message_beyond_the_limit_is_1009(ws: str) -> None:
    with serve(echo, ws, ws_max_size=1000) as server, open_client(server.port) as client:
        client.send(b"x" * 1000)
        assert client.recv(_DEADLINE_S) == b"x" * 1000
        client.send(b"x" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(_DEADLINE_S)

    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_a_server_that_stops_closes_with_1012(ws: str) -> None:
    seen: list[Any] = []
    with serve(recorded(seen), ws) as server, open_client(server.port) as client:
        wait_until(lambda: len(seen) > 1)
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(_DEADLINE_S)

    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
    assert seen[-1]["type"] == "websocket.disconnect" and seen[-1]["code"] == 1012


def test_the_client_is_not_read_while_the_application_does_not_receive(ws: str) -> None:
    is_measured = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await is_measured.wait()

    with serve(app, ws) as server, RawSocket(server.port) as client:
        taken_bytes = send_until_stalled(client.socket, packet(2, b"x" * 10_000))
        server.call(is_measured.set)

    assert taken_bytes < _STALLED_BYTES_MAX


def test_an_application_waits_for_a_client_that_does_not_read(ws: str) -> None:
    sent_bytes = [0]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while sent_bytes[0] < 2 * _STALLED_BYTES_MAX:
            await send({"type": "websocket.send", "bytes": b"x" * 10_000})
            sent_bytes[0] += 10_000

    with serve(app, ws) as server, RawSocket(server.port):
        wait_until(lambda: is_at_rest(sent_bytes))

        assert 0 < sent_bytes[0] < _STALLED_BYTES_MAX


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_the_same_over_tls(ws: str, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    with serve(echo, ws, ssl_keyfile=str(key), ssl_certfile=str(certificate)) as server:
        with connect(f"wss://127.0.0.1:{server.port}/", ssl=context, compression=None) as client:
            for message in ("hello", b"x" * 700_000):
                client.send(message)
                assert client.recv(_DEADLINE_S) == message
            client.close(1000)


def send_until_stalled(connection: socket.socket, data: bytes) -> int:
    """Sends until nothing is accepted for half a second, and returns how many bytes were."""
    connection.settimeout(0.5)
    sent_bytes = 0
    try:
        while sent_bytes < 2 * _STALLED_BYTES_MAX:
            sent_bytes += connection.send(data)
    except TimeoutError:
        pass
    return sent_bytes


def is_at_rest(count: list[int]) -> bool:
    import time

    before = count[0]
    time.sleep(0.3)
    return before > 0 and count[0] == before
