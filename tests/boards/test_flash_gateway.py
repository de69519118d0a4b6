"""`darvaz flash` and the gateway: not running, elsewhere, another program; and a home folder that cannot be written."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from darvaz.boards.flashing.device_token import GatewayIssuer
from darvaz.boards.flashing.environment import find_environment
from darvaz.boards.virtual import VirtualBoard
from darvaz.client.synchronous import Gateway
from tests.support.flashing import Person, config_of, is_whole, read_board
from tests.support.gateway import GatewayProcess, unused_port
from tests.support.littlefs import firmware_of, put_files
from tests.support.tls_proxy import TlsProxy
from tests.support.verbs import darvaz

pytestmark = [pytest.mark.timeout(120)]
QUICK = ("--wait", "25")


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    # Our files are there already: these tests are about the gateway.
    put_files(tmp_path / "flash.img", firmware_of("pico"))
    async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "flash.img") as running:
        yield running


async def test_a_gateway_that_does_not_run_is_reported_and_accepts_the_board_later(
    board: VirtualBoard, person: Person, gateway: GatewayProcess
) -> None:
    await asyncio.to_thread(gateway.stop)

    done = await person.flash(board, *QUICK, "--device", "porch")

    assert done.code == 6
    assert "nothing answers it at" in (done.out + done.err) and "darvaz serve" in (done.out + done.err)
    await asyncio.to_thread(gateway.start)
    assert (await person.flash(board, *QUICK)).code == 0
    assert [token.device for token in person.live_tokens("porch")] == ["porch"]


async def test_a_wrong_address_for_the_board_is_reported(board: VirtualBoard, person: Person) -> None:
    port = unused_port()

    done = await person.flash(board, *QUICK, "--gateway-url", f"ws://127.0.0.1:{port}")

    assert done.code == 6
    assert re.search(rf"nothing answers it at \S+:{port}: it runs, and answers this machine", done.err), done.err
    assert is_whole(await read_board(board))
    # No board reaches the gateway's own loopback: it is given the address that others use.
    assert re.fullmatch(rf"ws://(?!127)\S+:{port}", (await config_of(board))["gateways"][0])


async def test_another_program_at_the_port_is_reported(board: VirtualBoard, person: Person) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "0.0.0.0", 0) as server:
        port = server.sockets[0].getsockname()[1]
        done = await person.flash(board, *QUICK, "--gateway-url", f"ws://127.0.0.1:{port}")

    assert done.code == 6
    assert "is not a Darvaz gateway" in done.err, done.err


async def test_a_home_folder_that_cannot_be_written_does_not_prevent_a_flash(
    board: VirtualBoard, person: Person, tmp_path: Path
) -> None:
    # A file in its place, for root writes into folders that are read-only.
    (tmp_path / "shut").write_text("")

    done = await person.flash(
        board, *QUICK, HOME=str(tmp_path / "shut"), XDG_CONFIG_HOME=str(tmp_path / "shut" / "config")
    )

    assert done.code == 0, done.out + done.err


async def test_the_gateway_of_a_login_is_used(board: VirtualBoard, person: Person, gateway: GatewayProcess) -> None:
    del person.env["DARVAZ_GATEWAY"], person.env["DARVAZ_DATA"]
    operator = gateway.post("/api/tokens", json={"kind": "operator"}).json()["token"]
    logged_in = await darvaz("login", gateway.url, env=person.env | {"DARVAZ_TOKEN": operator})

    done = await person.flash(board, *QUICK, "--device", "porch")

    assert logged_in.code == 0, logged_in.err
    assert done.code == 0, done.err
    assert [token.device for token in person.live_tokens("porch")] == ["porch"]


async def test_an_authority_in_ssl_cert_file_is_trusted(
    board: VirtualBoard, person: Person, gateway: GatewayProcess, tmp_path: Path
) -> None:
    with TlsProxy(gateway.port, tmp_path) as proxy:
        to_proxy = ("--gateway", proxy.url, "--gateway-url", gateway.ws_url)
        done = await person.flash(board, *QUICK, *to_proxy, SSL_CERT_FILE=str(proxy.authority))

    assert done.code == 0, done.err


def test_boards_get_the_address_that_the_operator_has_set() -> None:
    with GatewayProcess("--public-url", "https://home.example/darvaz") as gateway, Gateway(gateway.url) as client:
        issuer = GatewayIssuer(client)
        found = find_environment(client, None, issuer, pytest.fail).board_url
        given = find_environment(client, "ws://192.0.2.7:3000", issuer, pytest.fail).board_url

    assert found == "wss://home.example/darvaz"
    assert given == "ws://192.0.2.7:3000"
