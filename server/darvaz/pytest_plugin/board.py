"""The board of a test: its commands, log, values, camera, resets, and its prompt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from darvaz.boards.parts import PartFailure
from darvaz.client.types import DeviceInfo
from darvaz.pytest_plugin.backends import BoardBackend
from darvaz.pytest_plugin.errors import BoardCommandFailed, BoardError, NotSeenError
from darvaz.pytest_plugin.expectations import SHOWN_MAX, DeviceLine, Expectations, Value
from darvaz.pytest_plugin.gateway import BenchGateway
from darvaz.text.terminal import visible

if TYPE_CHECKING:
    # A virtual board needs Linux, a real one does not.
    from darvaz.boards.virtual.hardware import Hardware

LOG_TIMEOUT_S = 10.0
# Boards report every ten seconds by default.
TELEMETRY_TIMEOUT_S = 15.0
EXEC_TIMEOUT_S = 30.0
_POLL_S = 0.05
_SNAPSHOT = "snapshot"
ONLINE = "is online"
# What MicroPython prints at its prompt; a soft reset prints it for a moment, too.
_PROMPT = 'Type "help()"'
_ENDED_S = 1.0
# What MicroPython prints after sys.exit(), as after Ctrl-D at the prompt: such a program starts again and again.
_SOFT_REBOOT = "MPY: soft reboot"
SOFT_REBOOTS_MAX = 5
TIMED_OUT = "timed_out"
# A log line of the previous test may still be on its way to the gateway, or to the journal.
SETTLE_S = 0.25


class Board:
    """One board with its program, online at `gateway`; every wait has a deadline, every failure says what happened.

    `command`, `expect_…` and `snapshot` use the program. `exec` ends it; the next of the others starts it again.
    """

    def __init__(
        self, gateway: BenchGateway, backend: BoardBackend, boot_deadline_s: float, *, is_at_prompt: bool = False
    ) -> None:
        self.gateway = gateway
        self.id = backend.device
        self._backend = backend
        self._boot_deadline_s = boot_deadline_s
        # Whether its program has ended, for `exec`.
        self._is_at_prompt = is_at_prompt
        # Whether its program hangs: its link looks alive, but commands time out.
        self._is_hanging = False
        # Whether it was online at the beginning of a test.
        self._was_online = False
        # The boot that the last restart ended; None before the first.
        self._boot_before_restart: Any = None
        # Why it did not come online for the last test; None while all is well.
        self._lost: BoardError | None = None
        self._expectations = Expectations(
            lambda after_id: gateway.entries(self.id, after_id), gateway.newest_entry_id()
        )

    def __repr__(self) -> str:
        return f"<board {self.id} at {self.gateway.url}>"

    @property
    def kind(self) -> str:
        """What it is: `pico`, `esp32cam`."""
        return str(self.about().get("kind", ""))

    @property
    def hardware(self) -> Hardware:
        """The simulated pins, parts, Wi-Fi and camera of a virtual board; on any other board the test is skipped."""
        __tracebackhide__ = True
        return self._backend.hardware

    def about(self) -> DeviceInfo:
        """Returns what the gateway knows about it, as `GET /api/devices/{device}`; empty if it never connected."""
        return self.gateway.device(self.id) or cast(DeviceInfo, {})

    # Its program

    def command(self, name: str, /, **args: Any) -> Any:
        """Returns the result of a command; raises `CommandFailed` with the board's reason."""
        __tracebackhide__ = True
        self._start_program()
        try:
            return self.gateway.command(self.id, name, args)
        except BoardCommandFailed as error:
            self._is_hanging = error.code == TIMED_OUT
            raise

    def expect_log(self, pattern: str, timeout_s: float = LOG_TIMEOUT_S) -> str:
        """Returns the next log line in which a regular expression is found; raises `NotSeenError`.

        It considers lines since the test began, after the line that it found before.
        """
        __tracebackhide__ = True
        self._start_program()
        return self._expectations.expect_line(pattern, timeout_s)

    def expect_telemetry(
        self,
        name: str,
        *,
        equals: Value | None = None,
        above: float | None = None,
        below: float | None = None,
        where: Callable[[Any], bool] | None = None,
        timeout_s: float = TELEMETRY_TIMEOUT_S,
    ) -> Any:
        """Returns the next matching value of a name; raises `NotSeenError` with those that arrived.

        It considers values since the test began, after the value of that name that it found before.
        """
        __tracebackhide__ = True
        self._start_program()
        condition = _describe(equals, above, below, where)

        def matches(value: Value) -> bool:
            is_bound = above is not None or below is not None
            return (
                (equals is None or value == equals)
                and (not is_bound or _is_between(value, above, below))
                and (where is None or bool(where(value)))
            )

        return self._expectations.expect_value(name, matches, condition, timeout_s)

    def snapshot(self) -> bytes:
        """Returns a new JPEG of its camera; raises `BoardError` with the reason."""
        __tracebackhide__ = True
        self._start_program()
        if _SNAPSHOT in self.about().get("commands", {}):
            # Without it, the gateway may answer with a frame of a second ago.
            self.gateway.command(self.id, _SNAPSHOT, {})
        return self.gateway.snapshot(self.id)

    # Resets, and its prompt

    def reset(self) -> None:
        """Restarts it as its button does, and waits until its program is online again."""
        __tracebackhide__ = True
        self._restart(self._backend.reset)

    def power_cycle(self) -> None:
        """Switches its power off and on, and waits until its program is online again."""
        __tracebackhide__ = True
        self._restart(self._backend.power_cycle)

    def exec(self, code: str, timeout_s: float = EXEC_TIMEOUT_S) -> str:
        """Ends its program, runs code at its prompt and returns what it printed; raises `ExecFailed`.

        Names and pins stay as they are from one `exec` to the next, and from the program to the first.
        """
        __tracebackhide__ = True
        self._is_at_prompt = True
        return self._backend.exec(code, timeout_s)

    def wait_online(self, timeout_s: float | None = None) -> None:
        """Waits until its program is online; raises `NotSeenError` with its state."""
        __tracebackhide__ = True
        self._wait_until_online("is not online", timeout_s)

    # For reports

    def state(self, about: DeviceInfo) -> str:
        """Returns its state, to follow its name in a sentence: `ONLINE`, or another."""
        if not about:
            return f"is unknown to {self.gateway.url}"
        if not about["online"]:
            return "is offline"
        # The gateway notices a reset when the board reconnects: until then the old link looks alive.
        return ONLINE if _boot(about) != self._boot_before_restart else "is away, though its old link still looks alive"

    def log_lines(self) -> list[DeviceLine]:
        """Returns the log lines since the test began, up to the last `update`."""
        return self._expectations.lines()

    def serial_lines(self) -> list[str]:
        """Returns what it printed on its serial port since the test began, as far as that is known."""
        return self._backend.serial_lines()

    def interrupt(self) -> None:
        """Presses Ctrl-C, where that is possible: a program that hangs prints its traceback."""
        self._backend.interrupt()

    def take_part_failures(self) -> list[PartFailure]:
        """Returns and forgets what went wrong in the parts of the test on a virtual board."""
        return self._backend.take_part_failures()

    def update(self) -> None:
        """Reads what it logged up to now, for `log_lines`."""
        self._expectations.update()

    def begin(self, *, keeps_prompt: bool = False) -> None:
        """Prepares it for a test: its program is online, and what it reported before is ignored.

        With `keeps_prompt`, a board at its prompt stays there.
        """
        __tracebackhide__ = True
        try:
            if not (keeps_prompt and self._is_at_prompt):
                self._revive()
        except BoardError as failure:
            self._lost = failure
            raise
        self._lost = None
        time.sleep(SETTLE_S)
        self._expectations.begin()
        self._backend.clear_serial()
        self._backend.take_part_failures()

    def _revive(self) -> None:
        __tracebackhide__ = True
        is_online = self.state(self.about()) == ONLINE
        if self._lost is not None and not is_online:
            # Each of the other tests would wait for it again.
            raise self._lost
        if self._is_at_prompt or self._is_hanging or (self._was_online and not is_online):
            self._restart(self._backend.reset)
        self.wait_online()
        self._was_online = True

    def _start_program(self) -> None:
        __tracebackhide__ = True
        if self._is_at_prompt:
            self.reset()

    def _restart(self, restart: Callable[[], None]) -> None:
        __tracebackhide__ = True
        before, printed = _boot(self.about()), self.serial_lines()
        restart()
        self._boot_before_restart = before
        self._is_at_prompt = self._is_hanging = False
        self._wait_until_online("did not come back", None, printed)

    def _wait_until_online(self, problem: str, timeout_s: float | None, printed: Sequence[str] = ()) -> None:
        """Waits until it is online, or its program has ended, by what came from its serial port after `printed`.

        It has ended if there is a prompt and nothing after that, or if MicroPython starts again and again.
        """
        __tracebackhide__ = True
        timeout_s = self._boot_deadline_s if timeout_s is None else timeout_s
        prompts, reboots = _count(_PROMPT, printed), _count(_SOFT_REBOOT, printed)
        give_up_s = time.monotonic() + timeout_s
        idle_s, seen = time.monotonic(), -1
        while (state := self.state(self.about())) != ONLINE:
            lines = [line for line in self.serial_lines() if line.strip()]
            if len(lines) != seen or _count(_PROMPT, lines) <= prompts or not lines[-1].startswith(_PROMPT):
                idle_s, seen = time.monotonic(), len(lines)
            elif time.monotonic() - idle_s > _ENDED_S:
                raise NotSeenError(f"{self.id} {problem}: its program has ended; {self._describe_serial()}")
            if _count(_SOFT_REBOOT, lines) - reboots > SOFT_REBOOTS_MAX:
                raise NotSeenError(
                    f"{self.id} {problem}: its program ends by sys.exit() or SystemExit, and starts again and again; "
                    f"{self._describe_serial()}"
                )
            if time.monotonic() >= give_up_s:
                raise NotSeenError(f"{self.id} {problem} after {timeout_s:g} s; it {state}; {self._describe_serial()}")
            time.sleep(_POLL_S)

    def _describe_serial(self) -> str:
        lines = [line for line in self.serial_lines() if line.strip()][-SHOWN_MAX:]
        if not lines:
            return "nothing came from its serial port"
        return "its serial port printed:\n" + "\n".join(map(visible, lines))


def _count(beginning: str, lines: Iterable[str]) -> int:
    """Returns how many lines begin so."""
    return sum(line.startswith(beginning) for line in lines)


def _boot(about: DeviceInfo) -> Any:
    # A program without our library may send no boot id; then the link identifies the boot.
    return about.get("boot_id") or about.get("since")


def _is_between(value: Value, above: float | None, below: float | None) -> bool:
    if isinstance(value, str):
        return False
    return (above is None or value > above) and (below is None or value < below)


def _describe(
    equals: Value | None, above: float | None, below: float | None, where: Callable[[Any], bool] | None
) -> str:
    words = [
        "" if equals is None else f" equal to {equals!r}",
        "" if above is None else f" above {above:g}",
        "" if below is None else f" below {below:g}",
        "" if where is None else f" where {getattr(where, '__name__', 'it is so')}",
    ]
    return " and".join(word for word in words if word)
