"""The steps over the WebSocket: handshake, connect, ping and silence, as a board sends them."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from darvaz import __version__
from darvaz.doctor import hints
from darvaz.doctor.finding import Finding, failed, passed, quoted, skipped
from darvaz.doctor.target import GatewayTarget
from darvaz.doctor.token_steps import SourcedToken
from darvaz.text.certificates import trusting_context

_CLOSE_DEADLINE_S = 1.0
_TEXT_BYTES_MAX = 64 * 1024
_PACKETS_MAX = 8


class RefusedError(Exception):
    """The gateway sent `error` instead of the expected message; the text is its reason."""


class _ConnectHere(connect):
    """Does not follow redirects: boards do not, and the token goes only to this gateway."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def shake_hands(
    target: GatewayTarget, token: SourcedToken | None, deadline_s: float
) -> tuple[Finding, ClientConnection | None]:
    """Opens the WebSocket with the header, as a board does."""
    headers = {"Authorization": f"Bearer {token.text}"} if token is not None else None
    try:
        link = await _ConnectHere(
            target.ws_url,
            additional_headers=headers,
            open_timeout=deadline_s,
            close_timeout=_CLOSE_DEADLINE_S,
            # Boards send no WebSocket pings and use no proxies.
            ping_interval=None,
            proxy=None,
            max_size=_TEXT_BYTES_MAX,
            ssl=trusting_context() if target.is_secure else None,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        reason = quoted((error.response.body or b"").decode("utf-8", "replace"))
        return failed(f"refused with HTTP {status}: {reason}".rstrip(": "), hints.of_status(status)), None
    except (InvalidHandshake, InvalidMessage, ssl.SSLError) as error:
        return failed(f"no WebSocket here ({quoted(error)})", hints.of_status(426)), None
    except TimeoutError:
        return failed(f"no answer to the handshake within {deadline_s:g} s", hints.of_status(426)), None
    except OSError as error:
        return failed(quoted(error), hints.of_close(1006)), None
    return passed(f"{target.ws_url} accepts, {'encrypted' if target.is_secure else 'not encrypted'}"), link


async def introduce(link: ClientConnection, device: str, token: SourcedToken | None, deadline_s: float) -> Finding:
    """Sends `connect` and waits for `connection_ack`."""
    if token is not None and not token.is_ours_to_use:
        return skipped(
            "a token belongs to the first device that uses it: name the board with --device to try this "
            "(a board connected under that id is replaced, and comes back)"
        )
    hello = {"type": "connect", "device": device, "version": __version__}
    finding = await _ask(link, hello, "connection_ack", deadline_s)
    return finding or passed(f"connection_ack, as {quoted(device)}")


async def exchange_ping(link: ClientConnection, deadline_s: float) -> Finding:
    """Sends `ping` and waits for `pong`."""
    return await _ask(link, {"type": "ping"}, "pong", deadline_s) or passed("the gateway answers pong")


async def stay_silent(link: ClientConnection, idle_s: float, deadline_s: float) -> Finding:
    """Sends nothing for a while, except answers to pings, then checks that the link still works."""
    try:
        async with asyncio.timeout(idle_s):
            while True:
                await _receive(link)
    except TimeoutError:
        pass
    except ConnectionClosed as error:
        return _closed(error)
    return await _ask(link, {"type": "ping"}, "pong", deadline_s) or passed(f"still connected after {idle_s:g} s")


async def _ask(link: ClientConnection, message: dict[str, Any], answer: str, deadline_s: float) -> Finding | None:
    """Sends a message and waits for its answer; returns a finding only if there was none."""
    try:
        async with asyncio.timeout(deadline_s):
            await link.send(json.dumps(message))
            await _receive_type(link, answer)
    except TimeoutError:
        return failed(f"no {answer} within {deadline_s:g} s", _SILENT_REMEDY)
    except RefusedError as error:
        code = await _close_code(link)
        return failed(f"the gateway says: {error}", hints.of_close(code))
    except ConnectionClosed as error:
        return _closed(error)
    return None


_SILENT_REMEDY = "Is this a Darvaz gateway? If so, read its log (`darvaz log`): it has every message that arrived."


async def _receive_type(link: ClientConnection, name: str) -> None:
    for _ in range(_PACKETS_MAX):
        message = await _receive(link)
        if message.get("type") == name:
            return
        if message.get("type") == "error":
            raise RefusedError(quoted(message.get("message", "")))
    raise RefusedError(f"many messages, but no {name}")


async def _receive(link: ClientConnection) -> dict[str, Any]:
    """Returns the next message, or {} for anything else; answers a ping, as a board must."""
    packet = await link.recv()
    try:
        message = json.loads(packet)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict):
        return {}
    if message.get("type") == "ping":
        await link.send('{"type":"pong"}')
    return message


async def _close_code(link: ClientConnection) -> int:
    """Returns the close code that follows an `error`, or 1008 when the link stays."""
    try:
        async with asyncio.timeout(_CLOSE_DEADLINE_S):
            await link.wait_closed()
    except TimeoutError:
        return 1008
    return link.close_code or 1006


def _closed(error: ConnectionClosed) -> Finding:
    code = error.rcvd.code if error.rcvd else 1006
    reason = f": {quoted(error.rcvd.reason)}" if error.rcvd and error.rcvd.reason else ""
    return failed(f"the gateway closed the connection with {code}{reason}", hints.of_close(code))
