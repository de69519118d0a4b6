"""What the gateway tells the service manager that started it, by the protocol of sd_notify(3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping

log = logging.getLogger("darvaz")

_SOCKET = "NOTIFY_SOCKET"
_WATCHDOG_US = "WATCHDOG_USEC"
_WATCHDOG_PID = "WATCHDOG_PID"


class ServiceManager:
    """The service manager; without one, all methods do nothing."""

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        path = environment.get(_SOCKET, "")
        # In an abstract address, @ stands for the zero byte.
        self._address = "\0" + path[1:] if path.startswith("@") else path
        # Seconds after which the service manager ends a gateway that is silent; None without a watchdog.
        self._watchdog_s = _watchdog_s(environment, pid) if self._address else None
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_there(self) -> bool:
        """Whether a service manager wants to be told."""
        return bool(self._address)

    def tell_ready(self, describe: Callable[[], str]) -> None:
        """Says that the gateway serves, and from now on, while the event loop runs, that it still does.

        `describe` returns the sentence that `systemctl status` shows.
        """
        self._send(f"READY=1\nSTATUS={describe()}")
        if self._watchdog_s is not None:
            self._watching = asyncio.get_running_loop().create_task(self._watch(self._watchdog_s / 3, describe))

    def tell_stopping(self) -> None:
        """Says that the gateway ends in order; the watchdog goes on while it writes."""
        self._send("STOPPING=1\nSTATUS=writes what is left")

    async def close(self) -> None:
        """Ends the reports to the watchdog."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    async def _watch(self, every_s: float, describe: Callable[[], str]) -> None:
        while True:
            await asyncio.sleep(every_s)
            self._send(f"WATCHDOG=1\nSTATUS={describe()}")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as ours:
            # A service manager that does not read must not hold up the event loop.
            ours.setblocking(False)
            try:
                ours.sendto(text.encode(), self._address)
            except OSError as error:
                log.warning("= the service manager cannot be told: %s", error.strerror)


def from_environment() -> ServiceManager:
    """Returns the service manager of this process, and keeps what it said from processes that are started later."""
    manager = ServiceManager(os.environ, os.getpid())
    for name in (_SOCKET, _WATCHDOG_US, _WATCHDOG_PID):
        os.environ.pop(name, None)
    return manager


def _watchdog_s(environment: Mapping[str, str], pid: int) -> float | None:
    microseconds = environment.get(_WATCHDOG_US, "")
    if not microseconds.isdigit() or environment.get(_WATCHDOG_PID, str(pid)) != str(pid):
        return None
    return int(microseconds) / 1_000_000 or None
