"""The wiring of a bench: one TOML file for all its tests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from darvaz.pytest_plugin.errors import BenchError, skip

BOOT_DEADLINE_S = 60.0
BOOT_DEADLINE_S_MAX = 600.0
Pin = int | str
_ADD = "add it to the wiring file (--board-wiring)"


class Jumper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """A wire between two pins of the board: what `start` is driven to, `end` reads."""

    start: Pin
    end: Pin


class Power(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The command that switches the board's power off and on."""

    cycle: str


class Wiring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All wires and parts of a bench; none without a file."""

    jumper: tuple[Jumper, ...] = ()
    connected: dict[str, Pin] = {}
    power: Power | None = None
    boot_deadline_s: Annotated[float, Meta(gt=0, le=BOOT_DEADLINE_S_MAX)] = BOOT_DEADLINE_S

    def jumper_from(self, start: Pin) -> Pin:
        """Returns the pin at the other end of the wire from a pin; without a wire the test is skipped."""
        __tracebackhide__ = True
        for jumper in self.jumper:
            if str(jumper.start) == str(start):
                return jumper.end
        skip(f"no wire from pin {start} on this bench: {_ADD}")

    def part(self, name: str) -> Pin:
        """Returns what the file has for a connected part, such as its pin; without it the test is skipped."""
        __tracebackhide__ = True
        if name not in self.connected:
            skip(f"no {name} on this bench: {_ADD}")
        return self.connected[name]


def load_wiring(path: Path | None) -> Wiring:
    """Returns the wiring in a file; raises `BenchError` with what is wrong in it."""
    if path is None:
        return Wiring()
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Wiring)
    except OSError as error:
        raise BenchError(f"the wiring file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BenchError(f"the wiring file {path}: {error}") from None
