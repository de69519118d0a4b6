"""Runs a cluster on this machine to try it: three NATS servers, three gateways, HAProxy in front: `make cluster`.

Everything is below a folder, and goes on from there at the next start. What dies, or is killed, stays away until the
line with its command is typed; Ctrl-C ends the rest.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from darvaz.gateway.local_token_file import LocalTokenFile
from tools.cluster_token import TOKEN_NAME, shared_token

COUNT = 3
_HINTS = """\
In another terminal: make simulate PICO=20, make devices, make signin, .venv/bin/darvaz cluster status.
Of one gateway: DARVAZ_TOKEN=$(cat {token}) make devices ARGS='--gateway http://127.0.0.1:{node}'"""
_LISTEN_DEADLINE_S = 60.0
_END_DEADLINE_S = 20.0
_LOOK_EVERY_S = 0.2
_HAPROXY = """
defaults
    mode http
    option forwardfor
    option redispatch
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    timeout tunnel 1h
frontend outer
    bind 127.0.0.1:{port}
    default_backend gateways
backend gateways
    balance leastconn
    option httpchk GET /health
    default-server inter 1s fall 2 rise 1
{servers}
"""


class Program(NamedTuple):
    """One of the programs: its name, its command, and the port at which it listens."""

    name: str
    command: list[str]
    port: int


def programs_of(folder: Path, port: int) -> list[Program]:
    """Returns all programs, and writes their configuration; the proxy listens at `port`, the others behind it."""
    folder.mkdir(parents=True, exist_ok=True)
    gateways = [port + 1 + number for number in range(COUNT)]
    clients = [port + 11 + number for number in range(COUNT)]
    routes = [port + 21 + number for number in range(COUNT)]
    urls = ",".join(f"nats://127.0.0.1:{each}" for each in clients)
    found = [_nats(folder, number, clients[number], routes) for number in range(COUNT)]
    for number, each in enumerate(gateways, 1):
        options = ["--host", "127.0.0.1", "--port", str(each), "--data", str(folder / f"gateway-{number}")]
        options += ["--cluster", urls, "--cluster-node", f"gateway-{number}", "--trusted-proxies", "127.0.0.1"]
        options += ["--public-url", f"http://127.0.0.1:{port}"]
        command = [sys.executable, "-m", "darvaz", "serve", *options, "--links-per-address-max", "1000"]
        found.append(Program(f"gateway-{number}", command, each))
    servers = "\n".join(f"    server gateway-{n} 127.0.0.1:{each} check" for n, each in enumerate(gateways, 1))
    (folder / "haproxy.cfg").write_text(_HAPROXY.format(port=port, servers=servers))
    return [*found, Program("haproxy", ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], port)]


def _nats(folder: Path, number: int, port: int, routes: list[int]) -> Program:
    name = f"nats-{number + 1}"
    others = ", ".join(f"nats://127.0.0.1:{each}" for each in routes)
    lines = [
        f"server_name: {name}",
        f"listen: 127.0.0.1:{port}",
        f'jetstream {{ store_dir: "{folder / name}", max_file_store: 1GB, max_memory_store: 64MB }}',
        f"cluster {{ name: darvaz, listen: 127.0.0.1:{routes[number]}, no_advertise: true, routes: [{others}] }}",
    ]
    settings = folder / f"{name}.conf"
    settings.write_text("\n".join(lines) + "\n")
    beside = Path(sys.executable).with_name("nats-server")
    return Program(name, [str(beside) if beside.exists() else "nats-server", "-c", str(settings)], port)


class Running:
    """The programs that were started, until `close`."""

    def __init__(self, folder: Path, programs: list[Program]) -> None:
        self._folder = folder
        self._programs = programs
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Starts all, and returns once the gateways have joined the cluster and the proxy has found one.

        The proxy is started last: what does not listen at its first checks stays out for a second or more.

        Raises:
            RuntimeError: one of them ends before that.
        """
        *behind, proxy = self._programs
        for program in behind:
            self._start(program)
        for program in behind:
            self._wait_for(program, _is_healthy if program.name.startswith("gateway") else _listens)
        self._start(proxy)
        self._wait_for(proxy, _is_healthy)

    def _start(self, program: Program) -> None:
        with (self._folder / f"{program.name}.log").open("ab") as log:
            # A group of its own: Ctrl-C is for this program, which ends the others in order.
            self._started[program.name] = subprocess.Popen(
                program.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def _wait_for(self, program: Program, is_ready: Callable[[int], bool]) -> None:
        end_s = time.monotonic() + _LISTEN_DEADLINE_S
        while not is_ready(program.port):
            if self._started[program.name].poll() is not None or time.monotonic() > end_s:
                raise RuntimeError(f"{program.name} did not start; see {self._folder / program.name}.log")
            time.sleep(_LOOK_EVERY_S / 2)

    @property
    def ports(self) -> list[int]:
        """Returns the ports of the gateways, and of the proxy."""
        return [program.port for program in self._programs if not program.name.startswith("nats")]

    def describe(self) -> str:
        """Returns a line for each program: its process id, its name, its address."""
        pids = {name: process.pid for name, process in self._started.items()}
        rows = [f"  {pids[each.name]:>7}  {each.name:<10} 127.0.0.1:{each.port}" for each in self._programs]
        return "\n".join(rows)

    def take_ended(self) -> list[Program]:
        """Returns the programs that have ended since the last call."""
        over = {name for name, process in self._started.items() if process.poll() is not None}
        ended = [program for program in self._programs if program.name in over]
        for program in ended:
            del self._started[program.name]
        return ended

    def close(self) -> None:
        """Ends what runs: the proxy first, the NATS servers last."""
        for program in reversed(self._programs):
            process = self._started.pop(program.name, None)
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(_END_DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _is_healthy(port: int) -> bool:
    """Tells whether a gateway has joined the cluster, or whether the proxy has found one that has."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status == 200 and json.load(answer)["status"] == "ok"
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Runs the cluster until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("data/cluster"), help="where everything is kept")
    parser.add_argument("--port", type=int, default=3000, help="of the proxy; the next 30 are used as well")
    options = parser.parse_args()
    if shutil.which("haproxy") is None:
        print("haproxy is not installed: sudo apt install haproxy", file=sys.stderr)
        return 1
    # Also where a shell that started it in its background has Ctrl-C ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    running = Running(options.folder, programs_of(options.folder.absolute(), options.port))
    # As a gateway's own: the command line finds the proxy, as it would find one gateway here.
    noted = LocalTokenFile(options.folder, options.port)
    try:
        running.start()
        noted.write(shared_token(options.folder, running.ports))
        print(running.describe())
        print(f"Boards and browsers: http://127.0.0.1:{options.port}. Kill any of these, and watch. Ctrl-C ends all.")
        print(_HINTS.format(node=options.port + 1, token=options.folder / TOKEN_NAME), flush=True)
        while True:
            for program in running.take_ended():
                print(f"{program.name} has ended. Again: {shlex.join(program.command)}", flush=True)
            time.sleep(_LOOK_EVERY_S)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        noted.remove()
        running.close()


if __name__ == "__main__":
    sys.exit(main())
