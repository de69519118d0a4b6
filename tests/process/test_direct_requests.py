"""Requests that are answered without ASGI are answered as with it, in order, and by the same deadlines."""

from __future__ import annotations

import json
import re
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.client import connect

from darvaz.gateway.api.routes import OPERATIONS
from darvaz.gateway.http.direct_requests import BODY_SOON_S
from darvaz.gateway.http.json_answers import JSON
from tests.support.gateway import GatewayProcess

DEADLINE_S = 20.0
# ASGI answers a request with a header about protocols.
BY_ASGI = b"TE: trailers\r\n"
NAMES = defaultdict(lambda: "none", {"device": "nobody", "crash": "0" * 12, "rollout": "1"})
SMALL = [one for one in OPERATIONS if one.media == (JSON,) and not one.by_link]
CHANGES = re.compile(rb"\r\n(date|content-length): [^\r]*")
PING = b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Client:
    """One connection, and what came over it and was not read."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.received = b""

    def ask(self, *parts: bytes) -> tuple[bytes, bytes]:
        """Sends a request and returns head and body of the answer."""
        for part in parts:
            self.link.sendall(part)
        return self.next_answer()

    def next_answer(self) -> tuple[bytes, bytes]:
        self._read_until(lambda: b"\r\n\r\n" in self.received)
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        size = int(length[1]) if length else 0
        self._read_until(lambda: len(self.received) >= size)
        body, self.received = self.received[:size], self.received[size:]
        return head, body

    def _read_until(self, is_enough: Callable[[], bool]) -> None:
        while not is_enough():
            part = self.link.recv(65_536)
            assert part, "the gateway closed the connection"
            self.received += part


@contextmanager
def client_of(gateway: GatewayProcess) -> Iterator[Client]:
    with socket.create_connection(("127.0.0.1", gateway.port), DEADLINE_S) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Client(link)


def token_of(gateway: GatewayProcess, kind: str) -> str:
    issued: str = gateway.post("/api/tokens", json={"kind": kind}).json()["token"]
    return issued


def request(method: str, path: str, token: str, body: bytes = b"", more: bytes = b"") -> bytes:
    fields = [b"Host: 127.0.0.1", *([f"Authorization: Bearer {token}".encode()] if token else [])]
    if body:
        fields += [b"Content-Type: application/json", b"Content-Length: %d" % len(body)]
    return f"{method} {path} HTTP/1.1\r\n".encode() + b"\r\n".join(fields) + b"\r\n" + more + b"\r\n" + body


def essence(answer: tuple[bytes, bytes]) -> tuple[bytes, object]:
    """Returns what must be equal of two answers: all of a problem, else the head and the keys of the body."""
    head, body = answer
    fields = json.loads(body) if body else None
    return CHANGES.sub(b"", head), sorted(fields) if head[9:10] == b"2" and isinstance(fields, dict) else fields


@pytest.mark.parametrize("kind", ["", "viewer", "operator"])
def test_an_operation_answers_as_by_asgi(gateway: GatewayProcess, kind: str) -> None:
    token = token_of(gateway, kind) if kind else ""
    differ = []
    with client_of(gateway) as one, client_of(gateway) as other:
        for operation in SMALL:
            path, body = operation.path.format_map(NAMES), b"{}" if operation.decoder else b""
            for text in dict.fromkeys((body, body and b"[", body and b'{"strange":1}')):
                for query in ("", "?strange=1"):
                    answers = [
                        essence(each.ask(request(operation.method, path + query, token, text, more)))
                        for each, more in ((one, b""), (other, BY_ASGI))
                    ]
                    if answers[0] != answers[1]:
                        differ.append((operation.action, text, query, *answers))

    assert differ == []


def test_requests_that_come_while_a_board_thinks_are_answered_in_order(gateway: GatewayProcess) -> None:
    token = token_of(gateway, "operator")
    with connect(f"{gateway.ws_url}/ws/pico") as board, client_of(gateway) as client:
        board.send('{"type":"connect","device":"thinker"}')
        board.recv(timeout=DEADLINE_S)
        client.link.sendall(request("POST", "/api/devices/thinker/commands/think", token, b"{}"))
        command = json.loads(board.recv(timeout=DEADLINE_S))
        client.link.sendall(PING)
        client.link.sendall(PING + PING)
        board.send(json.dumps({"type": "ack", "id": command["id"], "status": "ok", "result": 42}))

        first = client.next_answer()
        others = [client.next_answer() for _ in range(3)]

    assert (first[0][9:12], json.loads(first[1])) == (b"200", {"status": "ok", "result": 42})
    assert [head[9:12] for head, _ in others] == [b"200"] * 3


def test_a_token_that_is_revoked_is_refused_with_the_next_request(gateway: GatewayProcess) -> None:
    issued = gateway.post("/api/tokens", json={"kind": "viewer"}).json()
    wanted = request("GET", "/api/devices", issued["token"])
    with client_of(gateway) as client:
        before = [client.ask(wanted)[0][9:12] for _ in range(2)]
        gateway.request("DELETE", f"/api/tokens/{issued['id']}")

        assert (before, client.ask(wanted)[0][9:12]) == ([b"200", b"200"], b"401")


def test_a_command_whose_caller_leaves_does_not_wait(gateway: GatewayProcess) -> None:
    token = token_of(gateway, "operator")
    with connect(f"{gateway.ws_url}/ws/pico") as board:
        board.send('{"type":"connect","device":"left"}')
        board.recv(timeout=DEADLINE_S)
        # As many as one board may have waiting.
        for _ in range(64):
            with client_of(gateway) as client:
                client.link.sendall(request("POST", "/api/devices/left/commands/wait", token, b"{}"))
                command = json.loads(board.recv(timeout=DEADLINE_S))
        with client_of(gateway) as client:
            client.link.sendall(request("POST", "/api/devices/left/commands/wait", token, b"{}"))
            command = json.loads(board.recv(timeout=DEADLINE_S))
            board.send(json.dumps({"type": "ack", "id": command["id"], "status": "ok"}))

            assert client.next_answer()[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("pause_s", [0.0, 0.02, 2 * BODY_SOON_S])
def test_a_body_may_come_behind_its_head(gateway: GatewayProcess, pause_s: float) -> None:
    sent = request("PATCH", "/api/devices/nobody", token_of(gateway, "operator"), b'{"label":"x"}')
    with client_of(gateway) as client:
        for _ in range(2):
            client.link.sendall(sent[:-13])
            time.sleep(pause_s)
            head, body = client.ask(sent[-13:-5], sent[-5:])

            assert (head[9:12], json.loads(body)["code"]) == (b"404", "unknown_device")
