"""The board's library on real MicroPython, and the real gateway: commands, logs, telemetry, restarts, refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import journalled
from tests.support.board_process import BoardProcess
from tests.support.gateway import GatewayProcess
from tests.support.webserver import wait_until


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess() as running:
        yield running


@pytest.fixture
def board(gateway: GatewayProcess, tmp_path: Path) -> Iterator[BoardProcess]:
    with BoardProcess(tmp_path / "board", gateway.ws_url) as running:
        running.expect("online as pan-tilt")
        yield running


def ask(gateway: GatewayProcess, command: str, /, **args: Any) -> tuple[int, dict[str, Any]]:
    """Sends a command to the board and returns the status and the body of the answer."""
    answer = gateway.post(f"/api/devices/pan-tilt/commands/{command}", json=args)
    return answer.status_code, answer.json()


def result_of(gateway: GatewayProcess, command: str, /, **args: Any) -> Any:
    status, body = ask(gateway, command, **args)
    assert status == 200, body
    return body["result"]


def logged(gateway: GatewayProcess) -> list[str]:
    """Returns the lines of the board's log in the journal, oldest first."""
    payloads = [line.payload for line in journalled.lines(gateway.data) if line.type == "log"]
    return [json.loads(payload)["message"] for payload in payloads if payload]


def wait_for_log(gateway: GatewayProcess, part: str) -> str:
    """Waits for a line of the board's log in the journal and returns it."""
    give_up = time.monotonic() + 15
    while True:
        found = [line for line in logged(gateway) if part in line]
        if found:
            return found[0]
        assert time.monotonic() < give_up, logged(gateway)
        time.sleep(0.05)


def wait_until_offline(gateway: GatewayProcess) -> None:
    give_up = time.monotonic() + 15
    while any(device["online"] for device in gateway.get("/api/devices").json()["devices"]):
        assert time.monotonic() < give_up, "the device stays online"
        time.sleep(0.02)


# Commands


def test_command_is_answered_with_its_result(gateway: GatewayProcess, board: BoardProcess) -> None:
    assert result_of(gateway, "pan", angle=90) == {"angle": 90}


def test_wrong_arguments_are_answered_with_the_reason(gateway: GatewayProcess, board: BoardProcess) -> None:
    for args, reason in (
        ({"angle": 270}, "angle must be at most 180, not 270"),
        ({"angle": "left"}, "angle must be a number"),
        ({}, "angle is missing"),
        ({"angle": 1, "speed": 2}, "speed is not an argument"),
    ):
        status, body = ask(gateway, "pan", **args)
        assert status >= 400
        assert reason in body["detail"]


def test_unknown_command_is_answered_with_those_there_are(gateway: GatewayProcess, board: BoardProcess) -> None:
    status, body = ask(gateway, "dance")

    assert status >= 400
    assert "pan" in body["detail"]


def test_handler_that_raises_is_answered_and_its_traceback_logged(gateway: GatewayProcess, board: BoardProcess) -> None:
    status, body = ask(gateway, "fail")

    assert status >= 400
    assert "ValueError: the servo is stuck" in body["detail"]
    line = wait_for_log(gateway, "command fail failed")
    assert "Traceback" in line and 'plain.py"' in line
    assert result_of(gateway, "pan", angle=1) == {"angle": 1}


def test_handler_that_never_returns_is_answered_at_its_deadline(gateway: GatewayProcess, board: BoardProcess) -> None:
    status, body = ask(gateway, "hang")

    assert status >= 400
    assert "no result in 0.3 s" in body["detail"]
    assert result_of(gateway, "pan", angle=1) == {"angle": 1}


def test_two_handlers_run_side_by_side(gateway: GatewayProcess, board: BoardProcess) -> None:
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(result_of, gateway, "wait", name="slow", wait_ms=1500)
        board.expect("begin slow")
        assert result_of(gateway, "wait", name="quick", wait_ms=1) == "quick"
        assert not slow.done()
        assert slow.result() == "slow"


