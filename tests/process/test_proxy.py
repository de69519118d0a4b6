"""Behind real reverse proxies: nginx as the docs show it, Caddy and HAProxy, at the root and below a path."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect

from darvaz.cli import cli
from tests.support import journalled, proxies
from tests.support.gateway import GatewayProcess
from tests.support.proxies import PASSWORD, PREFIX

pytestmark = pytest.mark.xdist_group("proxies")

PROXIES = ["nginx", "caddy", "haproxy"]
HOUSE = 400
KEY = base64.b64encode(bytes(16)).decode()
WRONG = "Bearer dvz_aaaaaaaaaa_" + "A" * 43
OF_PROXY = "Basic " + base64.b64encode(f"somebody:{PASSWORD}".encode()).decode()
_DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway of both families: there the proxy's own address is ::ffff:127.0.0.1."""
    options = ("--host", "::", "--trusted-proxies", "127.0.0.1", "--public-tokens", "always")
    with GatewayProcess(*options) as running:
        yield running


@pytest.fixture(scope="module")
def ports(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The port of each proxy; each runs for all tests of this module."""
    with ExitStack() as stack:
        yield {
            program: stack.enter_context(proxies.running(program, tmp_path_factory.mktemp(program), gateway.port))
            for program in PROXIES
        }


@pytest.fixture(scope="module")
def operator(gateway: GatewayProcess) -> str:
    """An operator's token."""
    made = CliRunner().invoke(cli, ["token", "issue", "operator", "--data", str(gateway.data)])
    return made.stdout.strip()


def sign_in(client: httpx.Client, operator: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Signs a browser in, as a page of the client's address does."""
    origin = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
    return client.post("/api/session", json={"token": operator}, headers={"Origin": origin, **(headers or {})})


def client_of(port: int, path: str = "", host: str = "127.0.0.1") -> httpx.Client:
    """Returns a client with the headers of a browser, which comes from an address of this machine."""
    agent = {"User-Agent": "Mozilla/5.0", "Accept-Language": "fa"}
    transport = httpx.HTTPTransport(local_address=host)
    return httpx.Client(base_url=f"http://127.0.0.1:{port}{path}", transport=transport, headers=agent)


async def join(port: int, device: str, token: str, host: str, path: str = "") -> ClientConnection:
    """Connects a board from an address of this machine through a proxy."""
    headers = {"Authorization": f"Bearer {token}"}
    url = f"ws://127.0.0.1:{port}{path}/ws/pico"
    board = await connect(url, additional_headers=headers, local_addr=(host, 0), proxy=None)
    await board.send(json.dumps({"type": "connect", "device": device}))
    assert json.loads(await board.recv())["type"] == "connection_ack"
    return board


@pytest.mark.parametrize("program", PROXIES)
@pytest.mark.parametrize("path", ["", PREFIX])
def test_a_browser_signs_in_and_uses_the_pages(ports: dict[str, int], operator: str, program: str, path: str) -> None:
    with client_of(ports[program], path) as browser:
        signed_in = sign_in(browser, operator)
        page = browser.get("/")
        script = browser.get("/pages/app.js")
        devices = browser.get("/api/devices")

    assert signed_in.status_code == 201
    assert f"Path={path}/" in signed_in.headers["set-cookie"]
    assert (page.status_code, script.status_code, devices.status_code) == (200, 200, 200)


@pytest.mark.parametrize("program", PROXIES)
@pytest.mark.parametrize("path", ["", PREFIX])
async def test_a_board_connects_and_the_journal_has_its_address(
    gateway: GatewayProcess, ports: dict[str, int], program: str, path: str
) -> None:
    device, token = f"{program}{'-below' * bool(path)}", await asyncio.to_thread(gateway.token)

    board = await join(ports[program], device, token, "127.9.8.7", path)
    await board.close()

    (line,) = await asyncio.to_thread(journalled.wait_for_line, gateway.data, device=device, type="connect")
    assert line.address == "127.9.8.7"


@pytest.mark.parametrize("program", PROXIES)
def test_events_come_at_once(ports: dict[str, int], operator: str, program: str) -> None:
    with client_of(ports[program]) as browser:
        assert sign_in(browser, operator).status_code == 201
        with browser.stream("GET", "/api/events") as stream:
            line = next(stream.iter_lines())

    assert line.startswith("retry:")


async def test_a_house_comes_back_through_the_proxy(ports: dict[str, int]) -> None:
    """After a restart, all boards come at the same moment; the proxy has one address."""
    statuses = await asyncio.gather(
        *(shake_hands(ports["nginx"], f"127.9.{n // 200}.{n % 200 + 1}") for n in range(HOUSE))
    )

    assert statuses == [101] * HOUSE


async def shake_hands(port: int, host: str) -> int:
    """Opens a WebSocket without a token, and returns the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    lines = ["GET /ws/pico HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}", "", ""]
    writer.write("\r\n".join(lines).encode())
    try:
        async with asyncio.timeout(_DEADLINE_S):
            head = await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
    return int(head.split()[1])


def test_failures_count_for_the_client_and_not_for_the_proxy(ports: dict[str, int]) -> None:
    with client_of(ports["nginx"], host="127.9.7.6") as one:
        own = [one.get("/api/devices", headers={"Authorization": WRONG}).status_code for _ in range(12)]
    with client_of(ports["nginx"], host="127.9.7.7") as other:
        others = other.get("/api/devices", headers={"Authorization": WRONG}).status_code

    assert own == [401] * 11 + [429]
    assert others == 401


@pytest.mark.parametrize("path", ["/without-port", "/with-password"])
def test_a_block_that_is_not_quite_right_or_has_a_password_lets_browsers_in(
    ports: dict[str, int], operator: str, path: str
) -> None:
    headers = {"Authorization": OF_PROXY}
    with client_of(ports["nginx"], path) as browser:
        answers = [sign_in(browser, operator, headers)]
        answers += [browser.get("/api/devices", headers=headers) for _ in range(12)]

    assert [answer.status_code for answer in answers] == [201] + [200] * 12


async def test_a_board_behind_the_password_of_a_proxy_shows_its_token_first(
    gateway: GatewayProcess, ports: dict[str, int]
) -> None:
    token = await asyncio.to_thread(gateway.token)
    url = f"ws://127.0.0.1:{ports['nginx']}/with-password/ws/pico"

    async with connect(url, additional_headers={"Authorization": OF_PROXY}, proxy=None) as board:
        await board.send(json.dumps({"type": "auth", "token": token}))
        await board.send(json.dumps({"type": "connect", "device": "behind-a-password"}))
        answer = json.loads(await board.recv())

    assert answer["type"] == "connection_ack"


def test_a_request_of_this_machine_through_a_trusted_proxy_gets_no_trust(ports: dict[str, int]) -> None:
    with client_of(ports["caddy"]) as program:
        answer = program.post("/api/tokens", json={"kind": "operator"})

    assert answer.status_code == 401


def test_the_gateway_outlives_a_proxy_that_is_killed(gateway: GatewayProcess, tmp_path: Path) -> None:
    with proxies.running("haproxy", tmp_path, gateway.port) as port:
        left = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        for connection in left:
            connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n")
    for connection in left:
        connection.close()

    assert gateway.get("/health").status_code == 200
