"""The types of `from darvaz import Device` in a program for a board; the module itself lies on the board."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypedDict, TypeVar, overload

_Function = TypeVar("_Function", bound=Callable[..., Any])

class Argument(TypedDict, total=False):
    """What a command's argument may be; `type` is needed."""

    type: Literal["number", "integer", "boolean", "string"]
    min: float
    max: float
    choices: list[float] | list[str]
    default: float | str | bool
    unit: str
    title: str

class Log:
    """The board's log: each line is printed on the serial port and kept for the gateway."""

    level: int
    lost: int
    def debug(self, message: object) -> None: ...
    def info(self, message: object) -> None: ...
    def warning(self, message: object) -> None: ...
    def error(self, message: object) -> None: ...
    def critical(self, message: object) -> None: ...
    def exception(self, message: str, error: BaseException) -> None: ...

class Device:
    """One board and its gateway; `board` is the module of that name, `config` replaces config.json."""

    board: Any
    config: dict[str, Any]
    id: str
    boot_id: str
    log: Log
    def __init__(self, board: Any, config: dict[str, Any] | None = None) -> None: ...
    @property
    def state(self) -> Literal["starting", "joining", "connecting", "refused", "online"]:
        """Where the device is."""

    @overload
    def command(self, function: _Function, /) -> _Function: ...
    @overload
    def command(
        self, function: None = None, deadline_s: float = 30, name: str | None = None, **arguments: Argument
    ) -> Callable[[_Function], _Function]:
        """Declares a function as a command of its name, or of `name`: `@device.command`, or with its arguments."""

    @overload
    def telemetry(self, every_s: _Function, /) -> _Function: ...
    @overload
    def telemetry(
        self,
        every_s: float = 10,
        unit: str | None = None,
        device_class: str | None = None,
        title: str | None = None,
        name: str | None = None,
    ) -> Callable[[_Function], _Function]:
        """Declares a function as telemetry of its name, or of `name`, called every `every_s` seconds."""

    def on_connect(self, function: _Function) -> _Function:
        """Calls a function each time the gateway has welcomed the device."""

    def task(self, function: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        """Runs an async function from the start on, beside everything else."""

    async def send_frame(self, frame: bytearray | memoryview) -> bool:
        """Sends one JPEG and returns whether it went out; its buffer is masked in place, so the picture is gone."""

    def run(self) -> None:
        """Connects and serves until Ctrl-C, and closes everything before the REPL."""

    def info(self) -> dict[str, Any]:
        """Returns facts about the board, its firmware and its address."""

    def reboot(self) -> None:
        """Closes the link and restarts the board."""
