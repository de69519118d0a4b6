"""`darvaz doctor` as a person runs it, against a real gateway."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

_DEADLINE_S = 60.0


def run_doctor(
    *words: str, token: str | None = None, typed: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DARVAZ_")}
    environment = {**clean, **variables}
    if token is not None:
        environment["DARVAZ_BOARD_TOKEN"] = token
    return run_darvaz("doctor", "--idle", "0.2", *words, env=environment, typed=typed)


def steps_of(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {step["step"]: step for step in json.loads(done.stdout)["steps"]}


def test_gateway_without_problems_gives_exit_status_0() -> None:
    with GatewayProcess() as gateway:
        done = run_doctor(gateway.url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ws://127.0.0.1:{gateway.port}/ws/pico is all right." in done.stdout
    assert "connection_ack" in done.stdout


def test_path_of_a_camera_is_checked_as_a_camera() -> None:
    with GatewayProcess() as gateway:
        done = run_doctor(f"{gateway.ws_url}/ws/esp32cam", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert {step["outcome"] for step in steps_of(done).values()} == {"ok"}


def test_wrong_token_is_found_in_the_handshake() -> None:
    with GatewayProcess() as gateway:
        done = run_doctor(gateway.url, "--json", token="dvz_0000000000_wrong")

    assert done.returncode == 1
    assert "HTTP 401" in steps_of(done)["handshake"]["detail"]
    assert "Check the token" in steps_of(done)["handshake"]["remedy"]
    assert steps_of(done)["connect"]["outcome"] == "skipped"


def test_token_of_the_other_kind_is_refused() -> None:
    with GatewayProcess() as gateway:
        done = run_doctor(gateway.url, "--json", token=gateway.token("esp32cam"))

    assert done.returncode == 1
    assert steps_of(done)["handshake"]["outcome"] == "failed"


def test_token_from_a_file_is_used_and_never_printed(tmp_path: Path) -> None:
    with GatewayProcess() as gateway:
        token = gateway.token()
        file = tmp_path / "token.txt"
        file.write_text(f"{token}\n")
        done = run_doctor(gateway.url, "--token-file", str(file), "--device", "pan-tilt")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "connection_ack, as pan-tilt" in done.stdout
    assert token not in done.stdout + done.stderr


def test_token_from_the_prompt_is_never_printed() -> None:
    with GatewayProcess() as gateway:
        token = gateway.token()
        done = run_doctor(gateway.url, "--token", typed=f"{token}\n")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "from the prompt" in done.stdout
    assert token not in done.stdout


def test_token_of_an_operator_is_not_used_as_a_boards() -> None:
    with GatewayProcess() as gateway:
        done = run_doctor(gateway.url, "--json", DARVAZ_TOKEN="dvz_0000000000_operators")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "fetched from /public/tokens" in steps_of(done)["token"]["detail"]


def test_token_of_another_board_is_refused_with_a_hint() -> None:
    with GatewayProcess() as gateway:
        token = gateway.token()
        first = run_doctor(gateway.url, "--device", "pan-tilt", token=token)
        second = run_doctor(gateway.url, "--device", "another", "--json", token=token)

    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 1
    assert "--device" in steps_of(second)["connect"]["remedy"]


def test_too_many_failures_have_another_hint_than_a_wrong_token() -> None:
    with GatewayProcess() as gateway:
        for _ in range(11):
            gateway.get("/ws/pico", headers=_upgrade("Bearer dvz_0000000000_wrong"))
        done = run_doctor(gateway.url, "--json", token="dvz_0000000000_wrong")

    assert "HTTP 429" in steps_of(done)["handshake"]["detail"]
    assert "wait five minutes" in steps_of(done)["handshake"]["remedy"]


def _upgrade(authorization: str) -> dict[str, str]:
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Authorization": authorization,
    }


def test_link_that_closes_as_idle_is_found_in_the_silence() -> None:
    with GatewayProcess(env={"DARVAZ_IDLE_TIMEOUT_S": "1"}) as gateway:
        done = run_doctor(gateway.url, "--idle", "20", "--json")

    assert done.returncode == 1
    assert steps_of(done)["ping"]["outcome"] == "ok"
    assert "raise its timeout" in steps_of(done)["idle"]["remedy"]


def test_stopped_gateway_is_found_at_its_port() -> None:
    with GatewayProcess() as gateway:
        gateway.stop()
        done = run_doctor(gateway.url)

    assert done.returncode == 1
    assert f"nothing listens on port {gateway.port}" in done.stdout
    assert "Something is wrong: port." in done.stdout


def test_wrong_address_is_explained_without_a_traceback() -> None:
    done = run_doctor("ftp://127.0.0.1")

    assert done.returncode == 2
    assert "use ws:// or http://" in done.stderr
    assert "Traceback" not in done.stderr


def test_invalid_device_id_is_explained_before_any_request() -> None:
    done = run_doctor("127.0.0.1:1", "--device", "a/b")

    assert done.returncode == 2
    assert "a device id is not . or .." in " ".join(done.stderr.split())