def test_result_too_large_is_answered_with_an_error(gateway: GatewayProcess, board: BoardProcess) -> None:
    status, body = ask(gateway, "big", size=5000)

    assert status >= 400
    assert "cannot be sent" in body["detail"]
    assert len(result_of(gateway, "big", size=1000)) == 1000


def test_flood_of_commands_is_answered_one_by_one(gateway: GatewayProcess, board: BoardProcess) -> None:
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda number: ask(gateway, "wait", name=str(number), wait_ms=300), range(24)))

    refused = [body["detail"] for status, body in answers if status != 200]
    assert len(answers) - len(refused) >= 8
    assert all("busy" in reason for reason in refused)
    assert result_of(gateway, "pan", angle=1) == {"angle": 1}


def test_info_describes_the_board(gateway: GatewayProcess, board: BoardProcess) -> None:
    info = result_of(gateway, "info")

    assert info["board"] == "Board of the tests"
    assert info["heap_free_bytes"] > 0
    assert info["rssi_dbm"] == -60


def test_reboot_is_acknowledged_and_the_link_closed(gateway: GatewayProcess, board: BoardProcess) -> None:
    assert ask(gateway, "reboot")[0] == 200

    assert board.wait() == 3
    wait_until_offline(gateway)
    line = journalled.wait_for_line(gateway.data, direction="=", type="disconnected")[-1]
    assert line.payload is not None and "1000" in line.payload


# Messages of the board


def test_welcome_sets_the_clock(gateway: GatewayProcess, board: BoardProcess) -> None:
    line = board.expect(r"CONNECTED 1 clock \[\d+\]")

    assert abs(int(line.split("[")[1].rstrip("]")) - time.time()) < 60


def test_telemetry_arrives_in_its_rhythm(gateway: GatewayProcess, board: BoardProcess) -> None:
    rows = journalled.wait_for_line(gateway.data, type="telemetry", count=3)

    times_ms = [json.loads(row.payload or "")["uptime_ms"] for row in rows[:3]]
    assert all(json.loads(row.payload or "")["values"] == {"temperature": 21.5} for row in rows)
    # Each a second after the one before, whatever one of them was late.
    assert all(abs(time_ms - times_ms[0] - 1000 * number) <= 500 for number, time_ms in enumerate(times_ms))


def test_values_that_are_no_numbers_are_left_out_and_told_once(gateway: GatewayProcess, tmp_path: Path) -> None:
    with BoardProcess(tmp_path / "board", gateway.ws_url, every_s=60, has_loose_sensors=True) as board:
        board.expect("online as pan-tilt")
        rows = journalled.wait_for_line(gateway.data, type="telemetry", count=4)
        warnings = [line for line in logged(gateway) if "left out" in line]

    assert {"light": 7} in [json.loads(row.payload or "")["values"] for row in rows]
    assert len(warnings) == 1
    assert all(name in warnings[0] for name in ("sensors", "humidity", "pressure", "distance"))


def test_what_the_board_keeps_is_numbered_from_its_start(gateway: GatewayProcess, board: BoardProcess) -> None:
    journalled.wait_for_line(gateway.data, type="telemetry", count=2)
    rows = [line for line in journalled.lines(gateway.data) if line.type in ("log", "telemetry")]

    assert [json.loads(row.payload or "")["seq"] for row in rows] == list(range(len(rows)))


def camera_of(gateway: GatewayProcess) -> dict[str, Any]:
    return dict(gateway.get("/api/devices/pan-tilt/camera").json())


def test_frame_of_a_camera_arrives(gateway: GatewayProcess, tmp_path: Path) -> None:
    with BoardProcess(tmp_path / "board", gateway.ws_url, kind="esp32cam", heap="2m") as board:
        board.expect("online as pan-tilt")

        for count, size_bytes in enumerate((4, 125, 126, 25_000, 65_535, 65_536, 200_000), 1):
            assert result_of(gateway, "frame", size_bytes=size_bytes) is True
            wait_until(lambda count=count: camera_of(gateway)["frames"] == count)  # type: ignore[misc]
            assert camera_of(gateway)["frame_bytes"] == size_bytes


