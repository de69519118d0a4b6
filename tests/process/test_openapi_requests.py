"""A running gateway answers as its OpenAPI document says: schemathesis generates requests and checks the answers.

Each run tries every parameter and field at its limits; `make fuzz` adds random ones, which take twice as long.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support.examples import TIMES, scaled
from tests.support.gateway import GatewayProcess
from tests.support.verbs import run_darvaz

# A run takes half a minute of a processor that is often shared.
RUN_DEADLINE_S = 180 + 60 * TIMES
PHASES = "examples,coverage,fuzzing" if TIMES > 1 else "examples,coverage"
HOOKS = Path(__file__).parents[1] / "support" / "schemathesis_hooks.py"
# The shortest frame that the gateway takes: the first and last bytes of a JPEG.
JPEG = b"\xff\xd8\xff\xd9"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_DEADLINE_S * 2)]


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    """A gateway that needs a token from its own machine too."""
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as running:
        yield running


@pytest.fixture(scope="module")
def token(gateway: GatewayProcess) -> str:
    return token_of(gateway)


def token_of(gateway: GatewayProcess, kind: str = "operator") -> str:
    issued = run_darvaz("token", "issue", kind, "--data", str(gateway.data))
    assert issued.returncode == 0, issued.stderr
    return issued.stdout.strip()


def run_schemathesis(gateway: GatewayProcess, token: str, folder: Path, *options: str, config: str = "") -> None:
    """Runs schemathesis against the gateway and shows what it found."""
    (folder / "schemathesis.toml").write_text(config)
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(folder / "schemathesis.toml"),
        "run", f"{gateway.url}/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--phases", PHASES,
        "--checks", "all", "--seed", "1", "--continue-on-failure", "--request-timeout", "20", *options,
    ]  # fmt: skip
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_DEADLINE_S, check=False, cwd=folder,
        # Without a home, each request would look for it in the list of users.
        env={"PATH": "", "HOME": str(folder), "SCHEMATHESIS_HOOKS": str(HOOKS)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:] + gateway.log_text()[-2000:]


# A response without an end; one that is not JSON; one whose wrong guesses lock the address out;
# one that issues tokens until its limit; and one that loads a file from the internet.
SPECIAL = ("watch_events", "export_journal", "sign_in", "mint_public_tokens", "fetch_image")
# What these accept depends on more than a schema says: one field on another, an address that Apprise knows, base64.
# Only that they take everything of the schema is left out of the checks.
CHOOSY = (
    "add_alert_rule", "add_rule", "change_rule", "put_alert_channel", "send_to_many", "add_release", "type_at_prompt",
    "issue_token", "add_person", "change_person", "issue_invitation",
)  # fmt: skip
# What operators may not do.
OWNERS = ("remove_person", "issue_person_link", "revoke_invitation")


def test_the_gateway_keeps_what_the_document_says(gateway: GatewayProcess, token: str, tmp_path: Path) -> None:
    without = [part for name in (*SPECIAL, *CHOOSY, *OWNERS) for part in ("--exclude-operation-id", name)]
    choosy = [part for name in (*CHOOSY, *OWNERS) for part in ("--include-operation-id", name)]
    owner = token_of(gateway, "owner")

    run_schemathesis(gateway, token, tmp_path, *without, "--max-examples", str(scaled(3)))
    run_schemathesis(gateway, owner, tmp_path, *choosy, "--exclude-checks", "positive_data_acceptance")

    assert gateway.get("/health").json()["status"] == "ok"
    assert "Traceback" not in gateway.log_text()


@contextlib.contextmanager
def obedient_camera(gateway: GatewayProcess, token: str, device: str) -> Iterator[None]:
    """Connects a camera that obeys every command and reports something."""
    is_here, is_over = threading.Event(), threading.Event()

    async def live() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(f"{gateway.ws_url}/ws/esp32cam", additional_headers=headers) as board:
            await board.send(json.dumps({"type": "connect", "device": device}))
            await board.recv()
            await board.send(json.dumps({"type": "telemetry", "values": {"temperature": 20.5, "gate": "open"}}))
            is_here.set()
            with contextlib.suppress(ConnectionClosed):
                while not is_over.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.1):
                            command = json.loads(await board.recv())
                        if command["type"] == "command":
                            await board.send(JPEG)
                            await board.send(json.dumps({"type": "ack", "id": command["id"], "status": "ok"}))

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    try:
        assert is_here.wait(20)
        yield
    finally:
        is_over.set()
        thread.join(20)


def test_the_gateway_keeps_it_for_an_online_device(tmp_path: Path) -> None:
    # Another gateway: the first run has changed the settings of its own.
    with GatewayProcess(env={"DARVAZ_LOCALHOST_WITHOUT_TOKEN": "false"}) as gateway:
        try_an_online_device(gateway, token_of(gateway), tmp_path)

        assert "Traceback" not in gateway.log_text()


def try_an_online_device(gateway: GatewayProcess, token: str, folder: Path) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    made = httpx.post(f"{gateway.url}/api/tokens", json={"kind": "esp32cam"}, headers=headers, trust_env=False)

    with obedient_camera(gateway, made.json()["token"], "yard"):
        run_schemathesis(
            gateway,
            token,
            folder,
            "--include-path-regex",
            "^/api/devices",
            "--exclude-method",
            "DELETE",
            "--exclude-operation-id",
            "stream_camera",
            # This camera answers no code, and input is base64.
            "--exclude-operation-id",
            "run_at_prompt",
            "--exclude-operation-id",
            "type_at_prompt",
            "--exclude-operation-id",
            "stop_program",
            "--max-examples",
            str(scaled(6)),
            config='[parameters]\n"path.device" = "yard"\n',
        )
        known = gateway.get("/api/devices/yard", headers=headers).json()

    assert known["online"] is True
