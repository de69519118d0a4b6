"""Our program on MicroPython's official image for the Pico W, on an emulated chip with an emulated radio.

One board for all of these tests, in their order: to flash it takes half a minute.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.emulated.board import GATEWAY_ADDRESS, PASSWORD, SSID, EmulatedPico
from darvaz.boards.serial import Prompt
from tests.support import journalled
from tests.support.emulated import BOOT_DEADLINE_S, need_emulator, person_env
from tests.support.gateway import GatewayProcess, unused_port
from tests.support.mdns import alone_in_mdns, announced
from tests.support.netns import outside
from tests.support.simulation import Simulation
from tests.support.tunnel import tunnel
from tests.support.verbs import darvaz
from tools import footprint_emulated

DEVICE = "emulated-pico-1"
VERB_DEADLINE_S = 200.0
CONNECT = """
import socket
found = []
for address in {addresses!r}:
    link = socket.socket()
    link.settimeout(10)
    try:
        link.connect(address)
        found.append('connected')
    except OSError as error:
        found.append(error.errno)
    link.close()
print(found)
"""
# What the emulated radio has, an address of its maker's.
RADIO = "001018000002"
LOOK_FOR_THE_GATEWAY = """
import json, os
os.rename('main.py.rescued-1', 'main.py')
with open('config.json') as file: config = json.load(file)
config['gateways'] = ['ws://darvaz.local:{port}']
# An earlier test wrote a wrong password.
config['networks'] = [{{'ssid': '{ssid}', 'password': '{password}'}}]
with open('config.json', 'w') as file: json.dump(config, file)
"""
# Reset, refused, or no route.
REFUSED = {104, 111, 113}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("emulated")]


@pytest.fixture(scope="module")
def simulation(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """`darvaz simulate --emulated`, with the board flashed and online."""
    need_emulator()
    folder = tmp_path_factory.mktemp("emulated")
    running = Simulation(gateway, folder, "--emulated", "--keep", str(folder / "kept"))
    try:
        running.expect(f"Next: darvaz send {DEVICE}", deadline_s=VERB_DEADLINE_S)
        yield running
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGINT)


@pytest.fixture
def port(simulation: Simulation) -> str:
    found = re.search(r"mpremote connect (\S+)", simulation.text())
    assert found is not None
    return found[1]


def command(gateway: GatewayProcess, name: str, /, **args: Any) -> Any:
    answer = gateway.post(f"/api/devices/{DEVICE}/commands/{name}", json=args)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def wait_online(gateway: GatewayProcess) -> None:
    give_up = time.monotonic() + BOOT_DEADLINE_S
    while not gateway.get(f"/api/devices/{DEVICE}").json().get("online"):
        assert time.monotonic() < give_up, gateway.log_text()
        time.sleep(0.1)


def test_empty_board_is_flashed_and_acknowledges_info(simulation: Simulation) -> None:
    assert f"{DEVICE} is online at 10.0.0.2" in simulation.text()
    assert "acknowledged `info`" in simulation.text()


def test_board_tells_the_address_of_its_radio(gateway: GatewayProcess, simulation: Simulation) -> None:
    assert gateway.get(f"/api/devices/{DEVICE}").json()["mac"] == RADIO


def test_command_is_answered_with_its_result(gateway: GatewayProcess, simulation: Simulation) -> None:
    assert command(gateway, "led", on=True) == {"on": True}
    assert command(gateway, "pan", angle=120)["angle"] == 120


def test_telemetry_arrives(gateway: GatewayProcess, simulation: Simulation) -> None:
    line = journalled.wait_for_line(gateway.data, device=DEVICE, type="telemetry")[0]

    assert 15 < json.loads(line.payload or "")["values"]["temperature"] < 27


def test_board_returns_after_the_gateway_was_killed(gateway: GatewayProcess, simulation: Simulation) -> None:
    gateway.end(signal.SIGKILL)
    gateway.start()

    wait_online(gateway)

    assert command(gateway, "led", on=False) == {"on": False}


def test_program_stays_within_the_memory_that_it_may_take(gateway: GatewayProcess, port: str) -> None:
    found = footprint_emulated.inspect(port, command(gateway, "info"), 0.0)
    print(*footprint_emulated.rows(found), sep="\n")

    assert footprint_emulated.is_within(found)
    assert found.largest_free_bytes > 100_000
    assert {"darvaz.link", "darvaz.device", "servo", "board"} <= found.modules.keys()


def test_board_reaches_its_gateway_and_nothing_else(gateway: GatewayProcess, port: str) -> None:
    addresses = [(GATEWAY_ADDRESS, gateway.port), (GATEWAY_ADDRESS, unused_port()), ("127.0.0.1", gateway.port)]
    addresses += [("192.0.2.1", gateway.port), ("192.0.2.1", 80)]
    # At the prompt no program runs, and the radio is still joined.
    with Prompt.open(port, enters=False) as prompt:
        prompt.enter(resets=False, restarts=False)
        first, *others = json.loads(prompt.exec(CONNECT.format(addresses=addresses), 60).replace("'", '"'))

    assert first == "connected"
    assert set(others) <= REFUSED


@pytest.mark.parametrize(
    ("ssid", "password", "sentence"),
    [
        ("Home", "passwort", "the Wi-Fi Home is there but does not accept the board"),
        ("Office", "password", "the board does not see the Wi-Fi Office"),
    ],
)
async def test_wrong_wifi_is_reported(
    gateway: GatewayProcess, port: str, tmp_path: Path, ssid: str, password: str, sentence: str
) -> None:
    env = person_env(tmp_path, gateway) | {"DARVAZ_WIFI_SSID": ssid, "DARVAZ_WIFI_PASSWORD": password}

    done = await darvaz("flash", "--port", port, "--gateway-url", f"ws://{GATEWAY_ADDRESS}:{gateway.port}",
                        deadline_s=VERB_DEADLINE_S, env=env)  # fmt: skip

    assert done.code == 5, done.err
    assert sentence in done.err


async def test_board_is_rescued_with_its_program_kept(port: str) -> None:
    done = await darvaz("rescue", "--port", port, deadline_s=VERB_DEADLINE_S)

    assert done.code == 0, done.err
    assert "main.py is now main.py.rescued-1" in done.out


def test_end_keeps_the_flash_and_leaves_no_process(simulation: Simulation) -> None:
    children = Path(f"/proc/{simulation.process.pid}/task/{simulation.process.pid}/children").read_text().split()
    assert children

    assert simulation.stop(signal.SIGTERM) == 0

    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert (simulation.log.parent / "kept" / DEVICE / "flash.bin").stat().st_size == 2 * 1024 * 1024


async def test_board_finds_the_gateway_by_its_name_keeps_where_it_was_and_imports_from_a_mounted_folder(
    gateway: GatewayProcess, simulation: Simulation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(simulation.log.parent / "kept" / DEVICE / "flash.bin", tmp_path)
    with alone_in_mdns(), outside() as network:
        async with announced(network.inside, gateway.port, caplog):
            with EmulatedPico(tmp_path, f"http://{network.inside}:{gateway.port}") as board:
                look = LOOK_FOR_THE_GATEWAY.format(port=gateway.port, ssid=SSID, password=PASSWORD)
                await asyncio.to_thread(at_prompt, board.port, look, restarts=True)
                await asyncio.to_thread(wait_online, gateway)
                # It carries out commands after it has kept the address.
                await asyncio.to_thread(command, gateway, "info")
                imported = await import_mounted(gateway, tmp_path)
                kept = await asyncio.to_thread(at_prompt, board.port, "print(open('gateway_address').read())")

    assert f"warm {sum(range(256))}" in imported
    assert kept == f"darvaz.local {network.inside}"


async def import_mounted(gateway: GatewayProcess, folder: Path) -> str:
    """Has the board import a module of a folder of this machine, and read a file there, in place of its program."""
    shared = folder / "shared"
    shared.mkdir()
    (shared / "colours.py").write_text("WARM = 'warm'\n")
    # All bytes, among them Ctrl-C.
    (shared / "all.bin").write_bytes(bytes(range(256)))
    code = "import colours; print(colours.WARM, sum(open('/remote/all.bin', 'rb').read()))"
    async with tunnel(gateway, DEVICE, folder / "tunnel", VERB_DEADLINE_S) as port:
        words = ("-m", "mpremote", "connect", port, "mount", str(shared), "+", "exec", code)
        done = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=PIPE, stderr=STDOUT)
        printed, _ = await asyncio.wait_for(done.communicate(), VERB_DEADLINE_S)
    return printed.decode()


def at_prompt(port: str, code: str, *, restarts: bool = False) -> str:
    """Runs code on the board, and begins its program again where that is asked for."""
    with Prompt.open(port) as prompt:
        printed = prompt.exec(code, 60).strip()
        if restarts:
            prompt.hard_reset()
    return printed
