"""The tests on a board, run on every kind of bench: on a serial port, and through the gateway alone."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darvaz.boards.serial import Prompt
from darvaz.boards.virtual import VirtualBoard
from darvaz.pytest_plugin.lease import leased
from darvaz.pytest_plugin.program import install
from tests.support.flashing import Person
from tests.support.gateway import GatewayProcess
from tests.support.hil import Bench, bench, pytest_in

pytestmark = pytest.mark.timeout(150)
ROOT = Path(__file__).resolve().parents[2]
POLL_S = 0.02
HANGING = """
import board
from darvaz import Device
device = Device(board)

@device.command
def hang():
    while True:
        __import__("time").sleep(1)

device.run()
"""
HANGS = HANGING[HANGING.index("while") : HANGING.index("\n\ndevice.run")]
ONE_TEST = "def test_it(board):\n    assert board.command('info')['device'] == board.id\n"


async def run_suite(*words: str) -> tuple[int, str]:
    """Runs tests/hil as `make hil` does."""
    return await pytest_in(ROOT, "tests/hil", "-q", "-n", "0", "-p", "no:cacheprovider", *words)


async def run_one(folder: Path, *words: str) -> tuple[int, str]:
    """Runs one small test of a maker."""
    (folder / "test_one.py").write_text(ONE_TEST)
    return await pytest_in(folder, "-q", "-p", "no:cacheprovider", *words)


def reasons(output: str) -> set[str]:
    """Returns why tests were skipped."""
    return set(re.findall(r"^SKIPPED \[\d+\] \S+ (.*)$", output, re.MULTILINE))


@pytest.fixture
async def attached(tmp_path: Path) -> AsyncIterator[Bench]:
    """A Pico that is attached, and online at a gateway of its own."""
    async with bench(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def powered_by(board: VirtualBoard, switch: Path) -> AsyncIterator[None]:
    """Cuts a board's power whenever a file appears, as a switched USB hub does at a command."""

    async def watch_switch() -> None:
        while True:
            if switch.exists():  # noqa: ASYNC240 (quick, and nothing else runs here)
                switch.unlink()  # noqa: ASYNC240
                board.power_cut()
            await asyncio.sleep(POLL_S)

    task = asyncio.create_task(watch_switch())
    try:
        yield
    finally:
        task.cancel()


# Every kind of bench but the virtual ones, which `make hil` runs after these


async def test_suite_passes_on_a_board_at_a_port(attached: Bench, tmp_path: Path) -> None:
    wiring = tmp_path / "bench.toml"
    wiring.write_text(f'jumper = [{{from = 15, to = 14}}]\n[power]\ncycle = "touch {tmp_path}/switch"\n')
    attached.board.hardware.jumpers["14"] = "15"

    # Of a pseudo-terminal only a link outlives a vanished board: the next one may get its name.
    port = tmp_path / "port"
    port.symlink_to(attached.board.port)

    async with powered_by(attached.board, tmp_path / "switch"):
        code, output = await run_suite("--board", str(port), "--gateway", attached.url, "--board-wiring", str(wiring))

    assert code == 0, output
    assert reasons(output) == {"on-the-desk is of kind pico: it has no command snapshot, stream"}


async def test_suite_passes_on_a_board_known_by_its_gateway_alone(attached: Bench) -> None:
    code, output = await run_suite(
        "--board", "device:on-the-desk", "--gateway", attached.url, "-k", "test_board or lamp"
    )

    assert code == 0, output
    assert {reason.partition(":")[0] for reason in reasons(output)} == {
        "this board has no switch for its power here",
        "this board has no prompt here",
        "no wire from pin 15 on this bench",
    }


async def test_program_runs_on_when_a_run_is_over(attached: Bench, tmp_path: Path) -> None:
    (tmp_path / "test_prompt.py").write_text("def test_it(board):\n    board.exec('print(1)')\n")
    code, output = await pytest_in(
        tmp_path, "-q", "test_prompt.py", "--board", attached.board.port, "--gateway", attached.url
    )
    assert code == 0, output

    async with asyncio.timeout(20):
        while "online as on-the-desk" not in attached.board.lines[-1]:  # noqa: ASYNC110 (a board wakes nobody)
            await asyncio.sleep(POLL_S)


async def test_program_that_hangs_is_interrupted_and_its_traceback_shown(tmp_path: Path) -> None:
    (tmp_path / "test_hang.py").write_text("def test_it(board):\n    board.command('hang')\n")
    async with bench(tmp_path, program=HANGING) as attached:
        code, output = await pytest_in(
            tmp_path, "test_hang.py", "--board", attached.board.port, "--gateway", attached.url
        )

    assert code == 1
    assert re.search(r"- traceback of on-the-desk -(?s:.*)main.py\", line [89], in hang\nKeyboardInterrupt", output), (
        output
    )


