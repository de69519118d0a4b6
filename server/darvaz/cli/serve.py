"""`darvaz serve`: runs the gateway until a signal stops it."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Callable

import click
from rich.console import Console

from darvaz.cli.options import config_option, setting_options
from darvaz.gateway.config_file import find_config
from darvaz.gateway.setting_sources import load_settings
from darvaz.gateway.settings import Settings, SettingsError
from darvaz.gateway.storage.database import StorageError
from darvaz.gateway.storage.folder_lock import FolderLock

# Bytes of one connection that the system holds unsent; the gateway may hold one frame more.
_UNSENT_BYTES_MAX = 32_768

log = logging.getLogger("darvaz")

_console = Console(stderr=True, highlight=False)


class ListenError(Exception):
    """The gateway cannot listen on this address; the text says what to do."""


@click.command()
@config_option
@setting_options
def serve(config: str | None, **given: str | None) -> None:
    """Run the gateway: boards connect to it, people and programs use it.

    Every option is also an environment variable, and a key of the file darvaz.toml. Ctrl-C or SIGTERM stops it:
    boards get the close code of a restart, and the journal is completed.
    """
    # Before the server listens, there is nothing to complete.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from darvaz.gateway.app import build_parts
    from darvaz.gateway.http.certificates import open_certificates
    from darvaz.gateway.http.self_signed import CertificateError
    from darvaz.gateway.log_output import log_to
    from darvaz.gateway.server import run

    try:
        options = {name: value for name, value in given.items() if value is not None}
        settings, _, remarks = load_settings(options, config=find_config(config))
        log_to(_console, settings.log_level, settings.log_format)
        listener = _listen(settings)
        lock = FolderLock.take(settings.data_path)
        parts = build_parts(settings)
        certificates = open_certificates(settings)
    except (SettingsError, StorageError, ListenError, CertificateError) as error:
        raise click.ClickException(str(error)) from None
    if settings.idle_timeout_s <= settings.heartbeat_s:
        remarks.append("idle_timeout_s is not above heartbeat_s: quiet boards are closed before they are asked")
    for remark in remarks:
        log.warning("= %s", remark)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        status = runner.run(run(parts, listener, _console, certificates))
    if lock is not None:
        lock.release()
    sys.exit(status)


def _listen(settings: Settings) -> socket.socket:
    """Opens the port before anything else, so that a port in use gives a short message."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # All addresses of this machine include those of IPv4, as the printed ones do.
        is_both = address[0] == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(address[:2], family=family, backlog=2048, dualstack_ipv6=is_both)
        _limit_unsent(listener)
        return listener
    except socket.gaierror:
        raise ListenError(f"--host={settings.host}: no such address on this machine; try 0.0.0.0") from None
    except OSError as error:
        raise ListenError(_listen_sentence(settings, error)) from None


def _limit_unsent(listener: socket.socket) -> None:
    """Limits how many unsent bytes the system takes for each connection; they inherit it from the listener.

    Otherwise it takes megabytes, and a slow viewer sees frames of half a minute ago (Linux: tcp(7), TCP_NOTSENT_LOWAT).
    """
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES_MAX)


def _listen_sentence(settings: Settings, error: OSError) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken: another program (another gateway?) listens there; stop it or use --port"
    if error.errno == errno.EACCES:
        return f"{where}: this user may not listen there; use a --port of 1024 or more"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host={settings.host}: this machine does not have that address; try 0.0.0.0"
    return f"{where} cannot be listened on: {error.strerror}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
