"""The steps of the network: name resolution, TCP port, HTTP; each failure says what to do."""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx

from darvaz.doctor import hints
from darvaz.doctor import http as plain_http
from darvaz.doctor.finding import Finding, failed, passed, quoted
from darvaz.doctor.target import GatewayTarget

_ADDRESSES_SHOWN_MAX = 4


async def resolve(target: GatewayTarget, deadline_s: float) -> Finding:
    """Resolves the host name."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline_s):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return failed("the name server does not answer", "Check the network, or use the gateway's IP address.")
    except (OSError, UnicodeError) as error:
        return failed(f"no address for {quoted(target.host)} ({_reason(error)})", _NAME_REMEDY)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return passed(f"{target.host} is {', '.join(addresses[:_ADDRESSES_SHOWN_MAX])}")


_NAME_REMEDY = (
    "Check the spelling; most boards cannot look up names ending in .local: use the gateway's IP address, "
    "which `darvaz serve` prints at its start."
)


async def open_port(target: GatewayTarget, deadline_s: float) -> Finding:
    """Opens a TCP connection and closes it again."""
    try:
        async with asyncio.timeout(deadline_s):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except TimeoutError:
        return failed(
            f"no answer from {target.netloc} within {deadline_s:g} s",
            "Is it the right address, and the same network? A firewall on the gateway may drop the port, and "
            "many guest Wi-Fi networks isolate their clients.",
        )
    except ConnectionRefusedError:
        return failed(
            f"nothing listens on port {target.port}",
            "Start the gateway (`darvaz serve`) and check the port; if it was started with --host 127.0.0.1, "
            "only its own machine can reach it: use --host 0.0.0.0.",
        )
    except OSError as error:
        return failed(_reason(error), "Check that this machine is on the network, and the address.")
    # Closed at once: there is nothing to flush.
    writer.transport.abort()
    return passed(f"port {target.port} is open")


async def ask_health(target: GatewayTarget, http: httpx.AsyncClient, deadline_s: float) -> Finding:
    """Requests /health, which tells a gateway from another program on its port."""
    try:
        answer = await plain_http.get(http, "/health", deadline_s)
    except httpx.ConnectError as error:
        return _tls_failure(target, error)
    except (httpx.TimeoutException, TimeoutError):
        return await _no_http(target, f"no HTTP answer within {deadline_s:g} s", deadline_s)
    except httpx.HTTPError as error:
        return await _no_http(target, f"what answers does not speak HTTP ({_reason(error)})", deadline_s)
    return await _check_health(target, answer, deadline_s)


async def _check_health(target: GatewayTarget, answer: plain_http.Answer, deadline_s: float) -> Finding:
    if answer.is_json and answer.status == 200:
        return passed("the gateway answers")
    # Some servers answer plain HTTP on a TLS port with an unencrypted 400.
    if answer.status == 400 and not target.is_secure and await _speaks_tls(target, deadline_s):
        return _use_tls(target)
    if answer.status == 200:
        return failed("/health answers, but not as a gateway does", hints.of_status(404), is_final=False)
    detail = f"/health answers {answer.status}: {quoted(answer.text)}".rstrip(": ")
    return failed(detail, hints.of_status(answer.status), is_final=False)


async def _no_http(target: GatewayTarget, detail: str, deadline_s: float) -> Finding:
    if not target.is_secure and await _speaks_tls(target, deadline_s):
        return _use_tls(target)
    return failed(detail, f"Another program listens on port {target.port}: check the port.")


def _use_tls(target: GatewayTarget) -> Finding:
    return failed("the port speaks TLS, the address does not", f"Use wss://{target.netloc}, and so on the board.")


def _tls_failure(target: GatewayTarget, error: httpx.ConnectError) -> Finding:
    reason = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return failed(
            f"the certificate is not trusted ({quoted(reason)})",
            "Use the name in the certificate, renew it, or name the certificate of its authority in SSL_CERT_FILE.",
        )
    if target.is_secure:
        return failed(
            f"the port does not speak TLS ({quoted(reason)})",
            f"Use ws://{target.netloc}, or put a proxy with a certificate in front of the gateway.",
        )
    return failed(_reason(error), "The connection broke: check firewall and network, then try again.")


async def _speaks_tls(target: GatewayTarget, deadline_s: float) -> bool:
    # Only to find the mistake: nothing is sent over this connection, so no certificate is needed.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(deadline_s):
            _, writer = await asyncio.open_connection(
                target.host, target.port, ssl=context, ssl_handshake_timeout=deadline_s
            )
    except ssl.SSLError as error:
        # An alert is TLS too: such a port may want a name or a certificate that we did not send.
        return "ALERT" in (error.reason or "")
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return quoted(text) or type(error).__name__
