"""Rescues a board whose program prevents the prompt; all of the maker's files are kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from darvaz.boards.serial.answers import damaged
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
# A boot.py that takes longer, to join a Wi-Fi for example, is set aside too.
_BOOT_S = 8.0
_LOOK_S = 0.25
_RETRY_S = 0.1
# Renaming a file takes milliseconds; a board that needs longer was restarted meanwhile.
_STEP_S = 1.5
_RESTARTED = frozenset({Reason.SILENT, Reason.GONE, Reason.DAMAGED, Reason.NO_PROMPT})
# In one step, before a watchdog resets the board.
_SET_ASIDE = """
import os
def _set_aside(name):
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
def _put_back(name):
    there = os.listdir('/')
    rescued = [int(n[len(name) + {length}:]) for n in there if n.startswith(name + {rescued!r})]
    if name in there or not rescued:
        return None
    old = name + {rescued!r} + str(max(rescued))
    os.rename('/' + old, '/' + name)
    return old
"""

_NAME = msgspec.json.Decoder(str | None)

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rescued:
    """The result of a rescue: new names of the programs that were set aside, and all files of the board."""

    port: Port
    set_aside: dict[str, str]
    files: list[FileEntry]


class Rescue:
    """One rescue of the board at a port.

    `notify(sentence)` is called at each step; `help_wait_s` is how long it waits for a person to press reset.
    """

    def __init__(
        self, port: str, notify: Notify, *, help_wait_s: float = HELP_WAIT_S, make: type[SerialPort] = SerialPort
    ) -> None:
        self._wanted = port
        self._notify = notify
        self._help_wait_s = help_wait_s
        self._make = make

    def run(self) -> Rescued:
        """Brings the board to its prompt, sets aside the program that prevented it, and leaves the board there.

        Raises SerialError.
        """
        with self._open() as prompt:
            self._take_over(prompt)
            aside = self._set_aside(prompt, "main.py")
            self._notify("restarting the board without its program")
            prompt.hard_reset()
            if not _comes_up(prompt):
                self._notify("boot.py prevents the prompt, too")
                self._take_over(prompt)
                aside |= self._set_aside(prompt, "boot.py")
                prompt.hard_reset()
            self._take_over(prompt)
            return Rescued(prompt.port, aside, prompt.list_files())

    # To the prompt
    def _open(self) -> Prompt:
        """Opens the port; a board in a boot loop has one only now and then."""
        give_up_s = time.monotonic() + self._help_wait_s
        is_notified = False
        while True:
            try:
                port = find_port(self._wanted)
                return Prompt(port, open_serial_port(port, self._make))
            except SerialError as error:
                if error.reason not in (Reason.NO_BOARD, Reason.NO_PORT, Reason.GONE) or time.monotonic() > give_up_s:
                    raise
                if not is_notified:
                    self._notify(f"{error}. Waiting for it ({self._help_wait_s:.0f} s)")
                    is_notified = True
            time.sleep(_RETRY_S)

    def _take_over(self, prompt: Prompt) -> None:
        """Enters the raw prompt: by Ctrl-C, by the programmer's reset lines, with a person's help."""
        if self._flood(prompt, _ASK_S) or self._reset_and_flood(prompt):
            return
        self._notify(
            "the program ignores Ctrl-C: press the board's reset button now (RST), or unplug it and plug it in again."
            f" Waiting for that ({self._help_wait_s:.0f} s)"
        )
        if not self._flood(prompt, self._help_wait_s):
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
            self._notify("resetting it through the lines of its programmer")
            if self._flood(prompt, _ROUND_S):
                return True
        return False

    # At the prompt
    def _set_aside(self, prompt: Prompt, name: str) -> dict[str, str]:
        """Renames a program so that it does not run; starts again if a watchdog resets the board meanwhile."""
        code = _SET_ASIDE.format(most=RESCUES_MAX + 1, rescued=RESCUED)
        give_up_s = time.monotonic() + self._help_wait_s
        while True:
            try:
                new = prompt.exec_json(f"_set_aside({name!r})", _NAME, before=code, deadline_s=_STEP_S)
            except SerialError as error:
                if error.reason not in _RESTARTED or time.monotonic() > give_up_s:
                    raise
                self._take_over(prompt)
                continue
            if new == "":
                raise _full(name)
            if new is None:
                return {}
            self._notify(f"{name} is now {_checked(name, new)}")
            return {name: new}


def put_back(prompt: Prompt) -> list[tuple[str, str]]:
    """Renames the main.py and boot.py that were set aside last back; returns old and new names."""
    code = _PUT_BACK.format(rescued=RESCUED, length=len(RESCUED))
    found = [(prompt.exec_json(f"_put_back({name!r})", _NAME, before=code), name) for name in ("boot.py", "main.py")]
    return [(_checked(name, old), name) for old, name in found if old is not None]


def _checked(name: str, rescued: str) -> str:
    """Returns the name of a program that was set aside; raises SerialError if it is not one that we give."""
    if not rescued.startswith(name + RESCUED):
        raise damaged()
    return rescued


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
