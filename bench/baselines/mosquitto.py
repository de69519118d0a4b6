"""Mosquitto, the usual MQTT broker: each link publishes to a topic of its own and subscribes to it.

A message and its way back correspond to the gateway's ping and pong. Log messages have no subscriber: at QoS 0 a
PINGREQ after them brings the receipt, at QoS 1 each is acknowledged.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.baselines.server import Running, Server, Workload
from bench.child import Child, free_port, is_listening
from bench.generator import Options

# Allows more in flight than we use; without Nagle's algorithm, unless as installed.
_SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_type error
max_inflight_messages 300
max_queued_messages 0
set_tcp_nodelay {nodelay}
"""


def find_mosquitto() -> str | None:
    """Returns the broker's path; /usr/sbin is often on the PATH of root only."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


class Mosquitto(Server):
    """The broker at one quality of service."""

    needs_c = True

    def __init__(self, qos: int, *, nodelay: bool = True) -> None:
        self._qos = qos
        self._nodelay = nodelay
        self.name = f"mosquitto-qos{qos}" + ("" if nodelay else "-as-installed")
        self.title = f"Mosquitto QoS {qos}" + ("" if nodelay else ", as installed")
        self.does_logs = nodelay

    def missing(self) -> str | None:
        return None if find_mosquitto() else "mosquitto is not installed (Debian: apt install mosquitto)"

    @contextmanager
    def start(self, folder: Path, core: int | None) -> Iterator[Running]:
        port = free_port()
        settings = folder / f"{self.name}.conf"
        settings.write_text(_SETTINGS.format(port=port, nodelay=str(self._nodelay).lower()))
        command = [find_mosquitto() or "mosquitto", "-c", str(settings)]
        with Child(command, core=core, log=folder / f"{self.name}.txt") as child:
            child.wait_until(lambda: is_listening(port), self.title)
            yield Running(child.pid, port)

    def options(self, workload: Workload) -> Options:
        has_receipt = workload.is_log and self._qos == 0
        return {
            "dialect": "mqtt",
            "qos": self._qos,
            "subscribe": not workload.is_log,
            "logs": workload.in_flight if has_receipt else 0,
            "in-flight": 1 if has_receipt else workload.in_flight,
        }
