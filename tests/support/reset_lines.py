"""The programmer of an ESP32-CAM in front of a virtual board: DTR and RTS reach its IO0 and EN, as wired there."""

from __future__ import annotations

from typing import Any, ClassVar

from darvaz.boards.serial.serial_port import SerialPort


class ProgrammerPort(SerialPort):
    """The port of a pseudo-terminal, with simulated reset lines; `is_direct` is a programmer without transistors.

    As with a real one, both lines are on when the system has opened the port.
    """

    is_direct: ClassVar[bool] = True
    restart: ClassVar[Any] = staticmethod(lambda: None)
    seen: ClassVar[list[str]] = []

    def open(self) -> None:
        """Opens the port as systems do: with both lines on."""
        super().open()
        self._lines = (False, False)
        self._set_both(True, True)

    def _set_both(self, dtr: bool, rts: bool) -> None:
        was_held = self._holds(*self._lines)
        self._lines = (dtr, rts)
        is_held = self._holds(dtr, rts)
        if is_held and not was_held:
            self.seen.append("held")
        elif was_held and not is_held:
            self.seen.append("download" if self._pulls_io0(dtr, rts) else "started")
            self.restart()

    def _holds(self, dtr: bool, rts: bool) -> bool:
        return rts and (self.is_direct or not dtr)

    def _pulls_io0(self, dtr: bool, rts: bool) -> bool:
        return dtr and (self.is_direct or not rts)
