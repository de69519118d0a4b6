"""Starts the automations of the settings, with the address at which they reach this gateway."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from darvaz.gateway.automation_process.supervisor import AutomationSupervisor
from darvaz.gateway.parts import Parts
from darvaz.text.extras import how_to_install

_REMARK = "automations"


def start_automations(parts: Parts, sockets: Sequence[socket.socket], *, has_tls: bool) -> AutomationSupervisor | None:
    """Starts them once the gateway listens; None if there are none, or if a package or the folder is missing."""
    if not parts.settings.automations:
        return None
    folder = Path(parts.settings.automations).expanduser()
    if not folder.is_dir():
        parts.remarks[_REMARK] = f"the folder of automations is not there: {folder}"
        return None
    if find_spec("apscheduler") is None or find_spec("tzlocal") is None:
        parts.remarks[_REMARK] = f"automations need more packages: {how_to_install('automations')}"
        return None

    def record(device: str | None, type_: str, text: str) -> None:
        parts.journal.record(device, None if device is None else parts.hub.kind_of(device), "", "=", type_, text)

    url = f"{'https' if has_tls else 'http'}://{_address_of(sockets)}"
    supervisor = AutomationSupervisor(folder, url, parts.settings.data_path.resolve(), record, parts.remarks)
    supervisor.open()
    return supervisor


def _address_of(sockets: Sequence[socket.socket]) -> str:
    host, port = sockets[0].getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        return f"127.0.0.1:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
