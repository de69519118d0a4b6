"""Real reverse proxies in front of a gateway: nginx as docs/operations.md shows it, Caddy and HAProxy."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.gateway import unused_port
from tests.support.needs import missing

PREFIX = "/darvaz"
PASSWORD = "of-the-proxy"
_DEADLINE_S = 20.0
_OPERATIONS_PAGE = Path(__file__).resolve().parents[2] / "docs/operations.md"
_NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1; user root;
events {{ worker_connections 4096; }}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen {host}:{port} backlog=1024;
        {documented}
        location {prefix}/ {{ {below} proxy_set_header X-Forwarded-Prefix {prefix}; }}
        location /without-port/ {{ {without_port} }}
        location /with-password/ {{ auth_basic "proxy"; auth_basic_user_file {folder}/users; {with_password} }}
    }}
}}
"""
_CADDY = """
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind {host}
    handle_path {prefix}/* {{
        reverse_proxy 127.0.0.1:{gateway} {{
            header_up X-Forwarded-Prefix {prefix}
        }}
    }}
    handle {{
        reverse_proxy 127.0.0.1:{gateway}
    }}
}}
"""
_HAPROXY = """
defaults
    mode http
    option forwardfor
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    timeout tunnel 400s
frontend outer
    bind {host}:{port}
    use_backend below if {{ path_beg {prefix}/ }}
    default_backend inner
backend inner
    server one 127.0.0.1:{gateway}
backend below
    http-request replace-path {prefix}(/.*) \\1
    http-request set-header X-Forwarded-Prefix {prefix}
    server one 127.0.0.1:{gateway}
"""


def write_config(program: str, folder: Path, host: str, port: int, gateway: int) -> Path:
    """Writes the configuration of a proxy at `host`:`port` in front of a gateway, which it also shows at `PREFIX`."""
    values = {"folder": folder, "host": host, "port": port, "gateway": gateway, "prefix": PREFIX}
    if program == "nginx":
        (folder / "users").write_text(f"somebody:{{PLAIN}}{PASSWORD}\n")
        values |= _locations(gateway)
    file = folder / "conf"
    file.write_text({"nginx": _NGINX, "caddy": _CADDY, "haproxy": _HAPROXY}[program].format(**values))
    return file


def command_of(program: str, folder: Path, file: Path) -> list[str]:
    """Returns the command that runs a proxy in the foreground."""
    if shutil.which(program) is None:
        missing(f"{program} is not installed")
    return {
        "nginx": ["nginx", "-p", str(folder), "-c", str(file)],
        "haproxy": ["haproxy", "-db", "-f", str(file)],
        "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)],
    }[program]


@contextlib.contextmanager
def running(program: str, folder: Path, gateway: int, host: str = "127.0.0.1") -> Iterator[int]:
    """Runs a proxy in front of the gateway at a port of this machine, and gives the proxy's port."""
    port = unused_port()
    with started(command_of(program, folder, write_config(program, folder, host, port, gateway)), folder, host, port):
        yield port


@contextlib.contextmanager
def started(command: Sequence[str], folder: Path, host: str, port: int) -> Iterator[None]:
    """Runs a command until the block ends; the block begins when somebody listens at its port."""
    env = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=env)
    try:
        give_up_s = time.monotonic() + _DEADLINE_S
        while not _listens(host, port):
            assert process.poll() is None and time.monotonic() < give_up_s, (folder / "output").read_text()
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(_DEADLINE_S)


def _locations(gateway: int) -> dict[str, str]:
    """Returns the documented block, and what differs from it at other paths."""
    match = re.search(r"```nginx\n(location / \{\n(.*?)\})\n```", _OPERATIONS_PAGE.read_text(encoding="utf-8"), re.S)
    assert match is not None
    documented, lines = (text.replace("127.0.0.1:3000", f"127.0.0.1:{gateway}") for text in match.groups())
    below = lines.replace(f":{gateway};", f":{gateway}/;")
    return {
        "documented": documented,
        "below": below,
        "without_port": below.replace("$http_host", "$host"),
        "with_password": below,
    }


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True
