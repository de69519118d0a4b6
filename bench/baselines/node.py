"""Node with `ws`, the usual WebSocket server of JavaScript; the package is fetched once, into .cache."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.baselines.server import Running, Server, Workload, websocket_options
from bench.c_programs import CACHE
from bench.child import Child, free_port, is_listening
from bench.generator import Options

PACKAGE = "ws@8"
_FOLDER = CACHE / "node"
_INSTALL_DEADLINE_S = 120.0


class NodeJson(Server):
    """Answers pings with JSON.parse and JSON.stringify."""

    name = "node-ws"
    title = "Node ws + JSON"

    def missing(self) -> str | None:
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                return f"{program} is not installed (Debian: apt install nodejs npm)"
        return self._fetch()

    def _fetch(self) -> str | None:
        if (_FOLDER / "node_modules" / "ws").exists():
            return None
        _FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(_FOLDER), PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_DEADLINE_S)
        except subprocess.TimeoutExpired:
            return f"npm did not fetch {PACKAGE} within {_INSTALL_DEADLINE_S:g} s"
        return None if done.returncode == 0 else f"npm could not fetch {PACKAGE}: {done.stderr.strip()[-200:]}"

    @contextmanager
    def start(self, folder: Path, core: int | None) -> Iterator[Running]:
        port = free_port()
        # Node searches for packages beside the script.
        script = _FOLDER / "node_ws.cjs"
        shutil.copyfile(Path(__file__).with_name("node_ws.cjs"), script)
        with Child(["node", str(script), str(port)], core=core, log=folder / "node.txt") as child:
            child.wait_until(lambda: is_listening(port), self.title)
            yield Running(child.pid, port)

    def options(self, workload: Workload) -> Options:
        return websocket_options(workload, "pong")
