"""Which board the tests run on: the words of `--board`."""

from __future__ import annotations

from dataclasses import dataclass

from darvaz.pytest_plugin.errors import BenchError

AUTO = "auto"
VIRTUAL = "virtual"
_VIRTUAL_KINDS = {VIRTUAL: "pico", "virtual:pico": "pico", "virtual:esp32cam": "esp32cam"}
_DEVICE = "device:"
# Words that name a port without a path: mpremote's for a serial number, Windows', and pyserial's for a network.
_PORTS = ("id:", "port:", "COM", "com", "rfc2217:", "socket:")


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one of the three is set: a virtual board's kind, a serial port or `auto`, a device's id."""

    virtual_kind: str | None = None
    port: str | None = None
    device: str | None = None


def parse_choice(word: str) -> Choice:
    """Returns what `--board` asks for; raises `BenchError` with the words there are."""
    if word in _VIRTUAL_KINDS:
        return Choice(virtual_kind=_VIRTUAL_KINDS[word])
    if word.startswith(_DEVICE) and len(word) > len(_DEVICE):
        return Choice(device=word[len(_DEVICE) :])
    if word == AUTO or "/" in word or word.startswith(_PORTS):
        return Choice(port=word.removeprefix("port:"))
    words = ", ".join([*_VIRTUAL_KINDS, AUTO])
    raise BenchError(f"--board={word}: expected {words}, a port such as /dev/ttyACM0 or COM3, or device:<id>")
