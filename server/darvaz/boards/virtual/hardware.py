"""The simulated hardware of a virtual board: radio, camera, watchdog, and its parts; changed by people and tests.

The stubs on the board send one request at a time, which `Hardware.answer` answers without I/O.
"""

from __future__ import annotations

import base64
import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from darvaz.boards.parts.wired import PART_HANDLERS, Answer, Reply, Request, WiredParts
from darvaz.boards.virtual.pictures import broken_frame, draw_frame

UNKNOWN = {"error": "unknown request"}


# Of a board that is an access point itself: a loopback socket, as all of its network.
OWN_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """The network that a board has opened, and its key."""

    ssid: str
    key: str


@dataclass(slots=True)
class AccessPoint:
    """A Wi-Fi network within reach."""

    password: str = ""
    rssi_dbm: int = -55
    gives_addresses: bool = True


@dataclass(slots=True)
class Watchdog:
    """A running watchdog: it resets the board if it was not fed for `timeout_ms`."""

    timeout_ms: int
    fed_s: float


class CodeTerminal(Protocol):
    """The board's terminal, for code on the board that prints and types there (`os.dupterm`)."""

    def copy_output(self, is_on: bool) -> None:
        """Begins or ends to keep what is printed."""

    def take_copy(self) -> bytes:
        """Returns some of it, the oldest first."""

    def take(self, data: bytes) -> None:
        """Types bytes."""

    def count_typed(self) -> int:
        """Returns how many of them the code has not read."""


