"""Gets a board back to a prompt whose own program keeps it away, and keeps all of the maker's files."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from darvaz.boards.serial.errors import Reason, SerialError
from darvaz.boards.serial.files import FileEntry
from darvaz.boards.serial.ports import Port, find_port
from darvaz.boards.serial.prompt import Prompt
from darvaz.boards.serial.raw_repl import no_prompt
from darvaz.boards.serial.serial_port import SerialPort, open_serial_port

HELP_WAIT_S = 60.0
RESCUED = ".rescued-"
RESCUES_MAX = 99
_ASK_S = 3.0
_ROUND_S = 5.0
_RESETS_MAX = 3
# So long may the maker's boot.py take, to join a Wi-Fi for example, before it counts as what is in the way.
_BOOT_S = 8.0
_LOOK_S = 0.25
_RETRY_S = 0.1
# Renaming a file takes a board milliseconds; one that needs longer was restarted meanwhile.
_STEP_S = 1.5
_RESTARTED = frozenset({Reason.SILENT, Reason.GONE, Reason.DAMAGED, Reason.NO_PROMPT})
# All at once, so that a watchdog that is about to bite finds it done.
_SET_ASIDE = """
import os
def _aside(name):
    there = os.listdir('/')
    if name not in there:
        return None
    for n in range(1, {most}):
        new = name + {rescued!r} + str(n)
        if new not in there:
            os.rename('/' + name, '/' + new)
            return new
    return ''
"""
_PUT_BACK = """
import os
def _back(name):
    there = os.listdir('/')
    rescued = [int(n[len(name) + {length}:]) for n in there if n.startswith(name + {rescued!r})]
    if name in there or not rescued:
        return None
    old = name + {rescued!r} + str(max(rescued))
    os.rename('/' + old, '/' + name)
    return old
"""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rescued:
    """How a rescue ended: what was set aside as what, and all files that are there."""

    port: Port
    set_aside: dict[str, str]
    files: list[FileEntry]


class Rescue:
    """One rescue of the board at a port.

    `tell(sentence)` is called at each step; `help_wait_s` is how long it waits for a person to press reset.
    """

    def __init__(
        self, port: str, tell: Tell, *, help_wait_s: float = HELP_WAIT_S, make: type[SerialPort] = SerialPort
    ) -> None:
        self._wanted = port
        self._tell = tell
        self._patience_s = help_wait_s
        self._make = make

    def run(self) -> Rescued:
        """Gets the board to its prompt, sets aside what kept it away, and leaves it there; raises SerialError."""
        with self._open() as prompt:
            self._grab(prompt)
            aside = self._set_aside(prompt, "main.py")
            self._tell("restarting the board without its program")
            prompt.hard_reset()
            if not _comes_up(prompt):
                self._tell("boot.py keeps the board away, too")
                self._grab(prompt)
                aside |= self._set_aside(prompt, "boot.py")
                prompt.hard_reset()
            self._grab(prompt)
            return Rescued(prompt.port, aside, prompt.list_files())

    # The way there

    def _open(self) -> Prompt:
        """Opens the port; that of a board in a boot loop comes and goes."""
        give_up_s = time.monotonic() + self._patience_s
        has_told = False
        while True:
            try:
                port = find_port(self._wanted)
                return Prompt(port, open_serial_port(port, self._make))
            except SerialError as error:
                if error.reason not in (Reason.NO_BOARD, Reason.NO_PORT, Reason.GONE) or time.monotonic() > give_up_s:
                    raise
                if not has_told:
                    self._tell(f"{error}. Waiting for it ({self._patience_s:.0f} s)")
                    has_told = True
            time.sleep(_RETRY_S)

    def _grab(self, prompt: Prompt) -> None:
        """Gets to the raw prompt by one way after the other."""
        if self._flood(prompt, _ASK_S) or self._reset_and_flood(prompt):
            return
        self._tell(
            "the program does not let go: press the board's reset button now (RST), or unplug it and plug it in again."
            f" Waiting for that ({self._patience_s:.0f} s)"
        )
        if not self._flood(prompt, self._patience_s):
            raise _lost(prompt.port.path)

    def _flood(self, prompt: Prompt, deadline_s: float) -> bool:
        give_up_s = time.monotonic() + deadline_s
        while (left_s := give_up_s - time.monotonic()) > 0:
            try:
                return prompt.flood(left_s)
            except SerialError as error:
                if error.reason is not Reason.GONE:
                    raise
                prompt.reopen(max(left_s, _RETRY_S))
        return False

    def _reset_and_flood(self, prompt: Prompt) -> bool:
        for _ in range(_RESETS_MAX):
            if not prompt.press_reset():
                return False
            self._tell("resetting it through the lines of its programmer")
            if self._flood(prompt, _ROUND_S):
                return True
        return False

    # What to do there

    def _set_aside(self, prompt: Prompt, name: str) -> dict[str, str]:
        """Renames a program so that it is not run; a watchdog that bites meanwhile makes it begin again."""
        code = _SET_ASIDE.format(most=RESCUES_MAX + 1, rescued=RESCUED)
        give_up_s = time.monotonic() + self._patience_s
        while True:
            try:
                new = prompt.exec_json(f"_aside({name!r})", before=code, deadline_s=_STEP_S)
            except SerialError as error:
                if error.reason not in _RESTARTED or time.monotonic() > give_up_s:
                    raise
                self._grab(prompt)
                continue
            if new == "":
                raise _full(name)
            if new is not None:
                self._tell(f"{name} is now {new}")
            return {name: str(new)} if new is not None else {}


def put_back(prompt: Prompt) -> list[tuple[str, str]]:
    """Gives main.py and boot.py their names again that were set aside last; returns what was renamed to what."""
    code = _PUT_BACK.format(rescued=RESCUED, length=len(RESCUED))
    found = [(prompt.exec_json(f"_back({name!r})", before=code), name) for name in ("boot.py", "main.py")]
    return [(old, name) for old, name in found if old is not None]


def _comes_up(prompt: Prompt) -> bool:
    """Returns whether the board reaches its prompt by itself after a restart."""
    give_up_s = time.monotonic() + _BOOT_S
    while time.monotonic() < give_up_s:
        try:
            if prompt.is_idle(_LOOK_S):
                return True
        except SerialError as error:
            if error.reason is not Reason.GONE:
                raise
            prompt.reopen()
    return False


def _full(name: str) -> SerialError:
    return SerialError(
        Reason.NO_SPACE,
        f"the board is at its prompt, but has {RESCUES_MAX} files {name}{RESCUED}… already: remove those you do not"
        " need (in darvaz repl: import os; os.remove(…)), then run this again",
    )


def _lost(path: str) -> SerialError:
    return SerialError(
        no_prompt(path).reason,
        f"the board at {path} gave no prompt: it has no MicroPython, or its program switches Ctrl-C off as it starts."
        " Install MicroPython (darvaz firmware); docs/flashing.md says when that costs the files",
    )
