"""A board that finds no Wi-Fi opens one of its own; a person types settings there, and it comes online."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from darvaz.boards.virtual import AccessPoint, VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from tests.boards.test_board_and_wifi import HASTE, printed, until
from tests.support.gateway import GatewayProcess
from tests.support.patched_library import write_library

pytestmark = pytest.mark.timeout(120)
TOKEN = "pico_setup_0123456789012345678901234567890123456789012"
QUERY = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\x01a\x03org\0\0\1\0\1"


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


# In threads: a virtual board waits for the hardware that is simulated here.


def ask(port: int, query: bytes) -> bytes:
    """Returns the answer to a datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(30)
        sock.sendto(query, ("127.0.0.1", port))
        return sock.recv(512)


def request(port: int, data: bytes) -> bytes:
    """Returns the begin of the answer to bytes on a new connection; nothing if it is reset before."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock, contextlib.suppress(ConnectionError):
        sock.sendall(data)
        return sock.recv(64)
    return b""


class Lost:
    """A board in a place whose Wi-Fi it does not know, and the ports of its setup network."""

    def __init__(self, folder: Path, gateway: str, token: str = TOKEN, *, open_ms: int = 60_000, **config: Any) -> None:
        self.http, self.names = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        config = {"networks": [{"ssid": "Elsewhere"}], "log_level": "debug", **config}
        write_flash(folder, "pico", "pico", gateway, token, **config)
        ports = {"HTTP_PORT": self.http, "DNS_PORT": self.names, "OPEN_MS": open_ms}
        write_library(folder / "lib", {**HASTE, "startup": {"SETUP_AFTER_MS": 500}, "setup": ports})
        self.board = VirtualBoard("pico", folder)
        self.url = f"http://127.0.0.1:{self.http}/"

    async def visit(self) -> httpx.AsyncClient:
        """Returns a phone that is in the network, once it is open."""
        await printed(self.board, "setup: the Wi-Fi darvaz-pico is open")
        await until(lambda: self.board.hardware.own_point is not None, self.board)
        return httpx.AsyncClient(trust_env=False, timeout=30)


async def test_person_in_the_setup_network_brings_a_board_online(gateway: GatewayProcess, tmp_path: Path) -> None:
    lost = Lost(tmp_path / "flash", "ws://192.0.2.1:3000", gateway.token())
    async with lost.board as board, await lost.visit() as phone:
        point = board.hardware.own_point
        assert point is not None and (point.ssid, len(point.key)) == ("darvaz-pico", 16)
        assert (await asyncio.to_thread(ask, lost.names, QUERY)).endswith(bytes([127, 0, 0, 1]))
        found = await phone.get(lost.url, headers={"Host": "connectivitycheck.example.org"})
        assert (found.status_code, found.headers["Location"]) == (302, lost.url)
        page = await phone.get(lost.url)
        assert "ws://192.0.2.1:3000" in page.text and "<script" not in page.text

        wrong = {"ssid": 'Home & "garden"', "password": "short", "gateway": gateway.ws_url}
        short = await phone.post(lost.url, data=wrong)
        assert "8 characters or more" in short.text and "short" not in short.text.partition("<form")[2]
        assert 'value="Home &amp; &quot;garden&quot;"' in short.text and f'value="{gateway.ws_url}"' in short.text
        form = {"ssid": "Home", "password": "password", "gateway": gateway.ws_url}
        assert "Saved" in (await phone.post(lost.url, data=form)).text

        await printed(board, "online as pico")
        assert board.hardware.own_point is None
        await until((tmp_path / "flash/was_online").exists, board)


async def test_hostile_clients_neither_stop_the_network_nor_fill_the_memory(tmp_path: Path) -> None:
    lost = Lost(tmp_path / "flash", "ws://192.0.2.1:3000")
    async with lost.board as board, await lost.visit() as phone:
        silent = [socket.create_connection(("127.0.0.1", lost.http)) for _ in range(3)]
        flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for data in (b"\x16\x03\x01" * 40 + b"\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"x" * 4000, b"\xff" * 3000):
            assert (await asyncio.to_thread(request, lost.http, data))[:12] in (b"HTTP/1.1 400", b"")
        for data in (b"", b"\0" * 600, QUERY[:15], b"\0\7" * 200):
            flood.sendto(data, ("127.0.0.1", lost.names))

        assert (await asyncio.to_thread(ask, lost.names, QUERY)).endswith(bytes([127, 0, 0, 1]))
        assert (await phone.get(lost.url)).status_code == 200
        assert not any("Traceback" in line or "memory" in line for line in board.lines)
        for sock in (*silent, flood):
            sock.close()


async def test_network_closes_and_the_board_goes_on(gateway: GatewayProcess, tmp_path: Path) -> None:
    lost = Lost(tmp_path / "flash", gateway.ws_url, gateway.token(), open_ms=400)
    async with lost.board as board:
        await printed(board, "setup: the Wi-Fi is closed")
        board.hardware.access_points["Elsewhere"] = AccessPoint("")

        await printed(board, "online as pico")
        assert sum("setup: the Wi-Fi darvaz-pico is open" in line for line in board.lines) == 1


async def test_board_without_any_network_opens_it_at_once_also_if_it_was_online(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "flash"
    lost = Lost(folder, gateway.ws_url, gateway.token(), networks=[])
    (folder / "was_online").touch()
    async with lost.board as board, await lost.visit() as phone:
        assert not any("config.json names none" in line for line in board.lines)

        form = {"ssid": "Home", "password": "password", "gateway": gateway.ws_url}
        assert "Saved" in (await phone.post(lost.url, data=form)).text

        await printed(board, "online as pico")


async def test_board_without_any_network_says_so_once_its_own_is_closed(tmp_path: Path) -> None:
    async with Lost(tmp_path / "flash", "ws://192.0.2.1:3000", open_ms=400, networks=[]).board as board:
        await printed(board, "setup: the Wi-Fi is closed")

        await printed(board, "wifi: config.json names none")


async def test_board_that_was_online_opens_it_only_while_its_button_is_held(tmp_path: Path) -> None:
    folder = tmp_path / "flash"
    lost = Lost(folder, "ws://192.0.2.1:3000", open_ms=400, setup_pin=14)
    (folder / "was_online").touch()
    async with lost.board as board:
        board.hardware.inputs["14"] = 1
        await printed(board, "Elsewhere: not seen", count=4)
        assert not any("setup:" in line for line in board.lines)

        board.hardware.inputs["14"] = 0
        board.reset()

        await printed(board, "setup: the Wi-Fi is closed")