@dataclass(slots=True)
class Hardware(WiredParts):
    """The state of one board's hardware, with the parts at its pins and buses.

    `monotonic_s()` is the clock of the watchdog. `route(host, port)` returns the loopback port that leads to a host,
    and `restart(cause)` restarts the board. `joined` is the name of the access point, `own_point` the network that the
    board itself has opened. `camera` is "ok", "missing" (no driver in the firmware), "dead" (does not start), "silent"
    (no frame comes) or "broken" (frames are cut). The power is cut when `block_writes_left` is used up. `frames` counts
    the frames that were taken, `name` is drawn into them. `version` is the MicroPython that it reports, None for the
    real one.
    `terminal` is that of the board, once there is one.
    """

    kind: str
    unique_id: str
    monotonic_s: Callable[[], float]
    route: Callable[[str, int], int]
    restart: Callable[[str], None]
    name: str
    reset_cause: str = "power_on"
    is_raw: bool = False
    access_points: dict[str, AccessPoint] = field(default_factory=lambda: {"Home": AccessPoint("password")})
    joined: str | None = None
    own_point: OwnPoint | None = None
    adc_u16: dict[str, int] = field(default_factory=lambda: {"4": 14089})
    camera: str = "ok"
    watchdog: Watchdog | None = None
    block_writes_left: int | None = None
    frames: int = 0
    clock: list[int] = field(default_factory=list)
    version: tuple[int, int, int] | None = None
    terminal: CodeTerminal | None = None

    def power_on(self, cause: str) -> None:
        """Clears what does not survive a reset."""
        self.reset_cause = cause
        self.watchdog = None
        self.joined = self.own_point = None
        self.pins.clear()
        self.inputs.forget()

    def starves_in_s(self) -> float | None:
        """Returns when the watchdog resets the board if it is not fed, in seconds from now; None without one."""
        dog = self.watchdog
        return None if dog is None else dog.fed_s + dog.timeout_ms / 1000 - self.monotonic_s()

    def is_starving(self) -> bool:
        """Returns whether the watchdog is due to reset the board."""
        left_s = self.starves_in_s()
        return left_s is not None and left_s < 0

    def answer(self, request: Request, sent: bytes = b"") -> tuple[Reply, bytes]:
        """Returns the reply to a request of the stubs with the bytes that were sent, and the bytes that follow it."""
        handler = _HANDLERS.get(str(request.get("do")))
        if handler is None:
            return UNKNOWN, b""
        request["sent"] = sent
        reply = handler(self, request)
        return reply if isinstance(reply, tuple) else (reply, b"")

    # Requests
    def _setup(self, request: Request) -> Reply:
        return {
            "kind": self.kind,
            "unique_id": self.unique_id,
            "reset_cause": self.reset_cause,
            "is_raw": self.is_raw,
            "version": self.version,
            "has_camera": self.kind == "esp32cam" and self.camera != "missing",
        }

    def _wifi(self, request: Request) -> Reply:
        joined = self.access_points.get(self.joined or "")
        if joined is None:
            self.joined = None
        return {
            "joined": self.joined,
            "has_address": joined is not None and joined.gives_addresses,
            "rssi_dbm": joined.rssi_dbm if joined else None,
            "seen": {name: point.rssi_dbm for name, point in self.access_points.items()},
        }

    def _join(self, request: Request) -> Reply:
        name = request["ssid"]
        point = self.access_points.get(name)
        if point is None:
            return {"status": "not_seen"}
        if point.password != (request.get("key") or ""):
            return {"status": "wrong_password"}
        self.joined = name
        return {"status": "ok"}

    def _leave(self, request: Request) -> Reply:
        self.joined = None
        return {}

    def _open_point(self, request: Request) -> Reply:
        self.own_point = OwnPoint(request["ssid"], request["key"]) if request["on"] else None
        return {}

    def _route(self, request: Request) -> Reply:
        if self.own_point is not None and request["host"] == OWN_ADDRESS:
            # A socket that the board itself listens at.
            return {"port": request["port"]}
        point = self.access_points.get(self.joined or "")
        if point is None or not point.gives_addresses:
            return {"errno": errno.EHOSTUNREACH}
        try:
            return {"port": self.route(request["host"], request["port"])}
        except OSError as error:
            return {"errno": error.errno}

    def _read_adc(self, request: Request) -> Reply:
        return {"u16": self.adc_u16.get(str(request["channel"]), 0)}

    def _set_clock(self, request: Request) -> Reply:
        self.clock = list(request["fields"])
        return {}

    def _start_watchdog(self, request: Request) -> Reply:
        self.watchdog = Watchdog(request["timeout_ms"], self.monotonic_s())
        return {}

    def _feed_watchdog(self, request: Request) -> Reply:
        if self.watchdog is not None:
            self.watchdog.fed_s = self.monotonic_s()
        return {}

    def _reset(self, request: Request) -> Reply:
        causes = {"is_soft": "soft_reset", "is_asleep": "deepsleep"}
        self.restart(next((cause for name, cause in causes.items() if request.get(name)), "reset"))
        return {}

    def _copy_output(self, request: Request) -> Reply:
        if self.terminal is not None:
            self.terminal.copy_output(request["is_on"])
        return {}

    def _take_output(self, request: Request) -> Reply:
        if self.terminal is None:
            return {"data": "", "waiting": 0}
        data = base64.b64encode(self.terminal.take_copy()).decode()
        return {"data": data, "waiting": self.terminal.count_typed()}

    def _type(self, request: Request) -> Reply:
        if self.terminal is not None:
            self.terminal.take(base64.b64decode(request["data"]))
        return {}

    def _count_block_write(self, request: Request) -> Reply:
        if self.block_writes_left is None:
            return {"is_cut": False}
        self.block_writes_left -= 1
        return {"is_cut": self.block_writes_left < 0}

    def _cut(self, request: Request) -> Reply:
        self.block_writes_left = None
        self.restart("power_cut")
        return {}

    def _start_camera(self, request: Request) -> Reply:
        return {"is_started": self.camera not in ("dead", "missing")}

    def _frame(self, request: Request) -> Answer:
        if self.camera == "silent":
            return {"bytes": 0}
        self.frames += 1
        data = draw_frame(request["size"], request["quality"], self.frames, self.name)
        if self.camera == "broken":
            data = broken_frame(data)
        return {"bytes": len(data)}, data


_HANDLERS: dict[str, Callable[[Hardware, Request], Answer]] = {
    **PART_HANDLERS,
    "setup": Hardware._setup,
    "wifi": Hardware._wifi,
    "join": Hardware._join,
    "leave": Hardware._leave,
    "open_point": Hardware._open_point,
    "route": Hardware._route,
    "read_adc": Hardware._read_adc,
    "set_clock": Hardware._set_clock,
    "start_watchdog": Hardware._start_watchdog,
    "feed": Hardware._feed_watchdog,
    "reset": Hardware._reset,
    "copy_output": Hardware._copy_output,
    "take_output": Hardware._take_output,
    "type": Hardware._type,
    "count_block_write": Hardware._count_block_write,
    "cut": Hardware._cut,
    "start_camera": Hardware._start_camera,
    "frame": Hardware._frame,
}
