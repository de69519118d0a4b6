"""A link that is encrypted with the token of the board, without a certificate: TLS-PSK, on the port of plain links."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from darvaz.gateway.access.credentials import digest_of
from darvaz.gateway.http.board_tls import CIPHERS, psk_of
from tests.support.board_process import BoardProcess
from tests.support.capture import Capture
from tests.support.needs import missing
from tests.support.newer_python import NewerGateway

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def gateway() -> Iterator[NewerGateway]:
    with NewerGateway() as gateway:
        yield gateway


def board(gateway: NewerGateway, folder: Path, device: str, token: str) -> BoardProcess:
    config = {"device": device, "token": token, "psk": True}
    return BoardProcess(folder, f"wss://127.0.0.1:{gateway.port}", config=config)


def test_a_board_needs_nothing_but_its_token_to_encrypt(gateway: NewerGateway, tmp_path: Path) -> None:
    with board(gateway, tmp_path, "hidden", gateway.token()) as pico:
        pico.expect("CONNECTED 1 ")

        assert gateway.get("/api/devices/hidden").json()["protection"] == "encrypted"
        assert gateway.post("/api/devices/hidden/commands/pan", json={"angle": 1}).status_code == 200


@pytest.mark.parametrize("suite", CIPHERS.split(":"))
def test_another_client_encrypts_with_each_suite(suite: str, gateway: NewerGateway) -> None:
    if shutil.which("openssl") is None:
        missing("the program openssl is another client of TLS-PSK")
    _, identity, secret = gateway.token().split("_", 2)
    key = psk_of(digest_of(secret)).hex()
    where = ["-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-cipher", suite, "-quiet"]

    done = subprocess.run(
        ["openssl", "s_client", *where, "-psk_identity", identity, "-psk", key],
        input=b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
        capture_output=True,
        timeout=60,
    )

    assert b"200 OK" in done.stdout, done.stderr


def test_wrong_keys_and_unknown_tokens_are_refused_in_words(gateway: NewerGateway, tmp_path: Path) -> None:
    token = gateway.token()
    for number, wrong in enumerate((token[:-4] + "AAAA", "dvz_aaaaaaaaaa_" + "A" * 43)):
        with Capture(gateway.port) as capture, board(gateway, tmp_path / str(number), "wrong", wrong) as pico:
            pico.expect("no connection: .*does not know this token", count=2)
        assert b"HTTP/1.1" not in capture.payload


def test_a_revoked_token_encrypts_nothing_more(gateway: NewerGateway, tmp_path: Path) -> None:
    token = gateway.token()
    with board(gateway, tmp_path, "leaver", token) as pico:
        pico.expect("CONNECTED 1 ")
        assert gateway.request("DELETE", f"/api/tokens/{token.split('_')[1]}").status_code < 300
        pico.expect("closed with 4401")
        pico.expect("does not know this token")


def test_plain_links_use_the_same_port(gateway: NewerGateway, tmp_path: Path) -> None:
    config = {"device": "plain", "token": gateway.token()}
    with BoardProcess(tmp_path, gateway.ws_url, config=config) as pico:
        pico.expect("CONNECTED 1 ")

        assert gateway.get("/api/devices/plain").json()["protection"] == "token_protected"
    assert gateway.get("/api/health").json()["psk"] is True
    assert "encrypted with their tokens" in gateway.log_text()
