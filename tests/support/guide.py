"""The guide's clients: their text from docs/connecting.fa.md, and an environment to run them in."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.needs import missing

fcntl = pytest.importorskip("fcntl", reason="the guide's clients are tested on Unix, where locks are flock's")

_ROOT = Path(__file__).resolve().parents[2]
_GUIDE = _ROOT / "docs" / "connecting.fa.md"
_PACKAGES = _ROOT / ".cache" / "guide-client" / f"python{sys.version_info.major}.{sys.version_info.minor}"
_REQUIREMENTS = ("websockets>=12,<14", "requests")
_INSTALL_DEADLINE_S = 300.0
_LINE_DEADLINE_S = 20.0
_POLL_S = 0.05

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HOST_AND_PORT = "services.gen6.chabokan.net:3000"
_TOKEN = "your_pico_token_here"
_OPENINGS = {
    "complete": ("python", "class PicoWebSocketClient"),
    "short": ("python", "async def connect_pico"),
    "javascript": ("javascript", "// JavaScript Example"),
}


def original(name: str) -> str:
    """Returns one of the guide's clients unchanged: complete, short or javascript."""
    language, opening = _OPENINGS[name]
    blocks = _BLOCK.findall(_GUIDE.read_text(encoding="utf-8"))
    found = [text for block_language, text in blocks if block_language == language and opening in text]
    assert len(found) == 1, f"docs/connecting.fa.md has {len(found)} blocks with {opening!r}, not one"
    return str(found[0])


def client(name: str, host_and_port: str, token: str | None = None) -> str:
    """Returns a client of the guide with only host, port and the placeholder token replaced."""
    text = original(name)
    assert _HOST_AND_PORT in text, f"the guide's {name} client no longer names {_HOST_AND_PORT}"
    text = text.replace(_HOST_AND_PORT, host_and_port)
    return text if token is None else text.replace(_TOKEN, token)


def packages() -> Path:
    """Returns a folder with the guide's versions of its packages, installed once; ends the test if that fails."""
    _PACKAGES.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(_PACKAGES.with_name(f"{_PACKAGES.name}.lock")):
        if not _PACKAGES.exists():
            _install(_PACKAGES)
    return _PACKAGES


def _install(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "packages"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command = [*pip, "--target", str(made), *_REQUIREMENTS]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_DEADLINE_S)
        if done.returncode != 0:
            missing(f"the guide's packages could not be installed: {done.stderr.strip()[-300:]}")
        # Renamed when it is complete: an interrupted installation must not look complete.
        made.rename(folder)


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Holds a lock that test processes share; the system frees it if its holder dies."""
    deadline_s = time.monotonic() + _INSTALL_DEADLINE_S
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < deadline_s, f"{path} stayed locked for {_INSTALL_DEADLINE_S:g} s"
                time.sleep(_POLL_S)
        yield


def node_command() -> list[str]:
    """Returns how to run a script with a WebSocket in Node; ends the test if there is none."""
    node = shutil.which("node")
    if node is None:
        missing("Node is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=_LINE_DEADLINE_S).stdout
    major, minor = (int(part) for part in version.strip().lstrip("v").split(".")[:2])
    if major >= 22:
        return [node]
    if (major, minor) >= (20, 10):
        return [node, "--experimental-websocket"]
    missing(f"Node {version.strip()} has no WebSocket of its own; 20.10 is the first that has")


class Running:
    """A client of the guide as a process of its own, whose output can be waited for."""

    def __init__(self, command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None) -> None:
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(timeout=_LINE_DEADLINE_S)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def text(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def wait_for_end(self) -> None:
        """Waits until the client has ended by itself."""
        self._process.wait(timeout=_LINE_DEADLINE_S)

    def wait_for(self, part: str, count: int = 1) -> None:
        """Waits until the output has `part` in it `count` times; fails with the output after the deadline."""
        deadline_s = time.monotonic() + _LINE_DEADLINE_S
        while self.text.count(part) < count:
            assert time.monotonic() < deadline_s and self.is_running, f"no {part!r} in:\n{self.text}"
            time.sleep(_POLL_S)


def run_python(text: str, folder: Path, prefix: Sequence[str] = ()) -> Running:
    """Starts a Python client of the guide with the guide's packages; `prefix` puts it into a namespace."""
    script = folder / "client.py"
    script.write_text(text, encoding="utf-8")
    environment = {"PYTHONPATH": str(packages()), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    return Running([*prefix, sys.executable, str(script)], folder / "client.out", environment)


def run_node(text: str, folder: Path, prefix: Sequence[str] = ()) -> Running:
    """Starts a JavaScript client of the guide in Node."""
    script = folder / "client.cjs"
    script.write_text(text, encoding="utf-8")
    return Running([*prefix, *node_command(), str(script)], folder / "client.out")


# Prints the messages that a browser shows in its developer tools. It is added after the guide's own text, which is
# unchanged, so that the guide's `auth` is sent first.
OBSERVER = """
ws.addEventListener('open', () => ws.send(JSON.stringify({type: 'connect', device: 'guide_script'})));
ws.addEventListener('message', (event) => console.log(event.data));
ws.addEventListener('close', (event) => console.log('closed ' + event.code));
"""
