"""A project of one's own, from `darvaz new` on: tested, simulated and flashed as docs/your-project.md says."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darvaz.boards.program.new import write_project
from darvaz.boards.virtual import VirtualBoard
from tests.support.flashing import MAIN, Person, read_board, write_board
from tests.support.gateway import GatewayProcess
from tests.support.hil import pytest_in
from tests.support.littlefs import firmware_of, put_files
from tests.support.simulation import DEADLINE_S, Simulation

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def ready_board(tmp_path: Path) -> AsyncIterator[VirtualBoard]:
    """A board that has our files, and no settings: a flash copies what differs."""
    put_files(tmp_path / "ready.img", firmware_of("pico"))
    async with VirtualBoard("pico", tmp_path / "ready", image=tmp_path / "ready.img") as running:
        yield running


@pytest.mark.parametrize("kind", ["pico", "esp32cam"])
async def test_the_tests_of_a_new_project_pass(kind: str, tmp_path: Path) -> None:
    write_project(tmp_path / "lamp", kind)

    code, output = await pytest_in(tmp_path / "lamp", "-q", "-p", "no:xdist", "-W", "ignore")

    assert code == 0 and "3 passed" in output, output


def test_virtual_boards_run_the_program_of_a_folder(tmp_path: Path) -> None:
    write_project(tmp_path / "lamp", "pico")
    with GatewayProcess() as gateway:
        boards = Simulation(gateway, tmp_path, "--app", str(tmp_path / "lamp"), "--pico", "2")
        try:
            boards.expect(r"gateway: online as", count=2)
            online = sorted(device["id"] for device in gateway.get("/api/devices").json()["devices"])
            dimmed = gateway.post("/api/devices/lamp-2/commands/dim", json={"percent": 30}).json()
        finally:
            boards.stop(signal.SIGINT)

    assert online == ["lamp-1", "lamp-2"]
    assert dimmed["result"] == {"percent": 30}


def test_a_program_for_another_kind_is_not_simulated(tmp_path: Path) -> None:
    write_project(tmp_path / "lamp", "pico")
    command = [sys.executable, "-m", "darvaz", "simulate", "--app", str(tmp_path / "lamp"), "--esp32cam", "1"]
    # Others may run on this machine.
    command += ["--gateway", "http://127.0.0.1:9"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    assert done.returncode == 2 and "the program is for the kind pico, not esp32cam" in done.stderr


async def test_a_board_gets_the_program_of_a_folder(ready_board: VirtualBoard, person: Person, tmp_path: Path) -> None:
    lamp = tmp_path / "lamp"
    write_project(lamp, "pico")
    (lamp / "lib").mkdir()
    (lamp / "lib/colours.py").write_text("WARM = 2700\n")

    done = await person.flash(ready_board, "--app", str(lamp), "--device", "lamp")

    assert done.code == 0, done.err
    dim = {"percent": 30}
    answer = await asyncio.to_thread(person.gateway.post, "/api/devices/lamp/commands/dim", json=dim)
    assert answer.json()["result"] == dim
    (lamp / "lib/colours.py").unlink()
    (lamp / "main.py").write_text((lamp / "main.py").read_text() + "# changed\n")

    done = await person.flash(ready_board, "--app", str(lamp))

    after = await read_board(ready_board)
    assert done.code == 0 and "1 file copied" in done.out, done.out + done.err
    assert after[MAIN] == (lamp / "main.py").read_bytes()
    assert "/lib/colours.py" not in after and not [path for path in after if ".kept-" in path]


async def test_another_program_is_kept_beside_the_one_of_the_folder(
    ready_board: VirtualBoard, person: Person, tmp_path: Path
) -> None:
    write_project(tmp_path / "lamp", "pico")
    with_ours = b"import darvaz  # mine\n"
    put = {MAIN: with_ours}

    await write_board(ready_board, put)

    done = await person.flash(ready_board, "--app", str(tmp_path / "lamp"))

    after = await read_board(ready_board)
    assert done.code == 0, done.err
    assert after[MAIN] == (tmp_path / "lamp/main.py").read_bytes() and after["/main.py.kept-1"] == with_ours
