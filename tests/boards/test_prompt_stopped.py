"""The prompt of a board whose program is stopped: input, Ctrl-C, and real mpremote with its mount, over a tunnel."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
import time
import tty
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.firmware import write_flash
from darvaz.client.errors import GatewayError
from darvaz.client.stopped_prompt import INTERRUPT, StoppedPrompt
from darvaz.client.synchronous import Gateway
from tests.boards.test_prompt_from_afar import DEADLINE_S, PROGRAM, darvaz, run
from tests.support.gateway import GatewayProcess
from tests.support.tunnel import tunnel

pytestmark = pytest.mark.timeout(200)
LONG = "text = 'x' * 200"
ENDLESS = "while True: print(text)"
MEGABYTE = 1 << 20
# Reads nothing of what is typed, and allocates nothing: MicroPython's unix port ends by Ctrl-C in an allocation.
DEAF = "print('ready')\nwhile True: pass"
# The board asks a silent gateway after half a second and waits three, in place of 30 and 10 s.
IMPATIENT = b"from darvaz import session\nsession.QUIET_MS, session.ANSWER_MS = 500, 3000\n"


class Lamp:
    """A virtual board with a program that counts; `boots` counts its starts, and `starts` how often it came online."""

    def __init__(self, gateway: GatewayProcess, flash: Path) -> None:
        write_flash(flash, "pico", "lamp", gateway.ws_url, None, program={"/main.py": IMPATIENT + PROGRAM})
        self.board = VirtualBoard("pico", flash, on_line=self._look)
        self.boots = self.starts = 0
        self._changed = asyncio.Event()

    def _look(self, line: str) -> None:
        self.boots += "Ctrl-C for the prompt" in line
        self.starts += "online as" in line
        self._changed.set()

    async def until_boot(self, number: int) -> None:
        await self._until(lambda: self.boots >= number)

    async def until_start(self, number: int) -> None:
        await self._until(lambda: self.starts >= number)

    async def _until(self, is_true: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not is_true():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def lamp(gateway: GatewayProcess, tmp_path: Path) -> AsyncIterator[Lamp]:
    lamp = Lamp(gateway, tmp_path / "flash")
    async with lamp.board:
        await lamp.until_start(1)
        yield lamp


class Typist:
    """Somebody who types at a port."""

    def __init__(self, port: str) -> None:
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)

    async def say(self, data: bytes, until: bytes) -> bytes:
        return await asyncio.to_thread(self._say, data, until)

    def _say(self, data: bytes, until: bytes) -> bytes:
        os.write(self._fd, data)
        got, give_up_s = b"", time.monotonic() + DEADLINE_S
        while not got.endswith(until):
            assert time.monotonic() < give_up_s, got[-500:]
            if select.select([self._fd], [], [], 0.2)[0]:
                got += os.read(self._fd, 4096)
        return got

    def close(self) -> None:
        os.close(self._fd)


async def test_code_runs_in_place_of_the_program_which_starts_again(gateway: GatewayProcess, lamp: Lamp) -> None:
    typed = "import time\nbefore = state['ticks']\ntime.sleep(0.3)\nprint(state['ticks'] - before)\n"
    stopped = await darvaz(gateway, "repl", "lamp", "--stop", typed=typed)
    await lamp.until_start(2)
    goes_on = await darvaz(gateway, "repl", "lamp", typed="state['ticks'] >= 0")

    assert (stopped.stdout, stopped.returncode) == ("0\n", 0), stopped.stderr
    assert goes_on.stdout == "True\n"


async def test_code_that_blocks_has_input_and_ends_by_ctrl_c(
    gateway: GatewayProcess, lamp: Lamp, tmp_path: Path
) -> None:
    async with tunnel(gateway, "lamp", tmp_path / "port") as port:
        typist = Typist(port)
        greeted = await typist.say(b"\r\x03\x02", b"is stopped\r\n>>> ")
        await typist.say(b"while True: pass\r\r", b"... \r\n")
        looped = await typist.say(b"\x03", b">>> ")
        await typist.say(b"input('name? ')\r", b"\nname? ")
        answered = await typist.say(b"ann\r", b">>> ")
        await typist.say(LONG.encode() + b"\r", b">>> ")
        await typist.say(ENDLESS.encode() + b"\r\r", b"xxx")
        printed = await typist.say(b"\x03", b">>> ")
        after = await typist.say(b"1 + 1\r", b">>> ")
        typist.close()
    await lamp.until_start(2)

    assert b"its program is stopped" in greeted
    assert b"KeyboardInterrupt" in looped and b"KeyboardInterrupt" in printed
    assert b"'ann'" in answered
    assert b"2" in after


async def test_mpremote_mounts_a_folder_of_this_machine_after_one_that_was_killed(
    gateway: GatewayProcess, lamp: Lamp, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "colours.py").write_text("WARM = 'warm ' * 100\n")
    # All bytes, among them Ctrl-C.
    (folder / "all.bin").write_bytes(bytes(range(256)) * 30)
    # More than the heap of the board.
    (folder / "large.bin").write_bytes(bytes(range(256)) * 1500)
    code = "import colours; print(len(colours.WARM), sum(open('/remote/all.bin', 'rb').read()))"
    write = "with open('/remote/out.txt', 'w') as out: out.write('from the board ' * 50)"

    async with tunnel(gateway, "lamp", tmp_path / "port") as port:
        command = (sys.executable, "-m", "mpremote", "connect", port)
        endless = await asyncio.create_subprocess_exec(*command, "exec", "print(1)\nwhile True: pass", stdout=PIPE)
        assert endless.stdout is not None
        await asyncio.wait_for(endless.stdout.readline(), DEADLINE_S)
        # Its code goes on, until the next one interrupts it.
        endless.kill()
        await endless.wait()
        mounted = await run(*command, "mount", str(folder), "+", "exec", code, "+", "exec", write)
        too_large = await run(*command, "mount", str(folder), "+", "exec", "open('/remote/large.bin', 'rb').read()")
        (folder / "large.bin").unlink()
        others = await run(
            *command, "cp", "-r", str(folder), ":", "+", "ls", ":shared", "+", "df", "+", "rm", "-r", ":shared"
        )
    await lamp.until_start(2)

    assert mounted.returncode == 0, mounted.stdout + mounted.stderr
    assert f"500 {sum(range(256)) * 30}" in mounted.stdout
    assert (folder / "out.txt").read_text() == "from the board " * 50
    assert too_large.returncode == 1 and "MemoryError" in too_large.stdout + too_large.stderr
    assert "bytes of input came after the code had ended" in too_large.stdout + too_large.stderr
    assert others.returncode == 0 and "colours.py" in others.stdout, others.stdout + others.stderr


async def test_a_session_that_ends_while_code_runs_starts_the_program_again(
    gateway: GatewayProcess, lamp: Lamp
) -> None:
    def leave() -> None:
        with Gateway(gateway.url) as client, StoppedPrompt(client, "lamp") as prompt:
            prompt.begin("while True: pass")

    await asyncio.to_thread(leave)
    await lamp.until_start(2)


async def test_ctrl_c_ends_code_that_has_not_begun_yet(gateway: GatewayProcess, lamp: Lamp) -> None:
    keys = [INTERRUPT]

    def typed(wait_s: float) -> bytes:
        threading.Event().wait(0 if keys else wait_s)
        return keys.pop() if keys else b""

    def start() -> str | None:
        with Gateway(gateway.url) as client, StoppedPrompt(client, "lamp") as prompt:
            return prompt.run("while True: pass", lambda _: None, typed)

    traceback = await asyncio.to_thread(start)
    await lamp.until_start(2)

    assert traceback is not None and "KeyboardInterrupt" in traceback


async def test_ctrl_c_overtakes_what_was_typed_however_much_it_is(gateway: GatewayProcess, lamp: Lamp) -> None:
    def paste(prompt: StoppedPrompt, size: int) -> tuple[str | None, str]:
        """Types as much at code that reads nothing, and Ctrl-C at once; returns its traceback and what was shown."""
        keys, shown = [b"x" * size, INTERRUPT], bytearray()

        def typed(wait_s: float) -> bytes:
            if keys and b"ready" in shown:
                return keys.pop(0)
            threading.Event().wait(wait_s)
            return b""

        return prompt.run(DEAF, shown.extend, typed), shown.decode()

    def paste_all() -> tuple[str, list[tuple[str | None, str]], int]:
        with Gateway(gateway.url) as client, StoppedPrompt(client, "lamp") as prompt:
            with pytest.raises(GatewayError) as refused:
                prompt.begin("#" * MEGABYTE)
            return str(refused.value), [paste(prompt, size) for size in (65, 5_000, 20_000, MEGABYTE)], lamp.starts

    refusal, ends, starts = await asyncio.to_thread(paste_all)

    assert "at most 24576 bytes" in refusal
    assert all(traceback is not None and "KeyboardInterrupt" in traceback for traceback, _ in ends)
    assert ["bytes that were typed are dropped" in shown for _, shown in ends] == [False] * 3 + [True]
    assert starts == 1


@pytest.mark.parametrize("code", ["while True: pass", None], ids=["busy", "idle"])
async def test_a_cut_link_starts_the_program_again_while_the_session_is_held(
    gateway: GatewayProcess, lamp: Lamp, code: str | None
) -> None:
    is_cut, is_over = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold() -> None:
        with Gateway(gateway.url) as client, StoppedPrompt(client, "lamp") as prompt:
            if code is not None:
                prompt.begin(code)
            loop.call_soon_threadsafe(lamp.board.network.disconnect)
            loop.call_soon_threadsafe(is_cut.set)
            is_over.wait(DEADLINE_S)

    holder = asyncio.create_task(asyncio.to_thread(hold))
    try:
        await asyncio.wait_for(is_cut.wait(), DEADLINE_S)
        # Nothing reaches the board: it finds out by itself.
        await lamp.until_boot(2)
        lamp.board.network.reconnect()
        await lamp.until_start(2)
    finally:
        is_over.set()
        await holder
