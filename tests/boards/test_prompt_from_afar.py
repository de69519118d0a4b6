"""The prompt of a board beside its running program: `darvaz repl`, files, and real mpremote through a tunnel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

pytestmark = pytest.mark.timeout(200)
DEADLINE_S = 90.0
PROGRAM = b"""
import asyncio, board
from darvaz import Device

device = Device(board)
state = {"ticks": 0}


def water(litres):
    print("pump on")
    return litres * 2


async def slowly(litres):
    await asyncio.sleep_ms(20)
    return litres + 1


@device.task
async def tick():
    while True:
        state["ticks"] += 1
        await asyncio.sleep_ms(50)


device.run()
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
async def lamp(gateway: GatewayProcess, tmp_path: Path) -> AsyncIterator[str]:
    async for name in board_of(gateway, tmp_path / "flash", tmp_path.name.replace("_", "-")[-30:].strip("-")):
        yield name


async def board_of(gateway: GatewayProcess, flash: Path, name: str, **config: Any) -> AsyncIterator[str]:
    """Runs a board with the program until the test ends, from when it is online."""
    write_flash(flash, "pico", name, gateway.ws_url, None, program={"/main.py": PROGRAM}, **config)
    online = asyncio.Event()

    def look(line: str) -> None:
        if "online as" in line:
            online.set()

    async with VirtualBoard("pico", flash, on_line=look):
        await asyncio.wait_for(online.wait(), DEADLINE_S)
        yield name


async def darvaz(gateway: GatewayProcess, *words: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        run_darvaz, *words, "--gateway", gateway.url, typed=typed or "", deadline_s=DEADLINE_S
    )


async def run(*command: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, command, input=typed, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


async def test_a_running_program_is_looked_at_and_goes_on(gateway: GatewayProcess, lamp: str) -> None:
    before = await darvaz(gateway, "repl", lamp, typed="state['ticks']")
    called = await darvaz(gateway, "repl", lamp, typed="water(3)")
    awaited = await darvaz(gateway, "repl", lamp, typed="slowly(3)")
    failed = await darvaz(gateway, "repl", lamp, typed="def f():\n    return state['none']\nf()\n")
    after = await darvaz(gateway, "repl", lamp, typed="main.state['ticks']")

    assert 0 < int(before.stdout) < int(after.stdout)
    assert called.stdout == "pump on\n6\n"
    assert awaited.stdout == "4\n"
    assert failed.returncode == 1 and "in f\nKeyError: none" in failed.stdout and "prompt" not in failed.stdout


async def test_what_the_prompt_sets_is_not_the_programs(gateway: GatewayProcess, lamp: str) -> None:
    typed = "state = 5\nimport gc\nprint(state, main.state['ticks'] > 0)\n"
    first = await darvaz(gateway, "repl", lamp, typed=typed)
    again = await darvaz(gateway, "repl", lamp, typed="state['ticks'] > 0")

    assert (first.stdout, again.stdout) == ("5 True\n", "True\n")


async def test_output_without_end_is_an_error_and_the_board_stays(gateway: GatewayProcess, lamp: str) -> None:
    endless = await darvaz(gateway, "repl", lamp, typed="while True:\n    print('x' * 200)\n")
    again = await darvaz(gateway, "repl", lamp, typed="1 + 1")

    assert "bytes of output at once" in endless.stdout
    assert again.stdout == "2\n"


async def test_files_go_to_a_board_and_back(gateway: GatewayProcess, lamp: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 80
    (tmp_path / "data.bin").write_bytes(content)

    sent = await darvaz(gateway, "cp", str(tmp_path / "data.bin"), f"{lamp}:/log/")
    listed = await darvaz(gateway, "ls", f"{lamp}:/log")
    fetched = await darvaz(gateway, "cp", f"{lamp}:/log/data.bin", str(tmp_path / "back.bin"))
    removed = await darvaz(gateway, "rm", f"{lamp}:/log")
    missing = await darvaz(gateway, "cat", f"{lamp}:/log/data.bin")

    assert (sent.returncode, fetched.returncode, removed.returncode) == (0, 0, 0), sent.stderr + fetched.stderr
    assert "20,480  /log/data.bin" in listed.stdout
    assert (tmp_path / "back.bin").read_bytes() == content
    assert missing.returncode == 1 and "no such file on the board" in missing.stderr


async def test_a_board_whose_config_says_so_has_no_prompt(gateway: GatewayProcess, tmp_path: Path) -> None:
    async for name in board_of(gateway, tmp_path / "flash", "closed", prompt=False):
        refused = await darvaz(gateway, "repl", name, typed="1")

    assert refused.returncode == 1 and '"prompt": false' in refused.stderr


async def test_mpremote_works_unchanged_through_a_tunnel(gateway: GatewayProcess, lamp: str, tmp_path: Path) -> None:
    script, there, back = tmp_path / "try.py", tmp_path / "there.txt", tmp_path / "back.txt"
    script.write_text("import time\ndef main():\n    print('ran', state['ticks'] > 0)\n    time.sleep(0.01)\nmain()\n")
    there.write_text("the quick brown fox\n" * 300)
    link = tmp_path / "port"
    words = ("tunnel", lamp, "--gateway", gateway.url, "--link", str(link))
    tunnel = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "darvaz", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert tunnel.stdout is not None
        await asyncio.wait_for(tunnel.stdout.readline(), DEADLINE_S)
        # mpremote reads a port without waiting only under its real name.
        port = str(link.resolve())
        mpremote = (sys.executable, "-m", "mpremote", "connect", port)
        done = [
            await run(*mpremote, *commands)
            for commands in (
                ("mkdir", ":box", "+", "cp", str(there), ":box/there.txt", "+", "ls", ":box"),
                ("sha256sum", ":box/there.txt", "+", "cp", ":box/there.txt", str(back), "+", "tree", ":box"),
                ("run", str(script), "+", "eval", "water(2)", "+", "exec", "print(main.state['ticks'] > 0)"),
                ("rm", "-r", ":box", "+", "soft-reset", "+", "exec", "1/0"),
            )
        ]
    finally:
        tunnel.terminate()
        await asyncio.wait_for(tunnel.wait(), DEADLINE_S)

    made, hashed, ran, failed = done
    assert made.returncode == 0 and "there.txt" in made.stdout, made.stdout + made.stderr
    assert hashed.returncode == 0 and "there.txt" in hashed.stdout, hashed.stdout + hashed.stderr
    assert back.read_text() == there.read_text()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.replace("\r", "") == "ran True\npump on\n4\nTrue\n"
    assert "ZeroDivisionError" in failed.stdout + failed.stderr
    assert not link.is_symlink()
