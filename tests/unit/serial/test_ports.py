"""The values of PORT=, and the errors for those without a port."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serial.tools.list_ports_common import ListPortInfo

from darvaz.boards.serial import Reason, SerialError, find_port, list_boards
from darvaz.boards.serial.serial_port import open_serial_port


def listed(path: str, vid: int | None, serial_number: str | None = None) -> Any:
    info = ListPortInfo(path, skip_link_detection=True)
    info.vid, info.pid, info.serial_number = vid, 5, serial_number
    return info


PICO = listed("/dev/ttyACM0", 0x2E8A, "E6614C311B7A8B24")
CAMERA = listed("/dev/ttyUSB0", 0x1A86)
MODEM = listed("/dev/ttyUSB3", 0x2C7C, "0123")
BUILT_IN = listed("/dev/ttyS0", None)


@pytest.fixture
def terminal() -> Iterator[str]:
    near, far = pty.openpty()
    yield os.ttyname(far)
    os.close(near)
    os.close(far)


def refusal(wanted: str, *ports: Any) -> SerialError:
    with pytest.raises(SerialError) as caught:
        find_port(wanted, ports)
    return caught.value


def test_only_boards_and_programmers_are_listed() -> None:
    assert [port.path for port in list_boards([MODEM, BUILT_IN, CAMERA, PICO])] == ["/dev/ttyACM0", "/dev/ttyUSB0"]


def test_only_board_is_found_by_auto() -> None:
    assert find_port("auto", [BUILT_IN, PICO, MODEM]).path == "/dev/ttyACM0"


def test_pico_speaks_usb_itself_and_camera_through_a_programmer() -> None:
    pico, camera = list_boards([PICO, CAMERA])

    assert (pico.is_native_usb, pico.is_programmer) == (True, False)
    assert (camera.is_native_usb, camera.is_programmer) == (False, True)


def test_board_is_found_by_its_serial_number_in_any_case() -> None:
    assert find_port("id:e6614c311b7a8b24", [CAMERA, PICO]).path == "/dev/ttyACM0"


def test_no_board_is_reported_with_what_to_do() -> None:
    error = refusal("auto", BUILT_IN, MODEM)

    assert error.reason is Reason.NO_BOARD
    assert "plug it in" in str(error)


def test_several_boards_are_named_with_how_to_choose() -> None:
    error = refusal("auto", PICO, CAMERA)

    assert error.reason is Reason.SEVERAL_BOARDS
    assert "/dev/ttyUSB0" in str(error)
    assert "PORT=id:E6614C311B7A8B24" in str(error)


def test_unknown_serial_number_is_reported_with_those_attached() -> None:
    error = refusal("id:1234", PICO)

    assert error.reason is Reason.NO_BOARD
    assert "E6614C311B7A8B24" in str(error)


@pytest.mark.parametrize("path", ["/dev/ttyACM77", "ttyUSB0", "/etc/passwd", "COM3"])
def test_path_that_is_not_a_port_is_reported(path: str) -> None:
    assert refusal(path, PICO).reason is Reason.NO_PORT


def test_terminal_that_usb_does_not_know_may_be_named(terminal: str) -> None:
    assert find_port(terminal, [PICO]).path == terminal


def test_link_to_a_port_leads_to_the_port(terminal: str, tmp_path: Path) -> None:
    link = tmp_path / "board"
    link.symlink_to(terminal)

    assert find_port(str(link), []).path == terminal


def test_port_in_use_is_reported_with_the_program_that_has_it(terminal: str) -> None:
    first = open_serial_port(find_port(terminal, []))

    with pytest.raises(SerialError, match="in use by another program") as caught:
        open_serial_port(find_port(terminal, []))

    first.close()
    assert caught.value.reason is Reason.BUSY


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to become nobody")
def test_missing_permission_is_reported_with_the_group_to_join(terminal: str) -> None:
    os.chmod(terminal, 0o600)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            open_serial_port(find_port(terminal, []))
        except SerialError as error:
            os.write(write, f"{error.reason}: {error}".encode())
        os._exit(0)
    os.waitpid(child, 0)

    message = os.read(read, 4096).decode()

    os.close(read)
    os.close(write)
    assert message.startswith("no_permission")
    assert "usermod -aG" in message
