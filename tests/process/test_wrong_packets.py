"""Ten thousand wrong packets, and connections that are not WebSocket: the gateway keeps running and does not grow."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.gateway import GatewayProcess
from tests.support.mutants import packets

PACKETS = 10_000
WARM_UP_PACKETS = 2_000
DEADLINE_S = 60.0
GROWTH_KB_MAX = 32_768
LIMITS_OFF = {"DARVAZ_MESSAGES_PER_S_MAX": "1000000", "DARVAZ_LINKS_PER_ADDRESS_MAX": "8"}


def resident_kb(gateway: GatewayProcess) -> int:
    """Returns the resident memory of the process."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


async def discard(board: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in board:
            pass


async def send_mutants(gateway: GatewayProcess, kind: str, seed: int, count: int) -> int:
    """Sends wrong packets, on a new link each time the gateway closes one; returns how many were sent."""
    sent, waiting = 0, packets(seed, count)
    for first in waiting:
        async with asyncio.timeout(DEADLINE_S), connect(f"{gateway.ws_url}/ws/{kind}", compression=None) as board:
            reader = asyncio.create_task(discard(board))
            with contextlib.suppress(ConnectionClosed):
                await board.send('{"type":"connect","device":"mutant"}' if sent % 2 else first)
                for packet in waiting:
                    await board.send(packet)
                    sent += 1
                    await asyncio.sleep(0)
            await board.close()
            await reader
    return sent


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
async def test_after_ten_thousand_wrong_packets_the_gateway_is_healthy_and_has_not_grown(kind: str) -> None:
    with GatewayProcess(env=LIMITS_OFF) as gateway:
        await send_mutants(gateway, kind, 1, WARM_UP_PACKETS)
        before_kb = resident_kb(gateway)

        sent = await send_mutants(gateway, kind, 2, PACKETS)

        assert sent > PACKETS * 0.8
        assert resident_kb(gateway) - before_kb < GROWTH_KB_MAX
        health = await asyncio.to_thread(gateway.get, "/health")
        assert (health.status_code, gateway.process.poll()) == (200, None)
        assert "Traceback" not in gateway.log_text()
        async with connect(f"{gateway.ws_url}/ws/{kind}") as board:
            await board.send('{"type":"ping"}')
            assert '"pong"' in str(await board.recv())


def test_bytes_other_than_http_and_websocket_do_no_harm() -> None:
    randomness = random.Random(3)
    with GatewayProcess() as gateway:
        for number in range(300):
            with socket.create_connection(("127.0.0.1", gateway.port), DEADLINE_S) as link:
                if number % 2:
                    link.sendall(handshake(gateway))
                with contextlib.suppress(OSError):
                    link.sendall(randomness.randbytes(randomness.choice([1, 20, 3000])))

        assert gateway.get("/health").status_code == 200
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.log_text()


def handshake(gateway: GatewayProcess) -> bytes:
    return (
        f"GET /ws/pico HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
