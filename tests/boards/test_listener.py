"""What a listener on the network sees of a board's life: of a plain link all but the token, of an encrypted nothing."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path

import httpx
import pytest
import trustme

from tests.support.board_process import BoardProcess
from tests.support.capture import Capture
from tests.support.gateway import GatewayProcess
from tests.support.newer_python import NewerGateway

pytestmark = pytest.mark.timeout(120)
DEADLINE_S = 60
DEVICE, ARGUMENT, WORD = "secret-kitchen", 123, "begin hidden"


def live(
    gateway: GatewayProcess, folder: Path, tls: ssl.SSLContext | None, protection: str, **settings: object
) -> tuple[bytes, str]:
    """Has a board connect, obey, log and report; returns what went over the network, and its token."""
    scheme, host = ("ws", "127.0.0.1") if tls is None else ("wss", "localhost")
    url = f"{'http' if tls is None else 'https'}://{host}:{gateway.port}"
    with httpx.Client(base_url=url, verify=tls or True, trust_env=False, timeout=DEADLINE_S) as client:
        token = client.get("/public/tokens").json()["pico_tokens"][0]
        config = {"device": DEVICE, "token": token, **settings}
        address = f"{scheme}://{host}:{gateway.port}"
        with Capture(gateway.port) as capture, BoardProcess(folder, address, config=config, every_s=0.2) as board:
            board.expect("CONNECTED 1 ")
            send(client, gateway, "pan", {"angle": ARGUMENT})
            send(client, gateway, "wait", {"name": "hidden", "wait_ms": 1})
            board.expect(WORD)
            wait_for_report(client, gateway)
            found = client.get(f"/api/devices/{DEVICE}", headers=operator(gateway)).json()
            assert found["protection"] == protection
    assert capture.dropped == 0
    return capture.payload, token


def send(client: httpx.Client, gateway: GatewayProcess, name: str, args: dict[str, object]) -> None:
    answer = client.post(f"/api/devices/{DEVICE}/commands/{name}", json=args, headers=operator(gateway))
    assert answer.status_code == 200, answer.text


def wait_for_report(client: httpx.Client, gateway: GatewayProcess) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while "temperature" not in client.get(f"/api/devices/{DEVICE}/telemetry", headers=operator(gateway)).text:
        assert time.monotonic() < give_up_s, "the board reports nothing"
        time.sleep(0.1)


def operator(gateway: GatewayProcess) -> dict[str, str]:
    return {"Authorization": f"Bearer {json.loads((gateway.data / 'local-token').read_text())['token']}"}


def seen(payload: bytes, token: str) -> set[str]:
    """Returns which secrets are in what was captured."""
    secrets = {"token": token, "secret of the token": token.rpartition("_")[2], "device": DEVICE, "log": WORD}
    secrets |= {"command": f'"angle":{ARGUMENT}', "telemetry": '"temperature":21.5'}
    return {name for name, text in secrets.items() if text.encode() in payload}


CONTENT = {"device", "log", "command", "telemetry"}


def test_a_plain_link_shows_all_but_the_token_to_a_listener(tmp_path: Path) -> None:
    with GatewayProcess() as gateway:
        payload, token = live(gateway, tmp_path / "board", None, "token_protected")

    assert seen(payload, token) == CONTENT


@pytest.mark.parametrize("auth", ["header", "message"])
def test_a_board_that_sends_its_token_shows_it_to_a_listener(auth: str, tmp_path: Path) -> None:
    with GatewayProcess() as gateway:
        payload, token = live(gateway, tmp_path / "board", None, "open", auth=auth)

    assert seen(payload, token) == CONTENT | {"token", "secret of the token"}


@pytest.mark.parametrize("how", ["certificate", "token"])
def test_an_encrypted_link_shows_neither_token_nor_content(how: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    cert, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "authority.pem"
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(cert))
    authority.cert_pem.write_to_path(str(ca))
    (tmp_path / "board").mkdir()
    der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    (tmp_path / "board" / "ca.der").write_bytes(der)

    settings: dict[str, object] = {"ca": "ca.der"} if how == "certificate" else {"psk": True}
    # The operator's requests, which have the content too, are encrypted with the certificate on the same port.
    start = GatewayProcess if how == "certificate" else NewerGateway
    with start("--tls-cert", str(cert), "--tls-key", str(key), probe=False) as gateway:
        trusting = ssl.create_default_context(cafile=str(ca))
        payload, token = live(gateway, tmp_path / "board", trusting, "encrypted", **settings)

    assert len(payload) > 2000
    assert seen(payload, token) == set()
