"""Runs uvicorn around the application: how it is set up, what it says at start, how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import cast

import uvicorn
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from darvaz import __version__
from darvaz.gateway.app import build_app
from darvaz.gateway.http.connections import FrontDoor
from darvaz.gateway.http.server_protocol import HttpProtocol
from darvaz.gateway.http.slow_clients import UNDECIDED_MAX, Crowd, patient
from darvaz.gateway.open_files import allow
from darvaz.gateway.parts import Parts
from darvaz.gateway.sign_in_hint import sign_in_line
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from darvaz.text.terminal import VisibleFormatter

SHUTDOWN_DEADLINE_S = 3


async def run(parts: Parts, listener: socket.socket, console: Console) -> int:
    """Serves until a signal comes and returns the exit status."""
    _log_to(console, parts.settings.log_level)
    allow(parts.settings.links_max + UNDECIDED_MAX)
    server = _Server(_config(parts), parts)
    _greet(console, parts, listener)
    _spare_the_collector()
    await server.serve(sockets=[listener])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """A server that ends with status 0 on a signal, instead of dying of it once more."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Answers without an end would be waited for in vain.
        self._parts.events.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Impatience changes nothing: the end has a deadline anyway, and the journal must still be written.
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        wanted = [signal.SIGINT, signal.SIGTERM]
        # The terminal was closed; whoever started us with nohup does not want to know.
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            wanted.append(signal.SIGHUP)
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _config(parts: Parts) -> uvicorn.Config:
    settings = parts.settings
    crowd = Crowd(settings.auth_deadline_s, settings.links_per_address_max)
    proxies = settings.listed("trusted_proxies")
    return uvicorn.Config(
        build_app(parts),
        # Viewers of a camera are written to without anything in between.
        http=cast(type[asyncio.Protocol], FrontDoor(patient(HttpProtocol, crowd), crowd)),
        ws=WebSocketProtocol if settings.ws == "auto" else "websockets-sansio",
        # Our own heartbeat decides what is alive; a board answers WebSocket pings only while it reads.
        ws_ping_interval=None,
        ws_ping_timeout=None,
        ws_max_size=parts.protocol.numbers["frame_bytes_max"],
        # Compression costs a quarter to half of the speed and 34 KB a link.
        ws_per_message_deflate=False,
        # Believing X-Forwarded-For from just anybody would make everybody localhost.
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=SHUTDOWN_DEADLINE_S,
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="on",
    )


def _spare_the_collector() -> None:
    """Lets the garbage collector pass over what stays for good, and look at the rest less often.

    A message makes objects but no cycles, so that nearly everything is freed without the collector; at
    its own thresholds it would look at every device's objects again and again, and stop the loop for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def _log_to(console: Console, level: str) -> None:
    shape = "%(message)s" if console.is_terminal else "%(asctime)s %(levelname)s %(message)s"
    handler: logging.Handler = logging.StreamHandler()
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, markup=False, log_time_format="%H:%M:%S")
    # What devices say stands in these lines too.
    handler.setFormatter(VisibleFormatter(shape))
    # No line tells a thread, a process, a task or a place in the source: finding them out takes half of its time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _greet(console: Console, parts: Parts, listener: socket.socket) -> None:
    """Says where the gateway is, who may enrol, and how to add a board."""
    port = listener.getsockname()[1]
    addresses = _addresses(listener.getsockname()[0])
    data = escape(str(parts.settings.data_path.resolve()))
    console.print(f"[bold]Darvaz {__version__}[/bold]  data in {data}", soft_wrap=True)
    for address in addresses:
        console.print(f"  http://{address}:{port}", soft_wrap=True)
    console.print(f"  boards: ws://{addresses[-1]}:{port}/ws/pico and /ws/esp32cam", soft_wrap=True)
    console.print(f"  {_enrolment(parts)}", soft_wrap=True)
    console.print(f"  {_sign_in(parts, f'http://{addresses[-1]}:{port}')}", soft_wrap=True, markup=False)
    console.print("  watch: darvaz log --follow    stop: Ctrl-C", soft_wrap=True)


def _enrolment(parts: Parts) -> str:
    left_s = parts.access.enrolment.seconds_left()
    if parts.settings.public_tokens == "always":
        return "anyone may fetch tokens at /public/tokens (public_tokens=always)"
    if parts.settings.public_tokens == "never":
        return "tokens: darvaz token issue pico (public_tokens=never)"
    if left_s > 0:
        return f"enrolment is open for {left_s / 60:.0f} min: a board fetches its token at /public/tokens"
    return "to add a board: darvaz enrol (opens /public/tokens for 15 min) or darvaz token issue pico"


def _sign_in(parts: Parts, address: str) -> str:
    return sign_in_line(parts.access.connection, parts.access.operators.links, address)


def _addresses(bound: str) -> list[str]:
    if bound not in ("0.0.0.0", "::"):
        return [f"[{bound}]" if ":" in bound else bound]
    found = ["127.0.0.1"]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing: it only asks which address would be used.
        probe.connect(("192.0.2.1", 9))
        found.append(probe.getsockname()[0])
    return list(dict.fromkeys(found))
