"""The virtual board from the host's side: unmodified mpremote works with it as with a board on USB."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from darvaz.boards.serial import Prompt
from darvaz.boards.virtual import VirtualBoard
from darvaz.boards.virtual.network import ROUTES_MAX
from tests.support.at_prompt import at_prompt
from tests.support.mpremote import mpremote

pytestmark = [pytest.mark.timeout(90)]
DEADLINE_S = 15.0
ENDLESS = "import time\nprint('main runs')\nwhile True:\n    time.sleep(0.05)\n"


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    async with VirtualBoard("pico", tmp_path / "flash") as running:
        yield running


async def until(is_so: Callable[[], bool], board: VirtualBoard, deadline_s: float = DEADLINE_S) -> None:
    give_up = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < give_up, "\n".join(board.lines)
        await asyncio.sleep(0.01)


async def printed(board: VirtualBoard, pattern: str, count: int = 1) -> None:
    await until(lambda: sum(bool(re.search(pattern, line)) for line in board.lines) >= count, board)


# The prompt


async def test_expression_is_evaluated(board: VirtualBoard) -> None:
    assert (await mpremote(board.port, "eval", "6*7")).output.strip() == "42"


async def test_error_comes_with_its_traceback(board: VirtualBoard) -> None:
    done = await mpremote(board.port, "exec", "1/0")

    assert done.code == 1
    assert "ZeroDivisionError" in done.output


async def test_thirty_connections_in_a_row_all_succeed(board: VirtualBoard) -> None:
    # In one process: what is tested is the board, which a new process would see no differently.
    rounds = [("connect", board.port, "exec", f"print({number})", "disconnect") for number in range(30)]
    words = [word for one in rounds for word in one]

    done = await mpremote(*words[1:])

    assert done.output.split() == [str(number) for number in range(30)]


async def test_program_of_the_host_runs_on_the_board(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text("import sys\nprint('hello from', sys.platform)\n")

    assert "hello from" in (await mpremote(board.port, "run", str(tmp_path / "hello.py"))).output


async def test_state_survives_between_commands_that_resume(board: VirtualBoard) -> None:
    await mpremote(board.port, "resume", "exec", "x = 41")

    assert (await mpremote(board.port, "resume", "exec", "print(x + 1)")).output.strip() == "42"


# Files


async def test_file_comes_back_as_it_went(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(os.urandom(30_000))

    await mpremote(board.port, "cp", str(tmp_path / "there"), ":file")
    await mpremote(board.port, "cp", ":file", str(tmp_path / "back"))

    assert (tmp_path / "back").read_bytes() == (tmp_path / "there").read_bytes()


async def test_folders_are_copied_listed_and_removed(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "app" / "deep").mkdir(parents=True)
    (tmp_path / "app" / "deep" / "one.txt").write_text("1")
    (tmp_path / "app" / "two.txt").write_text("2")

    await mpremote(board.port, "cp", "-r", str(tmp_path / "app"), ":")
    assert "two.txt" in (await mpremote(board.port, "ls", ":app")).output
    assert (await mpremote(board.port, "cat", ":app/deep/one.txt")).output.strip() == "1"
    await mpremote(board.port, "rm", "-r", ":app")

    assert "app" not in (await mpremote(board.port, "ls")).output


async def test_missing_file_is_an_error(board: VirtualBoard) -> None:
    done = await mpremote(board.port, "cat", ":nothing")

    assert done.code != 0
    assert "No such file" in done.output


async def test_folder_of_the_host_can_be_mounted_and_imported_from(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "module.py").write_text("ANSWER = 42\n")

    program = "import module; print(module.ANSWER); open('new', 'w').write('x')"
    done = await mpremote(board.port, "mount", str(tmp_path / "shared"), "exec", program)

    assert "42" in done.output
    assert (tmp_path / "shared" / "new").read_text() == "x"


# Starting


async def test_boot_and_main_run_after_a_reset(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "flash" / "boot.py").write_text("print('boot runs')\n")
    (tmp_path / "flash" / "main.py").write_text(ENDLESS)

    await mpremote(board.port, "reset")

    await printed(board, "boot runs")
    await printed(board, "main runs")


async def test_ctrl_c_ends_a_running_program_and_leaves_its_names(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "flash" / "main.py").write_text("answer = 42\n" + ENDLESS)
    board.reset()
    await printed(board, "main runs")

    board.type(b"\x03")
    await printed(board, "KeyboardInterrupt")
    board.type(b"print('it is', answer)\r")

    await printed(board, "it is 42$")


async def test_main_runs_again_after_ctrl_d(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "flash" / "main.py").write_text("print('once more')\n")
    board.reset()
    await printed(board, "once more")

    board.type(b"\x04")

    await printed(board, "once more", count=2)
    await printed(board, "soft reboot")


async def test_program_that_exits_is_a_soft_reboot(board: VirtualBoard, tmp_path: Path) -> None:
    counter = "try:\n    n = int(open('n').read())\nexcept OSError:\n    n = 0\nopen('n', 'w').write(str(n + 1))\n"
    (tmp_path / "flash" / "main.py").write_text(counter + "print('run', n)\nif n < 2:\n    raise SystemExit\n")

    board.reset()

    await printed(board, "run 2")


async def test_program_with_an_error_ends_at_the_prompt(board: VirtualBoard, tmp_path: Path) -> None:
    (tmp_path / "flash" / "main.py").write_text("raise ValueError('no servo')\n")

    board.reset()

    await printed(board, "ValueError: no servo")
    assert (await mpremote(board.port, "eval", "1+1")).output.strip() == "2"


# Hardware


async def test_pins_are_seen_and_set_from_outside(board: VirtualBoard) -> None:
    board.hardware.inputs["14"] = 1
    program = "from machine import Pin; Pin(15, Pin.OUT, value=1); print(Pin(14, Pin.IN).value())"

    assert (await mpremote(board.port, "resume", "exec", program)).output.strip() == "1"
    assert board.hardware.pins["15"] == {"mode": "out", "value": 1}


async def test_wired_pin_reads_what_the_other_is_driven_to(board: VirtualBoard) -> None:
    board.hardware.jumpers["14"] = "15"
    program = "from machine import Pin; a, b = Pin(15, Pin.OUT), Pin(14); a.on(); print(b.value()); a.off(); print(b())"

    assert (await mpremote(board.port, "resume", "exec", program)).output.split() == ["1", "0"]


async def test_hardware_answers_after_ctrl_c_in_the_middle_of_a_question(board: VirtualBoard, tmp_path: Path) -> None:
    board.hardware.inputs["14"] = 1
    ask = "count = 0\nwhile count < 60:\n    try:\n        print('asks', count)\n        while True:\n"
    ask += (
        "            pin.value()\n    except KeyboardInterrupt:\n        count += 1\nprint('it reads', pin.value())\n"
    )
    (tmp_path / "flash" / "main.py").write_text("from machine import Pin\npin = Pin(14, Pin.IN)\n" + ask)
    board.reset()

    for count in range(60):
        await printed(board, f"asks {count}")
        # At various places of a question.
        await asyncio.sleep(count % 10 / 1000)
        board.type(b"\x03")

    await printed(board, "it reads 1")


async def test_pulses_are_seen(board: VirtualBoard) -> None:
    await mpremote(board.port, "resume", "exec", "from machine import PWM, Pin; PWM(Pin(16), freq=50, duty_ns=1500000)")

    assert board.hardware.pins["16"]["duty_ns"] == 1_500_000
    assert board.hardware.pins["16"]["freq_hz"] == 50


async def test_converter_reads_what_is_set(board: VirtualBoard) -> None:
    board.hardware.adc_u16["26"] = 12345

    assert (await mpremote(board.port, "eval", "__import__('machine').ADC(26).read_u16()")).output.strip() == "12345"


async def test_watchdog_that_is_not_fed_resets_the_board(board: VirtualBoard, tmp_path: Path) -> None:
    program = "import machine\nprint('cause', machine.reset_cause())\nmachine.WDT(timeout=1000)\n"
    (tmp_path / "flash" / "main.py").write_text(program + ENDLESS)

    board.reset()

    await printed(board, "cause 3", count=2)
    assert board.hardware.reset_cause == "watchdog"


async def test_watchdog_longer_than_the_chip_can_wait_is_refused(board: VirtualBoard) -> None:
    done = await mpremote(board.port, "exec", "import machine; machine.WDT(timeout=9000)")

    assert "timeout exceeds 8388" in done.output


async def test_two_boards_have_two_ids(board: VirtualBoard, tmp_path: Path) -> None:
    ask = "__import__('machine').unique_id()"
    async with VirtualBoard("pico", tmp_path / "other") as other:
        assert (await mpremote(board.port, "eval", ask)).output != (await mpremote(other.port, "eval", ask)).output


# Power


async def test_littlefs_survives_a_power_cut_at_every_write(tmp_path: Path) -> None:
    save = "f = open('new.tmp', 'w'); f.write('{}' * 3000); f.close(); import os; os.rename('new.tmp', 'file')"
    image = tmp_path / "image"
    cuts = 0
    async with VirtualBoard("pico", tmp_path / "flash", image=image) as board:
        for number in range(12):
            old, new = ("a", "b") if number % 2 == 0 else ("b", "a")
            # The file holds the old content before each round.
            await at_prompt(board, partial(Prompt.exec, code=save.format(old)))
            # The prompt's last Ctrl-B may still be on its way.
            await until(lambda: not board._console.is_raw, board)
            board.lines.clear()
            board.cut_power_at_block_write(number)
            board.type(b"\r\x03" + save.format(new).encode() + b"; print('sa' + 'ved')\r")
            await until(lambda: board.hardware.reset_cause == "power_cut" or "saved" in board.lines, board)
            cuts += board.hardware.reset_cause == "power_cut"
            board.hardware.block_writes_left = None
            content = (await at_prompt(board, lambda prompt: prompt.read_file("/file"))).decode()
            assert content in (old * 3000, new * 3000), (number, content[:20])
            board.hardware.reset_cause = "soft_reset"
    assert cuts >= 3


async def test_unplugged_board_is_gone_and_starts_again_when_plugged_in(tmp_path: Path) -> None:
    (tmp_path / "flash").mkdir()
    (tmp_path / "flash" / "main.py").write_text("print('main runs')\n")
    async with VirtualBoard("pico", tmp_path / "flash") as board:
        await printed(board, "main runs")
        old_port, old_pid = board.port, board.pid

        board.unplug()

        assert board.port == "" and board.pid is None
        assert not os.path.exists(old_port) and not os.path.exists(f"/proc/{old_pid}")  # noqa: ASYNC240

        board.plug_in()

        await printed(board, "main runs", 2)
        assert (await mpremote(board.port, "eval", "6*7")).output.strip() == "42"


async def test_mpremote_ends_when_its_board_is_unplugged(board: VirtualBoard) -> None:
    running = asyncio.create_task(mpremote(board.port, "exec", ENDLESS))
    await asyncio.sleep(1)

    board.unplug()

    assert (await asyncio.wait_for(running, DEADLINE_S)).code != 0


async def test_gateway_gets_no_close_when_a_board_loses_its_power(board: VirtualBoard) -> None:
    ends: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    async with await asyncio.start_server(lambda *streams: ends.append(streams), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        way = board.network.route("127.0.0.1", port)
        await asyncio.sleep(0.1)
        _, writer = await asyncio.open_connection("127.0.0.1", way)
        await until(lambda: bool(ends), board)

        old_pid = board.pid
        board.power_cut()
        await until(lambda: board.pid != old_pid, board)
        writer.close()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ends[0][0].read(1), 1)
        ends[0][1].close()
        await ends[0][1].wait_closed()


async def test_board_that_looks_up_too_many_addresses_is_refused(board: VirtualBoard) -> None:
    for port in range(1, ROUTES_MAX + 1):
        board.network.route("127.0.0.1", port)

    with pytest.raises(OSError, match="too many routes"):
        board.network.route("127.0.0.1", ROUTES_MAX + 1)


async def test_host_that_reads_nothing_does_not_stop_the_board(tmp_path: Path) -> None:
    program = "for i in range(10000): print('some twenty characters')\nprint('all said')\n"
    (tmp_path / "flash").mkdir()
    (tmp_path / "flash" / "main.py").write_text(program)

    async with VirtualBoard("pico", tmp_path / "flash") as board:
        await printed(board, "^all said")


async def test_nothing_is_left_when_a_board_is_switched_off(tmp_path: Path) -> None:
    async with VirtualBoard("pico", tmp_path / "flash") as board:
        await mpremote(board.port, "eval", "1")
        assert board._interpreter is not None
        pid, port = board._interpreter.pid, board.port

    left = [path for path in (f"/proc/{pid}", port) if os.path.exists(path)]  # noqa: ASYNC240 (nothing runs any more)
    assert left == []
