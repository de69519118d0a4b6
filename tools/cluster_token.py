"""The token with which the command line asks the cluster of `make cluster` through its proxy."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
import time
from pathlib import Path

TOKEN_NAME = "owner-token"
_LABEL = "make cluster"
_DEADLINE_S = 60.0
_LOOK_EVERY_S = 0.1


def shared_token(folder: Path, ports: list[int]) -> str:
    """Returns an owner's token that the gateways and the proxy at these ports take: of the last start, or a new one.

    Raises:
        RuntimeError: it could not be issued, or is not known to all after a while.
    """
    token = _kept(folder)
    if not token or not _takes(ports[0], token):
        token = _issued(folder / "gateway-1")
        path = folder / TOKEN_NAME
        path.touch(mode=0o600)
        path.write_text(token + "\n")
    end_s = time.monotonic() + _DEADLINE_S
    while not all(_takes(port, token) for port in ports):
        if time.monotonic() > end_s:
            raise RuntimeError("the gateways do not all know the token of the command line")
        time.sleep(_LOOK_EVERY_S)
    return token


def _kept(folder: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return (folder / TOKEN_NAME).read_text().strip()
    return ""


def _issued(data: Path) -> str:
    command = [sys.executable, "-m", "darvaz", "token", "issue", "owner", "--label", _LABEL, "--data", str(data)]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode != 0:
        raise RuntimeError(f"no token for the command line: {found.stderr.strip()}")
    return found.stdout.strip()


def _takes(port: int, token: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/api/devices", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
