"""The board's library on real MicroPython over TLS: which certificates it trusts, and when it asks for the time."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.board_process import BoardProcess
from tests.support.rough_gateway import Caller, RoughGateway, text

COMMAND = {"type": "command", "id": 1, "name": "pan", "args": {"angle": 90}}


def serve_well(caller: Caller) -> None:
    """Welcomes the board and stays until it leaves."""
    caller.open()
    caller.wait_for_end()


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    ca = trustme.CA()
    (tmp_path / "board").mkdir()
    der = ssl.PEM_cert_to_DER_cert(ca.cert_pem.bytes().decode())
    (tmp_path / "board" / "ca.der").write_bytes(der)
    return ca


def tls_of(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(name).configure_cert(context)
    return context


def test_gateway_with_a_certificate_of_the_authority_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    def script(caller: Caller, number: int) -> None:
        caller.open()
        caller.send(text(COMMAND))
        assert caller.message("ack")["result"] == {"angle": 90}
        caller.wait_for_end()

    with RoughGateway(script, tls_of(authority, "localhost")) as gateway:
        with BoardProcess(tmp_path / "board", gateway.url, config={"ca": "ca.der"}) as board:
            board.expect("CONNECTED 1 ")


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_gateway_with_another_certificate_receives_no_token(wrong: str, authority: trustme.CA, tmp_path: Path) -> None:
    requests: list[str] = []

    def script(caller: Caller, number: int) -> None:
        caller.answer()
        requests.append(caller.request.decode())

    tls = tls_of(authority, "elsewhere.example") if wrong == "name" else tls_of(trustme.CA(), "localhost")
    with RoughGateway(script, tls) as gateway:
        config = {"ca": "ca.der", "token": "dvz_abcdefghij_" + "A" * 43}
        with BoardProcess(tmp_path / "board", gateway.url, config=config) as board:
            board.expect("no connection|broke", count=2)
    assert requests == []


def test_board_whose_clock_is_unset_asks_for_the_time_before_it_checks(authority: trustme.CA, tmp_path: Path) -> None:
    requests: list[bytes] = []

    def script(caller: Caller, number: int) -> None:
        if number == 0:
            requests.append(caller.receive_head())
            caller.send(b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 14:00:00 GMT\r\n\r\n")
        else:
            serve_well(caller)

    # This gateway cannot prove that it knows a token.
    config = {"ca": "ca.der", "token": "dvz_abcdefghij_" + "A" * 43, "auth": "header"}
    with RoughGateway(script, tls_of(authority, "localhost")) as gateway:
        # No clock of the unix port is ever unset: here, every year is before the first good one.
        patch = {"secure": {"CLOCK_YEAR_LEAST": 9999}}
        with BoardProcess(tmp_path / "board", gateway.url, config=config, patch=patch) as board:
            board.expect("CLOCK 1795442400")
            board.expect("CONNECTED 1 ")
    assert requests[0].startswith(b"HEAD /health ") and b"dvz_" not in requests[0]


def test_gateway_without_an_authority_to_check_is_connected_to(tmp_path: Path) -> None:
    with RoughGateway(lambda caller, number: serve_well(caller), tls_of(trustme.CA(), "localhost")) as gateway:
        with BoardProcess(tmp_path, gateway.url) as board:
            board.expect("CONNECTED 1 ")