def test_board_shows_its_token_in_the_header(tmp_path: Path) -> None:
    with GatewayProcess("--localhost-without-token", "false", "--public-tokens", "always") as gateway:
        with BoardProcess(tmp_path, gateway.ws_url, config={"token": gateway.token()}) as board:
            board.expect("online as pan-tilt")


def test_board_shows_its_token_in_the_first_message(tmp_path: Path) -> None:
    with GatewayProcess("--localhost-without-token", "false", "--public-tokens", "always") as gateway:
        config = {"token": gateway.token(), "auth": "message"}
        with BoardProcess(tmp_path, gateway.ws_url, config=config) as board:
            board.expect("online as pan-tilt")
        journalled.wait_for_line(gateway.data, type="auth")


@pytest.mark.parametrize("auth", ["header", "message"])
def test_refused_token_is_logged_and_followed_by_a_wait(tmp_path: Path, auth: str) -> None:
    with GatewayProcess("--localhost-without-token", "false") as gateway:
        config = {"token": "dvz_abcdefghij_" + "A" * 43, "auth": auth, "log_level": "debug"}
        with BoardProcess(tmp_path, gateway.ws_url, config=config) as board:
            board.expect("refused with 401" if auth == "header" else "closed with 4401")
            board.expect("next attempt in", count=3)
            assert "dvz_" not in board.output()


# What the link lives through


def test_board_returns_after_the_gateway_was_killed(
    gateway: GatewayProcess, board: BoardProcess, tmp_path: Path
) -> None:
    for count in (2, 3, 4):
        gateway.kill()
        gateway.start()

        board.expect(rf"CONNECTED {count} ")

    assert result_of(gateway, "pan", angle=45) == {"angle": 45}


def test_board_returns_after_an_orderly_restart(gateway: GatewayProcess, board: BoardProcess) -> None:
    gateway.stop()
    board.expect("closed with 1012")

    gateway.start()

    board.expect("CONNECTED 2 ")


def test_messages_of_an_outage_arrive_after_it(gateway: GatewayProcess, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"every_s": 0.5}
    with BoardProcess(tmp_path / "board", gateway.ws_url, **settings) as board:
        board.expect("online as pan-tilt")
        before = len(journalled.lines(gateway.data))
        gateway.kill()
        board.expect("no connection: ECONNREFUSED", count=3)
        time.sleep(2)
        gateway.start()
        board.expect("CONNECTED 2 ")

        journalled.wait_for_line(gateway.data, type="telemetry", count=8)
        rows = journalled.lines(gateway.data)[before:]
        texts = [json.loads(row.payload or "")["message"] for row in rows if row.type == "log"]
        assert any("ECONNREFUSED" in line for line in texts)
        stamps_ms = [json.loads(row.payload or "")["uptime_ms"] for row in rows if row.type == "telemetry"]
        assert stamps_ms == sorted(stamps_ms)


def test_number_of_messages_lost_is_reported(gateway: GatewayProcess, tmp_path: Path) -> None:
    with BoardProcess(tmp_path / "board", gateway.ws_url) as board:
        board.expect("online as pan-tilt")
        assert result_of(gateway, "wait", name="x", wait_ms=1) == "x"
        ask(gateway, "say", count=300)

        journalled.wait_for_line(gateway.data, type="log", count=10)
        board.expect(r"W .* \d+ messages were lost")
        wait_for_log(gateway, "messages were lost")
        lost = sum(int(line.split()[0]) for line in logged(gateway) if "messages were lost" in line)
        kept = sum(line.startswith("line ") for line in logged(gateway))
        assert kept + lost >= 300
        assert logged(gateway).index("line 0299") > 0
