"""An emulated Pico W: a process with the emulator, a flash in a file, and a serial port at a link that stays."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from darvaz.boards.emulated.packages import Emulator, NoEmulator, fetch

# The access point that the board finds; another name or password is refused.
SSID, PASSWORD = "Home", "password"
# The address at which the board reaches its gateway, and the only one that it reaches.
GATEWAY_ADDRESS = "10.0.0.1"
START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 20.0
LINES_MAX = 2000
MACHINE = Path(__file__).with_name("machine.py")
_SCHEMES = {"http": ("ws", 80), "https": ("wss", 443), "ws": ("ws", 80), "wss": ("wss", 443)}


class EmulatedPico:
    """One board between `start` and `stop`, in a folder that keeps its flash; `port` is its serial port.

    `gateway` is the address of the gateway for this machine; for the board it is `board_url`. `on_line(text)` is called
    from another thread for each line that the board prints. `record` is a file that gets each write and erasure of the
    flash.
    """

    def __init__(
        self,
        folder: Path,
        gateway: str,
        *,
        emulator: Emulator | None = None,
        on_line: Callable[[str], None] | None = None,
        record: Path | None = None,
    ) -> None:
        self.port = str(folder / "port")
        self.flash = folder / "flash.bin"
        self.lines: deque[str] = deque(maxlen=LINES_MAX)
        self._gateway_host, self._gateway_port, self.board_url = _gateway_of(gateway)
        self._folder = folder
        self._emulator = emulator
        self._on_line = on_line
        self._record = record
        # None without power.
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        # Set once there is a port, or there will be none; the reader sets it.
        self._is_on = threading.Event()
        # Whether the emulator runs and has told its port; the reader says so.
        self._has_port = False
        self._is_copied = threading.Event()
        # The last messages of the emulator itself.
        self._messages: deque[str] = deque(maxlen=20)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id of the emulator; None while the board has no power."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Turns the power on and waits until USB is there; raises `NoEmulator`."""
        emulator = self._emulator = self._emulator or fetch()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._is_on.clear()
        self._has_port = False
        self._process = self._launch(emulator)
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="emulated board", daemon=True)
        self._reader.start()
        try:
            self._send_settings(emulator.image)
            if not self._is_on.wait(START_DEADLINE_S) or not self._has_port:
                raise NoEmulator("the emulated Pico W did not start:\n" + "\n".join(self._messages))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Turns the power off, in the middle of whatever the board does; the flash stays as it is then."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(STOP_DEADLINE_S)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                # What a process that has ended did not read is lost with it.
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.port)

    def power_cut(self) -> None:
        """Turns the power off and on."""
        self.stop()
        self.start()

    def copy_flash(self, path: Path) -> None:
        """Saves the flash of a board that runs, in whatever state it is; raises `NoEmulator`."""
        self._is_copied.clear()
        self._send(f"copy {path}")
        if self._process is None or not self._is_copied.wait(STOP_DEADLINE_S):
            raise NoEmulator("the emulated Pico W does not copy its flash: it has ended, or hangs")

    def _launch(self, emulator: Emulator) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(emulator.python), "-I", str(MACHINE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C at our terminal is not for the board.
            start_new_session=True,
        )

    def _send_settings(self, image: Path) -> None:
        settings = {
            "image": str(image),
            "flash": str(self.flash),
            "ssid": SSID,
            "password": PASSWORD,
            "gateway_host": self._gateway_host,
            "gateway_port": self._gateway_port,
            "record": str(self._record or ""),
        }
        self._send(json.dumps(settings))

    def _send(self, line: str) -> None:
        """Writes a line; if the emulator has ended, its answer will be missing."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            kind, _, text = line.rstrip("\n").partition(" ")
            if kind == ">":
                self.lines.append(text)
                if self._on_line is not None:
                    self._on_line(text)
            elif kind == "port":
                self._link(text)
                self._has_port = True
                self._is_on.set()
            elif kind == "copied":
                self._is_copied.set()
            else:
                self._messages.append(line.rstrip("\n"))
        # It ends, but may still be there for a moment.
        self._has_port = False
        self._is_on.set()

    def _link(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.port)
        os.symlink(path, self.port)


def _gateway_of(url: str) -> tuple[str, int, str]:
    """Returns host and port of a gateway, and its address for the board; raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"{url} is not an address of a gateway")
    scheme, usual = _SCHEMES[parts.scheme]
    port = parts.port or usual
    return parts.hostname, port, f"{scheme}://{GATEWAY_ADDRESS}:{port}{parts.path.rstrip('/')}"