async def test_program_is_put_on_a_board_once_and_removes_nothing(tmp_path: Path) -> None:
    (tmp_path / "program/lib").mkdir(parents=True)
    (tmp_path / "program/main.py").write_text("print('mine')\n")
    (tmp_path / "program/lib/pump.py").write_text("FLOW = 4\n")
    async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "image") as board:

        def put_on() -> list[str]:
            with Prompt.open(board.port) as prompt:
                prompt.write_file("/notes.txt", b"the maker's")
                install(prompt, tmp_path / "program")
                # From here on each write of a block is counted.
                board.hardware.block_writes_left = 1000
                install(prompt, tmp_path / "program")
                return [entry.path for entry in prompt.list_files() if not entry.is_folder]

        there = await asyncio.to_thread(put_on)

        assert there == ["/lib/pump.py", "/main.py", "/notes.txt"]
        assert board.hardware.block_writes_left == 1000


async def test_empty_board_gets_firmware_and_program_and_is_tested(tmp_path: Path) -> None:
    (tmp_path / "program").mkdir()
    (tmp_path / "program/main.py").write_text(HANGING.replace(HANGS, "return 'not now'"))
    (tmp_path / "test_it.py").write_text("def test_it(board):\n    assert board.command('hang') == 'not now'\n")
    with GatewayProcess() as gateway:
        person = Person(tmp_path / "home", gateway)
        async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "image") as board:
            words = ("--board", board.port, "--gateway", gateway.url, "--board-flash", "--board-program", "program")

            code, output = await pytest_in(tmp_path, "test_it.py", *words, env=person.env)

    assert code == 0, output


async def test_flash_that_fails_is_reported_with_its_sentence(tmp_path: Path) -> None:
    with GatewayProcess() as gateway:
        person = Person(tmp_path / "home", gateway)
        async with VirtualBoard("pico", tmp_path / "flash", image=tmp_path / "image") as board:
            del person.env["DARVAZ_WIFI_SSID"]
            (tmp_path / "test_it.py").write_text(ONE_TEST)
            words = ("--board", board.port, "--gateway", gateway.url, "--board-flash")

            code, output = await pytest_in(tmp_path, "test_it.py", *words, env=person.env)

    assert code == 1
    assert re.search(r"darvaz flash --port /dev/pts/\d+: (?s:.*)which Wi-Fi should the board join", output), output


# What stands in the way


async def test_board_that_another_run_has_is_left_alone(attached: Bench, tmp_path: Path) -> None:
    with leased(f"the board at {attached.board.port}", 0):
        code, output = await run_one(tmp_path, "--board", attached.board.port, "--gateway", attached.url)

    assert code == 1
    assert re.search(
        rf"the board at {attached.board.port} is taken by .*, process \d+, since .*; --board-wait 60 waits", output
    )


async def test_board_that_another_run_has_by_its_gateway_is_left_alone(attached: Bench, tmp_path: Path) -> None:
    with leased(f"the device on-the-desk at {attached.url}", 0):
        code, output = await run_one(tmp_path, "--board", "device:on-the-desk", "--gateway", attached.url)

    assert code == 1
    assert f"the device on-the-desk at {attached.url} is taken by " in output


async def test_port_that_another_program_has_is_reported_as_in_use(attached: Bench, tmp_path: Path) -> None:
    prompt = await asyncio.to_thread(lambda: Prompt.open(attached.board.port, enters=False))
    try:
        code, output = await run_one(tmp_path, "--board", attached.board.port, "--gateway", attached.url)
    finally:
        prompt.close()

    assert code == 1
    assert f"{attached.board.port} is in use by another program" in output


async def test_board_without_the_firmware_is_recognised(tmp_path: Path) -> None:
    with GatewayProcess() as gateway:
        async with VirtualBoard("pico", tmp_path / "flash") as board:
            code, output = await run_one(tmp_path, "--board", board.port, "--gateway", gateway.url)

    assert code == 1
    assert "has no /config.json: install the firmware first, with `darvaz flash`" in output


async def test_unknown_device_is_answered_with_the_known_ones(attached: Bench, tmp_path: Path) -> None:
    code, output = await run_one(tmp_path, "--board", "device:under-the-desk", "--gateway", attached.url)

    assert code == 1
    assert f"--board=device:under-the-desk: not a device of {attached.url}, which has on-the-desk" in output


async def test_board_that_is_online_elsewhere_is_reported_with_its_output(attached: Bench, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("boot_deadline_s = 4\n")
    with GatewayProcess() as other:
        words = ("--board", attached.board.port, "--gateway", other.url, "--board-wiring", "bench.toml")
        code, output = await run_one(tmp_path, *words)

    assert code == 1
    assert f"on-the-desk did not come back after 4 s; it is unknown to {other.url}; its serial port printed:" in output
    assert "gateway: online as on-the-desk" in output
