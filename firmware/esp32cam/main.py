"""A camera. This program is yours: add a function, copy it to the board, and call it from the gateway."""

import board
from video import Video

from darvaz import Device

device = Device(board)
# One picture in ten seconds while nobody watches; `stream` and `snapshot` ask for more.
video = Video(device, board, idle_every_s=10, size="VGA", quality=80)


@device.command(on={"type": "boolean"})
def flash(on):
    board.set_flash(on)
    return {"on": on}


device.run()
