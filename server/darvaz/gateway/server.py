"""Runs uvicorn around the application: its configuration, and how it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import cast

import uvicorn
from rich.console import Console

from darvaz.gateway import service_manager
from darvaz.gateway.access.origins import is_host_allowed
from darvaz.gateway.api.routes import direct_operations
from darvaz.gateway.app import build_app
from darvaz.gateway.automation_process.supervisor import AutomationSupervisor
from darvaz.gateway.automation_start import start_automations
from darvaz.gateway.events.streams import CLIENTS_MAX
from darvaz.gateway.greeting import greeting
from darvaz.gateway.http.board_tls import make_psk_context
from darvaz.gateway.http.certificates import LOOK_EVERY_S, Certificates
from darvaz.gateway.http.connection_slots import CONNECTIONS_MAX, ConnectionSlots
from darvaz.gateway.http.connections import ConnectionFactory, Tls
from darvaz.gateway.http.server_protocol import HttpProtocol
from darvaz.gateway.http.slow_clients import IDLE_DEADLINE_S
from darvaz.gateway.links.opening import BoardUpgrades
from darvaz.gateway.local_token_file import LocalTokenFile
from darvaz.gateway.open_files import OWN_FILES_MAX, raise_open_file_limit
from darvaz.gateway.parts import Parts
from darvaz.gateway.service_manager import ServiceManager
from darvaz.gateway.system_metrics import CertificateCollector, ConnectionCollector
from darvaz.gateway.websocket.protocol import WebSocketProtocol
from darvaz.gateway.whole_seconds import until_next_s

SHUTDOWN_DEADLINE_S = 3

# The subject of what is wrong with the certificate.
_CERTIFICATE = "certificate"
# The event loop waits this long at most for a thread of ours that computes in Python. At the interpreter's own 5 ms,
# one command in a hundred waited so long beside 10,000 log lines a second.
SWITCH_INTERVAL_S = 0.0005

log = logging.getLogger("darvaz")


async def run(parts: Parts, listener: socket.socket, console: Console, certificates: Certificates | None = None) -> int:
    """Serves until a signal comes and returns the exit status."""
    settings = parts.settings
    files_max = raise_open_file_limit(settings.links_max + settings.viewers_max + CLIENTS_MAX + CONNECTIONS_MAX)
    config = _config(parts, _connections_max(files_max), certificates)
    server = _Server(config, parts, service_manager.from_environment(), certificates)
    host, port = listener.getsockname()[:2]
    for number, line in enumerate(greeting(parts, host, port)):
        if settings.log_format == "json":
            log.info("%s", line.strip())
        else:
            console.print(line, soft_wrap=True, markup=False, style="bold" if number == 0 else None)
    _tune_gc()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    token_file = LocalTokenFile(parts.settings.data_path, port, None if certificates is None else certificates.path)
    if parts.settings.localhost_without_token:
        token_file.write(parts.operators.local_token.text)
    try:
        await server.serve(sockets=[listener])
    finally:
        token_file.remove()
    if parts.unwritten:
        log.error("= the gateway ends, but the disk did not take everything: %s", ", ".join(parts.unwritten))
    status = 0 if server.started and not parts.unwritten else 1
    if parts.is_stuck:
        # Python would wait for threads that a disk holds.
        logging.shutdown()
        os._exit(status)
    return status


class _Server(uvicorn.Server):
    """Stops on a signal with exit status 0; uvicorn would raise the signal a second time."""

    def __init__(
        self, config: uvicorn.Config, parts: Parts, manager: ServiceManager, certificates: Certificates | None
    ) -> None:
        super().__init__(config)
        self._parts = parts
        self._manager = manager
        # None without TLS.
        self._certificates = certificates
        # Set by SIGHUP, and cleared when the certificate was read again.
        self._is_reload_wanted = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        # None without a folder of automations.
        self._automations: AutomationSupervisor | None = None
        # Set with `should_exit`; made where the event loop runs.
        self._exiting: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._automations = start_automations(self._parts, sockets or [], has_tls=self._certificates is not None)
            self._manager.tell_ready(self._describe)
            if self._certificates is not None:
                self._watching = asyncio.create_task(self._watch_certificates(self._certificates))

    async def main_loop(self) -> None:
        """Waits for a signal, and sets the date of answers each second; uvicorn looks ten times as often."""
        self._loop, self._exiting = asyncio.get_running_loop(), asyncio.Event()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until_next_s(1.0)):
                    await self._exiting.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._manager.tell_stopping()
        if self._automations is not None:
            await self._automations.close()
        await self._parts.cluster.hand_over()
        # Event streams never end by themselves; uvicorn would wait for them until its deadline.
        self._parts.events.close()
        await super().shutdown(sockets)
        await self._manager.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching], timeout=SHUTDOWN_DEADLINE_S)

    def _describe(self) -> str:
        """Returns the sentence for the service manager."""
        known, problems = len(self._parts.devices.all()), self._parts.problems
        devices = f"{self._parts.hub.online} of {known} devices are online"
        return f"{devices}; {problems[0]}" if problems else devices

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # A second signal does not stop it sooner: there is a deadline, and the journal must still be written.
        self.should_exit = True
        if self._loop is not None and self._exiting is not None:
            self._loop.call_soon_threadsafe(self._exiting.set)

    async def _watch_certificates(self, certificates: Certificates) -> None:
        """Reads the certificate again when its files change, and when a signal asks for it."""
        while True:
            # Not `wait_for`: before Python 3.12, a cancellation that comes with the signal is lost in it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._is_reload_wanted.wait()
            is_forced = self._is_reload_wanted.is_set()
            self._is_reload_wanted.clear()
            problem = await asyncio.to_thread(certificates.refresh, is_forced=is_forced)
            if problem is None:
                self._parts.remarks.pop(_CERTIFICATE, None)
            else:
                self._parts.remarks[_CERTIFICATE] = problem

    def _handle_reload(self, sig: int, frame: FrameType | None) -> None:
        """Has the certificate read again; without TLS there is nothing to read."""
        # A handler runs between two steps of the event loop, which may be asleep.
        asyncio.get_running_loop().call_soon_threadsafe(self._is_reload_wanted.set)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        wanted: dict[int, Callable[[int, FrameType | None], None]] = dict.fromkeys(
            (signal.SIGINT, signal.SIGTERM), self.handle_exit
        )
        # Sent when the terminal closes; nohup sets it to be ignored. `systemctl reload` sends it as well.
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            is_service = self._manager.is_there or (self._certificates is not None and not _has_terminal())
            wanted[signal.SIGHUP] = self._handle_reload if is_service else self.handle_exit
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _connections_max(files_max: int | None) -> int:
    """Returns how many HTTP connections may be open: where files are few, half of them are left for links."""
    return CONNECTIONS_MAX if files_max is None else max(1, min(CONNECTIONS_MAX, (files_max - OWN_FILES_MAX) // 2))


def _config(parts: Parts, connections_max: int, certificates: Certificates | None) -> uvicorn.Config:
    settings = parts.settings
    proxies = settings.listed("trusted_proxies")
    slots = ConnectionSlots(
        settings.auth_deadline_s,
        links_per_address_max=settings.links_per_address_max,
        total_max=connections_max,
        proxies=proxies,
        known=parts.access.rules.known,
    )
    parts.metrics.register(ConnectionCollector(lambda: slots.total, slots.rejections))
    if certificates is not None:
        parts.metrics.register(CertificateCollector(lambda: certificates.expires_unix_s))
    hosts = (*settings.listed("allowed_hosts"), *filter(None, [settings.public.host]))
    psk = make_psk_context(parts.access.digest_of_board) if settings.offers_psk else None
    context = None if certificates is None else certificates.context
    tls = Tls(context, lambda host: is_host_allowed(host, hosts), psk) if context or psk else None
    make_http = functools.partial(HttpProtocol, slots=slots, direct=direct_operations(parts))
    return uvicorn.Config(
        build_app(parts),
        # Frames of a camera are written straight to the transport.
        http=cast(type[asyncio.Protocol], ConnectionFactory(make_http, slots, tls)),
        timeout_keep_alive=IDLE_DEADLINE_S,
        ws=cast(type[asyncio.Protocol], functools.partial(WebSocketProtocol, upgrades=BoardUpgrades(parts))),
        # Our own heartbeat decides which links are alive; a board answers WebSocket pings only while it reads.
        ws_ping_interval=None,
        ws_ping_timeout=None,
        ws_max_size=parts.protocol.numbers["frame_bytes_max"],
        # Compression would cost a quarter to half of the speed and 34 KB per link.
        ws_per_message_deflate=False,
        # The application looks at them itself.
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_DEADLINE_S,
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="on",
    )


def _tune_gc() -> None:
    """Exempts the objects that exist now from garbage collection, and makes collections rarer.

    Messages create no reference cycles, so nearly everything is freed without the collector. At its default
    thresholds it would walk the objects of every device again and again, and block the event loop meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
