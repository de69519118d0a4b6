"""The client and a gateway behind TLS: which certificates it trusts, and its advice otherwise."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from darvaz import Gateway
from darvaz.boards.flashing import FlashError, FlashOutcome
from darvaz.boards.flashing.device_token import GatewayIssuer
from darvaz.client import Unreachable
from darvaz.doctor import DoctorOptions, Finding, StepOutcome, parse_target, run_checks
from tests.support.gateway import GatewayProcess


class _NoDevices(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"devices":[]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def address(authority: trustme.CA) -> Iterator[str]:
    """The address of a server with a certificate of the authority."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _NoDevices) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_an_authority_in_ssl_cert_file_is_trusted(
    address: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    with Gateway(address) as gw:
        assert gw.devices() == []


async def test_doctor_trusts_the_same_authorities(
    address: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def http_step() -> Finding:
        steps = run_checks(DoctorOptions(parse_target(address, None), idle_s=0))
        return next(step for step in [step async for step in steps] if step.step == "http")

    refused = await http_step()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    trusted = await http_step()

    assert "certificate is not trusted" in refused.detail and "SSL_CERT_FILE" in refused.remedy
    assert trusted.outcome is StepOutcome.OK


def test_a_certificate_of_an_unknown_authority_is_refused_with_advice(address: str) -> None:
    with Gateway(address) as gw, pytest.raises(Unreachable, match="SSL_CERT_FILE"):
        gw.devices()


def test_flash_gives_the_same_advice_for_a_certificate_that_is_not_trusted(address: str) -> None:
    with Gateway(address) as gw, pytest.raises(FlashError, match="SSL_CERT_FILE") as refused:
        GatewayIssuer(gw).known()

    assert refused.value.outcome is FlashOutcome.NO_TOKEN


def test_https_to_a_gateway_without_tls_gets_advice_of_its_own() -> None:
    with GatewayProcess() as gateway:
        with Gateway(gateway.url.replace("http", "https")) as gw, pytest.raises(Unreachable) as refused:
            gw.devices()

    assert "begins with http://" in str(refused.value)
    assert "darvaz serve" not in str(refused.value)
