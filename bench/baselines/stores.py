"""Other programs that store telemetry: Mosquitto with a subscriber and SQLite, and VictoriaMetrics."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bench.baselines.mosquitto import Mosquitto
from bench.baselines.server import Workload
from bench.case import Bench
from bench.child import Child, free_port, is_listening
from bench.machine import cpu_s

LINKS = 100
_LINES_PER_REQUEST = 100
_IDLE_CPU_S = 0.005
_IDLE_LOOK_S = 0.5
_IDLE_DEADLINE_S = 30.0


def cpu_until_idle_s(processes: list[int]) -> float:
    """Returns the processor time of processes, once they have nothing left to do."""
    until_s = time.monotonic() + _IDLE_DEADLINE_S
    spent_s = sum(map(cpu_s, processes))
    while time.monotonic() < until_s:
        time.sleep(_IDLE_LOOK_S)
        before_s, spent_s = spent_s, sum(map(cpu_s, processes))
        if spent_s - before_s < _IDLE_CPU_S:
            break
    return spent_s


class BrokerAndSubscriber:
    """Mosquitto at QoS 0, and a subscriber of few lines that writes SQLite."""

    name = "mosquitto-sqlite"
    title = "Mosquitto + subscriber with SQLite"

    def missing(self, bench: Bench) -> str | None:
        """Returns the reason if it cannot run here."""
        return Mosquitto(0).missing() or (None if bench.generator.is_fast else "the load generator has no MQTT")

    def measure(self, bench: Bench, report: str) -> tuple[int, float]:
        """Returns how many reports were stored, and the processor time for that."""
        broker, file = Mosquitto(0), bench.folder / "subscriber.sqlite3"
        with broker.start(bench.folder, bench.cores.server) as running:
            command = [sys.executable, "-m", "bench.mqtt_to_sqlite", str(running.port), str(file)]
            with Child(command, core=bench.cores.server, log=bench.folder / "subscriber.txt") as subscriber:
                subscriber.wait_until(lambda: _has_table(file), self.title)
                begin_s = cpu_until_idle_s([running.pid, subscriber.pid])
                options: dict[str, Any] = {"port": running.port, "links": LINKS, "message": report, "log": report}
                options |= {"warmup-ms": 0, "window-ms": bench.extent.window_ms}
                bench.generator.run("exchange", {**options, **broker.options(Workload("log", 16))})
                spent_s = cpu_until_idle_s([running.pid, subscriber.pid]) - begin_s
                with closing(sqlite3.connect(file)) as database:
                    values = database.execute("SELECT count(*) FROM readings").fetchone()[0]
        file.unlink()
        return values // len(json.loads(report)["values"]), spent_s


class VictoriaMetrics:
    """The time series database, given lines of InfluxDB's protocol, as many at once as a collector would."""

    name = "victoria-metrics"
    title = f"VictoriaMetrics, {_LINES_PER_REQUEST} lines a request"

    def missing(self, bench: Bench) -> str | None:
        """Returns the reason if it cannot run here."""
        return None if _find() else "victoria-metrics is not installed (Debian: apt install victoria-metrics)"

    def measure(self, bench: Bench, values: dict[str, float]) -> tuple[int, float]:
        """Returns how many reports were stored, and the processor time for that."""
        fields = ",".join(f"{name}={value}" for name, value in values.items())
        with self._running(bench) as (child, port), closing(http.client.HTTPConnection("127.0.0.1", port)) as link:
            begin_s, sent = cpu_until_idle_s([child.pid]), 0
            until_s = time.monotonic() + bench.extent.window_ms / 1000
            while time.monotonic() < until_s:
                numbers = range(sent, sent + _LINES_PER_REQUEST)
                lines = [f"bench,device=bench-{n % LINKS} {fields} {time.time_ns() + n}" for n in numbers]
                link.request("POST", "/write", "\n".join(lines))
                link.getresponse().read()
                sent += _LINES_PER_REQUEST
            return sent, cpu_until_idle_s([child.pid]) - begin_s

    @contextmanager
    def _running(self, bench: Bench) -> Iterator[tuple[Child, int]]:
        port, folder = free_port(), bench.folder / "victoria"
        command = [_find() or "", f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}"]
        with Child(command, core=bench.cores.server, log=bench.folder / "victoria.txt") as child:
            child.wait_until(lambda: is_listening(port), self.title)
            yield child, port
        shutil.rmtree(folder, ignore_errors=True)


def _find() -> str | None:
    return shutil.which("victoria-metrics", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def _has_table(file: Path) -> bool:
    if not file.exists():
        return False
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'readings'").fetchone() is not None
