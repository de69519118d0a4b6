"""Whether a board can run the firmware, and what to do if it cannot."""

from __future__ import annotations

from darvaz.boards.flashing.errors import FlashError, FlashOutcome
from darvaz.boards.serial.identity import Identity

# As docs/hardware.md says; older versions were not tried.
OLDEST = {"pico": (1, 25, 0), "esp32cam": (1, 24, 0)}
_PLATFORMS = {"pico": "rp2", "esp32cam": "esp32"}
_IMAGES = {
    "pico": "the image for the Pico W from https://micropython.org/download/RPI_PICO_W/ (Pico 2 W: RPI_PICO2_W):"
    " hold BOOTSEL while plugging in, and copy the .uf2 to the drive that appears",
    "esp32cam": "the camera image mpy_cam-…-AI_THINKER from https://github.com/cnadler86/micropython-camera-API/releases",
}


def kind_of(identity: Identity, wanted: str | None) -> str:
    """Returns which firmware a board gets; raises FlashError if a different one is wanted."""
    if identity.kind == "unknown":
        if wanted is None:
            raise _incompatible(f"this board is of an unknown kind ({identity}): name it, as in `darvaz flash pico`")
        if identity.platform != _PLATFORMS[wanted]:
            raise _incompatible(f"this board is not a {wanted} ({identity})")
        return wanted
    if wanted not in (None, identity.kind):
        raise _incompatible(
            f"this is a {identity.kind}, not a {wanted} ({identity}): plug in the other board, or run"
            f" `darvaz flash {identity.kind}`"
        )
    return identity.kind


def check_board(identity: Identity, kind: str) -> None:
    """Raises FlashError with the remedy if a board's MicroPython or its hardware cannot run its firmware."""
    if identity.implementation != "micropython":
        raise _incompatible(
            f"this board runs {identity.implementation}, not MicroPython: install {_IMAGES[kind]} (darvaz firmware)"
        )
    oldest = OLDEST[kind]
    if identity.version < oldest:
        raise _incompatible(
            f"this board has MicroPython {identity.version_text}; {'.'.join(map(str, oldest))} or newer is needed."
            f" Install {_IMAGES[kind]} (darvaz firmware)"
        )
    if not identity.has_wifi:
        raise _incompatible(
            "this board's MicroPython has no Wi-Fi: a Pico without W, or an image for it, cannot be used"
        )
    if kind == "esp32cam" and not identity.has_camera:
        raise _incompatible(
            f"this board's MicroPython has no camera module, as the stock image has none: install {_IMAGES[kind]}"
            " (darvaz firmware)"
        )


def _incompatible(sentence: str) -> FlashError:
    return FlashError(FlashOutcome.INCOMPATIBLE, f"{sentence}. Nothing was changed on it")
