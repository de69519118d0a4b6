"""Proxies that add no header: what comes through them does not count as from this machine."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from darvaz.client.synchronous import Gateway
from darvaz.gateway.local_token_file import LOCAL_TOKEN_NAME
from tests.support.gateway import GatewayProcess, unused_port
from tests.support.needs import missing
from tests.support.netns import Outside, outside
from tests.support.proxies import started

_DEADLINE_S = 20.0
_NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1; user root;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen {listen}; location / {{ proxy_pass http://{gateway}; {more} }} }}
}}
"""
_HAPROXY = """
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend outer
    bind {listen}
    default_backend inner
backend inner
    server one {gateway}
"""
# A port forward in a few lines, as of a container or an editor: accepts, connects, passes on.
_FORWARD = """
import socket, sys, threading
host, port, target = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def pump(a, b):
    while data := a.recv(65536): b.sendall(data)
    b.shutdown(socket.SHUT_WR)
listener = socket.create_server((host, port))
while True:
    near, _ = listener.accept()
    far = socket.create_connection(("127.0.0.1", target))
    for pair in ((near, far), (far, near)): threading.Thread(target=pump, args=pair, daemon=True).start()
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayProcess]:
    with GatewayProcess("--host", "127.0.0.1") as running:
        running.request("DELETE", "/api/enrolment").raise_for_status()
        yield running


@pytest.fixture(scope="module")
def external() -> Iterator[Outside]:
    with outside() as made:
        yield made


def command_of(proxy: str, folder: Path, listen: tuple[str, int], gateway: int) -> list[str]:
    """Returns the command of a proxy in the shortest way that its manual shows."""
    program, _, more = proxy.partition(" ")
    if program == "forward":
        return [sys.executable, "-c", _FORWARD, listen[0], str(listen[1]), str(gateway)]
    if shutil.which(program) is None:
        missing(f"{program} is not installed")
    if program == "socat":
        return [program, f"TCP-LISTEN:{listen[1]},bind={listen[0]},reuseaddr,fork", f"TCP:127.0.0.1:{gateway}"]
    text = _NGINX if program == "nginx" else _HAPROXY
    file = folder / "conf"
    values = {"folder": folder, "listen": f"{listen[0]}:{listen[1]}", "gateway": f"127.0.0.1:{gateway}", "more": more}
    file.write_text(text.format(**values))
    return [program, "-p", str(folder), "-c", str(file)] if program == "nginx" else [program, "-db", "-f", str(file)]


@contextmanager
def proxied(proxy: str, folder: Path, host: str, gateway: int) -> Iterator[int]:
    """Runs a proxy before the gateway and gives its port."""
    port = unused_port()
    with started(command_of(proxy, folder, (host, port), gateway), folder, host, port):
        yield port


def ask(external: Outside, port: int, method: str, path: str, host: str) -> int:
    """Returns the status of a request from the external address."""
    connection = http.client.HTTPConnection(external.inside, port, timeout=_DEADLINE_S)
    connection.sock = external.dial(port)
    connection.sock.settimeout(_DEADLINE_S)
    body = json.dumps({"kind": "operator"}) if method == "POST" else None
    connection.request(method, path, body, {"Host": host, "Content-Type": "application/json"})
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.netns
@pytest.mark.xdist_group("netns")
@pytest.mark.parametrize(
    ("proxy", "host"),
    [
        ("nginx", "gateway.example"),
        ("nginx proxy_set_header Host $host;", "localhost"),
        ("nginx proxy_set_header Via '1.1 proxy';", "localhost"),
        ("haproxy", "localhost"),
        ("socat", "localhost"),
        ("forward", "localhost"),
    ],
)
def test_a_client_behind_a_proxy_that_adds_no_header_is_not_an_operator(
    gateway: GatewayProcess, external: Outside, tmp_path: Path, proxy: str, host: str
) -> None:
    with proxied(proxy, tmp_path, external.inside, gateway.port) as port:
        answer = [
            ask(external, port, "POST", "/api/tokens", host),
            ask(external, port, "GET", "/api/devices", host),
            ask(external, port, "GET", "/metrics", host),
            ask(external, port, "GET", "/public/tokens", host),
        ]

    assert answer == [401, 401, 401, 403]


def test_program_of_this_machine_needs_no_login(gateway: GatewayProcess) -> None:
    code = (
        "import sys, urllib.request\n"
        "for path in ('/api/devices', '/public/tokens'): print(urllib.request.urlopen(sys.argv[1] + path).status)"
    )

    done = subprocess.run([sys.executable, "-c", code, gateway.url], capture_output=True, text=True, timeout=60)

    assert done.stdout.split() == ["200", "200"], done.stderr


def test_client_of_this_machine_shows_the_local_token(gateway: GatewayProcess) -> None:
    # Other machines reach this process, so the system's word is not enough for it.
    with socket.create_server(("0.0.0.0", 0)), Gateway(gateway.url) as client:
        client.devices()
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=_DEADLINE_S)
        connection.request("GET", "/api/devices")
        without = connection.getresponse().status
        connection.close()

    assert without == 401


def test_client_outlives_a_restart_of_the_gateway() -> None:
    with GatewayProcess() as gateway, socket.create_server(("127.0.0.1", 0)), Gateway(gateway.url) as client:
        client.devices()
        gateway.stop()
        gone = not (gateway.data / LOCAL_TOKEN_NAME).exists()
        gateway.start()

        client.devices()

    assert gone


def test_local_token_is_not_made_where_the_localhost_rule_is_off() -> None:
    with GatewayProcess("--localhost-without-token", "false") as gateway:
        assert not (gateway.data / LOCAL_TOKEN_NAME).exists()
        assert gateway.get("/api/devices").status_code == 401


def test_local_token_is_in_no_log(gateway: GatewayProcess) -> None:
    secret = json.loads((gateway.data / LOCAL_TOKEN_NAME).read_text())["token"].rpartition("_")[2]
    gateway.get("/api/devices")

    assert secret not in gateway.log_text()
