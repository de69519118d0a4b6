"""Sends one message by Apprise, which may block: in a thread that the gateway never waits for."""

from __future__ import annotations

import asyncio
import logging
import threading
from importlib.util import find_spec
from typing import Any

from darvaz.text.extras import how_to_install

SEND_DEADLINE_S = 60.0
# Threads that a service may hold at the same time.
SENDS_AT_ONCE_MAX = 8
# What opens files of this machine or needs a desktop is of no use to a gateway.
_REFUSED = ("dbus", "gnome", "glib", "kde", "qt", "macosx", "windows", "file", "syslog")
NOT_INSTALLED = f"Apprise is not installed: {how_to_install('alerts')}"


class AddressError(ValueError):
    """An address that Apprise does not know; the text says what to do."""


def is_installed() -> bool:
    """Returns whether messages can be sent at all."""
    return find_spec("apprise") is not None


def check_address(url: str) -> str:
    """Returns an address without its secrets, to show it; raises `AddressError` for one that cannot be used."""
    if not is_installed():
        raise AddressError(NOT_INSTALLED)
    scheme = url.partition("://")[0].lower()
    if scheme in _REFUSED:
        raise AddressError(f"{scheme}:// is of this machine alone; use one that reaches people")
    # Here, because it takes long to load, needs an extra, and only some gateways tell people.
    import apprise

    _silence()
    service: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        raise AddressError("this is not an address of Apprise: see https://appriseit.com/services/")
    return str(service.url(privacy=True))


class Sender:
    """Sends messages; each returns an error as text, or None once it was taken."""

    def __init__(self) -> None:
        self._running = 0

    async def send(self, url: str, title: str, body: str) -> str | None:
        """Sends one message within the deadline."""
        if not is_installed():
            return NOT_INSTALLED
        if self._running >= SENDS_AT_ONCE_MAX:
            return "too many messages are being sent; the services do not answer"
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str | None] = loop.create_future()
        self._running += 1

        def run() -> None:
            error = _send(url, title, body)
            try:
                loop.call_soon_threadsafe(finish, error)
            except RuntimeError:
                # The gateway has stopped meanwhile.
                return

        def finish(error: str | None) -> None:
            self._running -= 1
            if not done.done():
                done.set_result(error)

        threading.Thread(target=run, name="alert message", daemon=True).start()
        try:
            return await asyncio.wait_for(done, SEND_DEADLINE_S)
        except TimeoutError:
            return f"no answer within {SEND_DEADLINE_S:g} s"


def _send(url: str, title: str, body: str) -> str | None:
    import apprise

    _silence()
    try:
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            return "the address is not one of Apprise"
        sent = service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:  # noqa: BLE001 (a plugin of a service may raise anything)
        return f"it failed: {type(error).__name__}"
    return None if sent else "the service refused it or could not be reached"


def _silence() -> None:
    """Keeps what Apprise logs, which may contain addresses, out of the log."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
