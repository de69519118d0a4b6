"""The gateway with a certificate of its own: people, boards, client and command line over TLS, and its renewal."""

from __future__ import annotations

import json
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from click.testing import CliRunner, Result
from websockets.sync.client import connect

from darvaz import Gateway
from darvaz.cli import cli
from darvaz.client import GatewayError
from tests.support.gateway import GatewayProcess

DEADLINE_S = 30.0


class SecureGateway:
    """A gateway with a certificate of an authority that only the test knows."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._cert, self._key = folder / "cert.pem", folder / "key.pem"
        self.authority = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.authority))
        self.renew()
        env = {"NOTIFY_SOCKET": str(folder / "nobody")}
        self.process = GatewayProcess("--tls-cert", str(self._cert), "--tls-key", str(self._key), probe=False, env=env)
        self.tls = ssl.create_default_context(cafile=str(self.authority))

    @property
    def url(self) -> str:
        return f"https://localhost:{self.process.port}"

    def renew(self) -> None:
        issued = self._authority.issue_cert("localhost")
        issued.private_key_pem.write_to_path(str(self._key))
        issued.cert_chain_pems[0].write_to_path(str(self._cert))

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=self.tls, trust_env=False, timeout=DEADLINE_S)

    def serial(self) -> str:
        """Returns the number of the certificate that a new connection gets."""
        with connect(f"wss://localhost:{self.process.port}/ws/pico", ssl=self.tls) as link:
            return str(link.socket.getpeercert()["serialNumber"])  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureGateway]:
    secure = SecureGateway(tmp_path_factory.mktemp("tls"))
    with secure.process:
        yield secure


def test_the_start_names_the_addresses_of_https(gateway: SecureGateway) -> None:
    text = gateway.process.log_text()

    assert f"https://127.0.0.1:{gateway.process.port}" in text
    assert "boards: wss://" in text
    assert "http://" not in text


def test_the_cookie_of_a_browser_is_sent_over_tls_only(gateway: SecureGateway) -> None:
    link = gateway.process.log_text().partition("#")[2].split()[0]

    with gateway.client() as browser:
        answer = browser.post("/api/session", json={"token": link}, headers={"Origin": gateway.url})

    assert answer.status_code == 201
    assert "Secure" in answer.headers["set-cookie"]


def test_a_board_connects_by_wss_and_survives_the_renewal_of_the_certificate(gateway: SecureGateway) -> None:
    with gateway.client() as client:
        token = client.get("/public/tokens").json()["pico_tokens"][0]
    old = gateway.serial()
    with connect(
        f"wss://localhost:{gateway.process.port}/ws/pico",
        ssl=gateway.tls,
        additional_headers={"Authorization": f"Bearer {token}"},
    ) as board:
        board.send('{"type":"connect","device":"secure"}')
        board.recv(timeout=DEADLINE_S)
        gateway.renew()
        gateway.process.process.send_signal(signal.SIGHUP)
        while gateway.serial() == old:
            pass
        board.send('{"type":"ping"}')

        assert '"pong"' in str(board.recv(timeout=DEADLINE_S))


def test_the_client_trusts_ssl_cert_file_and_refuses_without_it(
    gateway: SecureGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another user of this machine does not find the gateway's own file.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Gateway(gateway.url) as client, pytest.raises(GatewayError, match="SSL_CERT_FILE"):
        client.devices()

    monkeypatch.setenv("SSL_CERT_FILE", str(gateway.authority))
    monkeypatch.setenv("DARVAZ_DATA", str(gateway.process.data))
    with Gateway(gateway.url) as client:
        assert isinstance(client.devices(), list)


def test_the_command_line_of_its_user_finds_the_gateway_and_trusts_it(gateway: SecureGateway) -> None:
    env = {"DARVAZ_DATA": None, "DARVAZ_GATEWAY": None, "SSL_CERT_FILE": None}
    folder = str(gateway.process.data)

    issued = CliRunner(env=env).invoke(cli, ["token", "issue", "viewer", "--json", "--data", folder])
    listed = CliRunner(env=env | {"DARVAZ_DATA": folder}).invoke(
        cli, ["token", "list", "--json", "--gateway", f"https://127.0.0.1:{gateway.process.port}"]
    )

    assert (issued.exit_code, issued.stderr, listed.stderr) == (0, "", "")
    assert json.loads(issued.stdout)["id"] in {token["id"] for token in json.loads(listed.stdout)}


def test_the_command_line_trusts_ssl_cert_file(gateway: SecureGateway) -> None:
    done = run(gateway, "devices", "--json", "--gateway", gateway.url)

    assert (done.exit_code, done.stderr) == (0, "")


def test_plain_http_is_told_to_clients_and_redirects_browsers(gateway: SecureGateway) -> None:
    plain = gateway.url.replace("https", "http")
    with Gateway(plain) as client, pytest.raises(GatewayError, match="this port speaks TLS"):
        client.devices()

    page = httpx.get(f"{plain}/devices", headers={"Accept": "text/html"}, trust_env=False, timeout=DEADLINE_S)

    assert (page.status_code, page.headers["location"]) == (307, f"{gateway.url}/devices")


def test_a_stream_of_events_comes_over_tls(gateway: SecureGateway) -> None:
    token = {"Authorization": f"Bearer {issued(gateway)}"}
    with gateway.client() as client, client.stream("GET", "/api/events", headers=token) as events:
        assert events.status_code == 200
        assert next(events.iter_lines()) != ""


def issued(gateway: SecureGateway) -> str:
    shown = run(gateway, "token", "issue", "viewer").stdout
    return next(word for word in shown.split() if word.startswith("dvz_"))


def run(gateway: SecureGateway, *arguments: str) -> Result:
    env = {"SSL_CERT_FILE": str(gateway.authority), "DARVAZ_DATA": str(gateway.process.data), "DARVAZ_GATEWAY": None}
    return CliRunner(env=env).invoke(cli, arguments)
