"""The option `--board`: which board the tests run on."""

from __future__ import annotations

from dataclasses import dataclass

from darvaz.pytest_plugin.errors import BenchError

AUTO = "auto"
VIRTUAL = "virtual"
EMULATED = "emulated"
_VIRTUAL_KINDS = {VIRTUAL: "pico", "virtual:pico": "pico", "virtual:esp32cam": "esp32cam"}
_DEVICE = "device:"
# Ports without a path: mpremote's for a serial number, Windows', and pyserial's for a network.
_PORTS = ("id:", "port:", "COM", "com", "rfc2217:", "socket:")


@dataclass(frozen=True, slots=True)
class BoardOption:
    """Exactly one is set: a virtual board's kind, a serial port or `auto`, a device's id, or that it is emulated."""

    virtual_kind: str | None = None
    port: str | None = None
    device: str | None = None
    is_emulated: bool = False


def parse_board_option(word: str) -> BoardOption:
    """Returns the board that a value of `--board` means; raises `BenchError` with the possible values."""
    if word in _VIRTUAL_KINDS:
        return BoardOption(virtual_kind=_VIRTUAL_KINDS[word])
    if word == EMULATED:
        return BoardOption(is_emulated=True)
    if word.startswith(_DEVICE) and len(word) > len(_DEVICE):
        return BoardOption(device=word[len(_DEVICE) :])
    if word == AUTO or "/" in word or word.startswith(_PORTS):
        return BoardOption(port=word.removeprefix("port:"))
    words = ", ".join([*_VIRTUAL_KINDS, EMULATED, AUTO])
    raise BenchError(f"--board={word}: expected {words}, a port such as /dev/ttyACM0 or COM3, or device:<id>")
