"""The guide's test: tokens, a connection with one, a connection without one, which must be refused.

As a script:   python tests/test_external_websocket.py [--server URL]
As a test:     python -m pytest tests/test_external_websocket.py

The exit status of the script is 0 if nothing failed, else 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

if __name__ == "__main__":
    # As a script: this folder comes first, and has a package `http` that is not Python's.
    sys.path.pop(0)
try:
    import httpx
    import pytest
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
except ModuleNotFoundError as error:
    raise SystemExit(f"The package {error.name} is missing: run `make setup`, then use .venv/bin/python.") from None

_SERVER = "http://127.0.0.1:3000"
_DEADLINE_S = 10.0
_SCRIPT_DEADLINE_S = 60.0
_KINDS = ("pico", "esp32cam")
# From the block that RFC 5737 keeps for documentation: nobody's address.
_SOMEBODY = "192.0.2.77"


class TroubleError(Exception):
    """Something the person who runs the script should read."""


class Examiner:
    """Tries one gateway and keeps count of what failed."""

    def __init__(self, server: str, extra_headers: dict[str, str]) -> None:
        url = urlsplit(server if "://" in server else f"http://{server}")
        if url.scheme not in ("http", "ws") or not url.hostname:
            raise TroubleError(f"{server} is not an address such as {_SERVER}")
        self._host, self._port = url.hostname, url.port or 3000
        self._headers = extra_headers
        self.failures = 0

    async def run(self) -> None:
        """Takes the guide's three steps and says how each went."""
        tokens = self.fetch_tokens()
        for kind in _KINDS:
            await self._report(f"{kind} with a token", self.try_with_token(kind, tokens[f"{kind}_tokens"][0]))
        await self._report("pico without a token", self.try_without_token())

    async def _report(self, title: str, trial: Any) -> None:
        try:
            print(f"ok      {title}: {await trial}")
        except TroubleError as trouble:
            self.failures += 1
            print(f"FAILED  {title}: {trouble}")

    def fetch_tokens(self) -> dict[str, Any]:
        """Returns what /public/tokens answers, as `curl` would fetch it."""
        url = f"http://{_netloc(self._host, self._port)}/public/tokens"
        try:
            response = httpx.get(url, headers=self._headers, timeout=_DEADLINE_S, trust_env=False)
        except httpx.HTTPError as error:
            raise TroubleError(f"{url} does not answer ({error}). Is the gateway running?") from error
        if response.status_code != 200:
            raise TroubleError(f"{url} answers {response.status_code}: {response.text[:200]}")
        tokens = response.json()
        print(f"ok      tokens: one for each of {', '.join(_KINDS)} from {url}")
        return dict(tokens)

    async def try_with_token(self, kind: str, token: str) -> str:
        """Connects as the guide's client does and returns what it saw."""
        headers = {**self._headers, "Authorization": f"Bearer {token}"}
        try:
            async with _connect(self._host, self._port, kind, headers) as link:
                await _say(link, {"type": "connect", "device": f"external-test-{kind}", "version": "1.0.0"})
                await _hear(link, "connection_ack")
                await _say(link, {"type": "ping"})
                await _hear(link, "pong")
        except (InvalidHandshake, OSError, TimeoutError, ConnectionClosed) as error:
            raise TroubleError(f"{error}. Check the token, the address and the port.") from error
        return "connect was answered with connection_ack, ping with pong"

    async def try_without_token(self) -> str:
        """Returns how a connection without a token was refused; from localhost, looks for another way."""
        refusal = await self._refusal(self._host)
        if refusal is not None:
            return f"refused, as it must be ({refusal})"
        if self._headers or not _is_loopback(self._host):
            raise TroubleError("it was let in, but an external address needs a token")
        return await self._try_own_address()

    async def _try_own_address(self) -> str:
        own = _own_address()
        try:
            refusal = await self._refusal(own) if own else None
        except TroubleError:
            own = None
        if own and refusal is None:
            raise TroubleError(f"from {own} it was let in, but an external address needs a token")
        if own:
            return f"localhost needs none; from {own} refused, as it must be ({refusal})"
        return (
            "let in, because localhost needs none. That others are refused can only be seen from an "
            "external address: run this script on another machine, with --server"
        )

    async def _refusal(self, host: str) -> str | None:
        """Returns how a connection without a token was refused, or nothing if it was let in."""
        try:
            async with _connect(host, self._port, "pico", self._headers) as link:
                await _say(link, {"type": "connect", "device": "external-test-nobody", "version": "1.0.0"})
                await _hear(link, "connection_ack")
        except InvalidStatus as error:
            return f"HTTP {error.response.status_code}"
        except ConnectionClosed as error:
            if error.rcvd is None or error.rcvd.code != 4401:
                raise TroubleError(f"closed, but not with 4401: {error}") from error
            return f"closed with {error.rcvd.code}"
        except (InvalidHandshake, OSError, TimeoutError) as error:
            raise TroubleError(str(error) or "no answer in time") from error
        return None


