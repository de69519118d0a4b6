"""The lease on a board: one run at a time, and the error of another names the holder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from darvaz.pytest_plugin.errors import BenchError
from darvaz.pytest_plugin.lease import TakenError, leased

BOARD = "the board at /dev/ttyACM0"
HOLD = (
    "import sys; from pathlib import Path; from darvaz.pytest_plugin.lease import leased\n"
    "with leased(sys.argv[1], 0, Path(sys.argv[2])): print('held', flush=True); sys.stdin.read()"
)


def test_board_is_leased_and_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with leased(BOARD, 0, tmp_path):
            pass


def test_two_boards_are_leased_at_once(tmp_path: Path) -> None:
    with leased(BOARD, 0, tmp_path), leased("the board at /dev/ttyACM1", 0, tmp_path):
        pass


@pytest.fixture
def holder(tmp_path: Path):  # type: ignore[no-untyped-def]
    words = [sys.executable, "-c", HOLD, BOARD, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()
        process.stdin.close()


def test_error_of_a_second_run_names_the_holder(holder: subprocess.Popen[bytes], tmp_path: Path) -> None:
    with pytest.raises(TakenError) as refused, leased(BOARD, 0, tmp_path):
        pass

    message = str(refused.value)
    assert message.startswith(f"{BOARD} is taken by ")
    assert f"in {tmp_path}, process {holder.pid}, since " in message
    assert "--board-wait 60" in message


def test_second_run_waits_with_the_option(holder: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert holder.stdin is not None
    holder.stdin.close()

    with leased(BOARD, 30, tmp_path):
        pass


def test_lease_ends_with_a_run_that_was_killed(holder: subprocess.Popen[bytes], tmp_path: Path) -> None:
    holder.kill()
    holder.wait()

    with leased(BOARD, 0, tmp_path):
        pass


def test_other_users_of_the_machine_may_lease_too(tmp_path: Path) -> None:
    folder = tmp_path / "leases"
    with leased(BOARD, 0, folder):
        modes = {os.stat(path).st_mode & 0o666 for path in folder.glob("*.lock")}

    assert folder.stat().st_mode & 0o1777 == 0o1777
    assert modes == {0o666}


def test_folder_that_cannot_be_made_gives_a_short_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(BenchError, match=f"{BOARD} cannot be leased: .*: Not a directory"),
        leased(BOARD, 0, tmp_path / "file/leases"),
    ):
        pass
