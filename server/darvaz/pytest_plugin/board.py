"""The board as tests speak of it: commands, logs, measured values, pictures, resets, and its prompt."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from darvaz.pytest_plugin.backends import Body
from darvaz.pytest_plugin.errors import BoardError, CommandFailed, NotSeenError
from darvaz.pytest_plugin.expectations import SHOWN_MAX, Hearing, LogLine, Value
from darvaz.pytest_plugin.gateway import Gateway
from darvaz.text.terminal import visible

if TYPE_CHECKING:
    # Needs Linux, which a real board does not.
    from darvaz.boards.virtual.hardware import Hardware

LOG_TIMEOUT_S = 10.0
# Boards report every ten seconds unless told otherwise.
TELEMETRY_TIMEOUT_S = 15.0
EXEC_TIMEOUT_S = 30.0
_POLL_S = 0.05
_SNAPSHOT = "snapshot"
ONLINE = "is online"
TIMED_OUT = "timed_out"
# A log line of the test before may still be on its way from the board, or to the journal, which is written in batches.
SETTLE_S = 0.25


class Board:
    """One board with its program, online at `gateway`; every wait has a deadline, every failure says what was seen.

    `command`, `expect_…` and `snapshot` speak with the program. `exec` ends it; the next of those starts it again.
    """

    def __init__(self, gateway: Gateway, body: Body, boot_deadline_s: float, *, is_at_prompt: bool = False) -> None:
        self.gateway = gateway
        self.id = body.device
        self._body = body
        self._boot_deadline_s = boot_deadline_s
        self._is_at_prompt = is_at_prompt
        # Its link looks alive, but a program that hangs answers nothing.
        self._is_deaf = False
        self._was_online = False
        self._boot_before_restart: Any = None
        self._lost: BoardError | None = None
        self._hearing = Hearing(lambda after_id: gateway.rows(self.id, after_id), gateway.newest_row_id())

    def __repr__(self) -> str:
        return f"<board {self.id} at {self.gateway.url}>"

    @property
    def kind(self) -> str:
        """What it is: `pico`, `esp32cam`."""
        return str(self.about().get("kind", ""))

    @property
    def hardware(self) -> Hardware:
        """A virtual board's pins, Wi-Fi and camera, to be steered; on any other board the test is skipped."""
        __tracebackhide__ = True
        return self._body.hardware

    def about(self) -> dict[str, Any]:
        """Returns what the gateway knows of it, as `GET /api/devices/{device}`; empty if it was never there."""
        return self.gateway.device(self.id) or {}

    # Speaking with its program

    def command(self, name: str, /, **args: Any) -> Any:
        """Returns the result of a command; raises `CommandFailed` with the board's own words."""
        __tracebackhide__ = True
        self._start_program()
        try:
            return self.gateway.command(self.id, name, args)
        except CommandFailed as error:
            self._is_deaf = error.code == TIMED_OUT
            raise

    def expect_log(self, pattern: str, timeout_s: float = LOG_TIMEOUT_S) -> str:
        """Returns the next log line in which a regular expression is found; raises `NotSeenError`.

        Looks at what was logged since the test began, behind the line that it found before.
        """
        __tracebackhide__ = True
        self._start_program()
        return self._hearing.expect_line(pattern, timeout_s)

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
        """Returns the next value of a name that is as wanted; raises `NotSeenError` with those that came.

        Looks at what was reported since the test began, behind the value of that name that it found before.
        """
        __tracebackhide__ = True
        self._start_program()
        wanted = _describe(equals, above, below, where)

        def is_wanted(value: Value) -> bool:
            is_bound = above is not None or below is not None
            return (
                (equals is None or value == equals)
                and (not is_bound or _is_between(value, above, below))
                and (where is None or bool(where(value)))
            )

        return self._hearing.expect_reading(name, is_wanted, wanted, timeout_s)

    def snapshot(self) -> bytes:
        """Returns a JPEG that its camera takes now; raises `BoardError` with what was said instead."""
        __tracebackhide__ = True
        self._start_program()
        if _SNAPSHOT in self.about().get("commands", {}):
            # Otherwise the gateway is content with a picture of a second ago.
            self.gateway.command(self.id, _SNAPSHOT, {})
        return self.gateway.snapshot(self.id)

    # Resets, and its prompt

    def reset(self) -> None:
        """Restarts it as its button does, and waits until its program is online again."""
        __tracebackhide__ = True
        self._restart(self._body.reset)

    def power_cycle(self) -> None:
        """Takes its power away and gives it back, and waits until its program is online again."""
        __tracebackhide__ = True
        self._restart(self._body.power_cycle)

    def exec(self, code: str, timeout_s: float = EXEC_TIMEOUT_S) -> str:
        """Ends its program, runs code at its prompt and returns what it printed; raises `ExecFailed`.

        Names and pins stay as they are from one `exec` to the next, and from the program to the first.
        """
        __tracebackhide__ = True
        self._is_at_prompt = True
        return self._body.exec(code, timeout_s)

    def wait_online(self, timeout_s: float | None = None) -> None:
        """Waits until its program is online; raises `NotSeenError` with what is known of it instead."""
        __tracebackhide__ = True
        self._wait_until_online("is not online", timeout_s)

    # For reports

    def state(self, about: dict[str, Any]) -> str:
        """Returns how it is, as what follows its name in a sentence: `ONLINE`, or what else the gateway knows."""
        if not about:
            return f"is unknown to {self.gateway.url}"
        if not about.get("online"):
            return "is offline"
        # The gateway learns of a reset when the board is back: until then the old link looks alive.
        return ONLINE if _boot(about) != self._boot_before_restart else "is away, though its old link still looks alive"

    def log_lines(self) -> list[LogLine]:
        """Returns what it logged since the test began, as heard so far."""
        return self._hearing.lines()

    def serial_lines(self) -> list[str]:
        """Returns what it lately printed on its serial port, as far as that is known."""
        return self._body.said()

    def interrupt(self) -> None:
        """Ends a program that hangs, where that is possible: then it prints where it was."""
        self._body.interrupt()

    def listen(self) -> None:
        """Hears what it said up to now, for `log_lines`."""
        self._hearing.listen()

    def begin(self) -> None:
        """Gets it ready for a test: its program online, and what it said before forgotten."""
        __tracebackhide__ = True
        try:
            self._revive()
        except BoardError as trouble:
            self._lost = trouble
            raise
        self._lost = None
        time.sleep(SETTLE_S)
        self._hearing.begin()
        self._body.forget()

    def _revive(self) -> None:
        __tracebackhide__ = True
        is_online = self.state(self.about()) == ONLINE
        if self._lost is not None and not is_online:
            # Each of the other tests would wait for it as long.
            raise self._lost
        if self._is_at_prompt or self._is_deaf or (self._was_online and not is_online):
            self._restart(self._body.reset)
        self.wait_online()
        self._was_online = True

    def _start_program(self) -> None:
        __tracebackhide__ = True
        if self._is_at_prompt:
            self.reset()

    def _restart(self, restart: Callable[[], None]) -> None:
        __tracebackhide__ = True
        before = _boot(self.about())
        restart()
        self._boot_before_restart = before
        self._is_at_prompt = self._is_deaf = False
        self._wait_until_online("did not come back", None)

    def _wait_until_online(self, trouble: str, timeout_s: float | None) -> None:
        __tracebackhide__ = True
        timeout_s = self._boot_deadline_s if timeout_s is None else timeout_s
        give_up = time.monotonic() + timeout_s
        while (state := self.state(self.about())) != ONLINE:
            if time.monotonic() >= give_up:
                raise NotSeenError(f"{self.id} {trouble} after {timeout_s:g} s; it {state}; {self._describe_serial()}")
            time.sleep(_POLL_S)

    def _describe_serial(self) -> str:
        lines = [line for line in self.serial_lines() if line.strip()][-SHOWN_MAX:]
        if not lines:
            return "its serial port said nothing"
        return "its serial port said:\n" + "\n".join(map(visible, lines))


def _boot(about: dict[str, Any]) -> Any:
    # Other people's programs may not say which boot it is; then the link has to do.
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