def _connect(host: str, port: int, kind: str, headers: dict[str, str]) -> connect:
    return connect(
        f"ws://{_netloc(host, port)}/ws/{kind}",
        additional_headers=headers,
        open_timeout=_DEADLINE_S,
        close_timeout=1,
        proxy=None,
    )


async def _say(link: ClientConnection, message: dict[str, str]) -> None:
    await link.send(json.dumps(message))


async def _hear(link: ClientConnection, name: str) -> None:
    """Reads until a message of this type comes."""
    async with asyncio.timeout(_DEADLINE_S):
        while json.loads(await link.recv()).get("type") != name:
            pass


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _own_address() -> str | None:
    """Returns an address of this machine that is not localhost; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_SOMEBODY, 9))
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if _is_loopback(address) or address == "0.0.0.0" else address


def main() -> int:
    """Runs the script and returns its exit status."""
    parser = argparse.ArgumentParser(description="Tests a gateway as the guide does.")
    parser.add_argument("--server", default=_SERVER, metavar="URL", help=f"default: {_SERVER}")
    parser.add_argument(
        "--as-if-external",
        action="store_true",
        help="send X-Forwarded-For, which makes the gateway treat this machine as an external one",
    )
    options = parser.parse_args()
    try:
        examiner = Examiner(options.server, {"X-Forwarded-For": _SOMEBODY} if options.as_if_external else {})
        asyncio.run(examiner.run())
    except TroubleError as trouble:
        print(f"FAILED  {trouble}")
        return 1
    print("Something failed." if examiner.failures else "All is well.")
    return 1 if examiner.failures else 0


# The tests: the script against a gateway of its own.


def _run_script(*words: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, str(Path(__file__).resolve()), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=_SCRIPT_DEADLINE_S)


@contextmanager
def _gateway() -> Iterator[Any]:
    # Imported here because the script, run by its path, does not see the package `tests`.
    from tests.support.gateway import GatewayProcess

    with GatewayProcess("--host", "0.0.0.0") as gateway:
        yield gateway


@pytest.mark.netns
@pytest.mark.xdist_group("netns")
def test_script_from_an_external_address_sees_all_is_well() -> None:
    from tests.support.netns import outside

    with outside() as there, _gateway() as gateway:
        done = _run_script("--server", f"http://{there.inside}:{gateway.port}", prefix=tuple(there.prefix))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok      pico with a token: connect was answered with connection_ack" in done.stdout
    assert "ok      esp32cam with a token: connect was answered with connection_ack" in done.stdout
    assert "ok      pico without a token: refused, as it must be" in done.stdout


def test_script_behind_a_proxy_header_counts_as_external() -> None:
    with _gateway() as gateway:
        done = _run_script("--server", gateway.url, "--as-if-external")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok      pico without a token: refused, as it must be" in done.stdout


def test_script_on_localhost_says_that_localhost_needs_no_token() -> None:
    with _gateway() as gateway:
        done = _run_script("--server", gateway.url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "localhost needs none" in done.stdout


def test_script_without_a_gateway_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        done = _run_script("--server", f"127.0.0.1:{taken.getsockname()[1]}")

    assert done.returncode == 1
    assert "Is the gateway running?" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


async def test_gateway_that_lets_everyone_in_fails_the_test() -> None:
    async with serve(_let_everyone_in, "127.0.0.1", 0) as careless:
        port = careless.sockets[0].getsockname()[1]
        examiner = Examiner(f"127.0.0.1:{port}", {"X-Forwarded-For": _SOMEBODY})

        with pytest.raises(TroubleError, match="an external address needs a token"):
            await examiner.try_without_token()


async def _let_everyone_in(link: ServerConnection) -> None:
    async for _ in link:
        await link.send('{"type": "connection_ack", "status": "success", "message": "Welcome"}')


if __name__ == "__main__":
    sys.exit(main())
