"""A camera. This program is yours: add a function, flash it, and call it from the gateway."""

import board
from video import Video

from darvaz import Device

device = Device(board)
# One frame in ten seconds while there is no viewer; the commands `stream` and `snapshot` send more.
video = Video(device, board, idle_every_s=10, size="VGA", quality=80)


@device.command(on={"type": "boolean"})
def flash(on):
    board.set_flash(on)
    return {"on": on}


device.run()
