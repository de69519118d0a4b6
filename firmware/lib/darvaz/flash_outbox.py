"""An outbox that goes on in the flash: for outages longer than the memory lasts, and over a power cut.

Loaded where config.json has `outbox_flash_bytes`. What waits is moved to the flash when the ring is full, each minute
without a gateway, and before an ordered restart; a power cut takes what came since. A file has the messages of one
start of the board, as they were in the ring, and its name has the `boot_id` of that start. Files are sent before the
ring, the oldest first and one at a time: the next one waits until the gateway has confirmed it. Those of an earlier
start have a connection of their own, that introduces itself with the `boot_id` of then.
"""

import asyncio
import os

from .device import SEND_BYTES
from .outbox import SIZE_BYTES, Outbox

FOLDER = "/outbox"
# A block of the flash: appending to a file writes its last block again.
FILE_BYTES = 4096
SPILL_MS = 60000


class FlashOutbox(Outbox):
    """Keeps texts in order until they are confirmed: the newest in memory, at most `flash_bytes` before them."""

    def __init__(self, message_bytes_max, ring_bytes, own_boot_id, flash_bytes, folder=FOLDER):
        super().__init__(message_bytes_max, ring_bytes)
        self._own_boot_id = own_boot_id
        self._flash_bytes = flash_bytes
        self._folder = folder
        # Names of the files, the oldest first: a number of six digits, a dot, and the boot_id.
        self._files = self._list()
        # Bytes of the oldest file that were written on this connection; and whether the last ping was behind its end.
        self._offset = 0
        # Whether all of it was; and whether that was so at the last `mark`.
        self._is_at_end = self._is_file_marked = False
        # The file of the message of `next`, and its bytes there; None: it is in the ring.
        self._next_file = None
        self._next_bytes = 0
        # A file that a full flash cut in the middle of a message.
        self._cut_file = None
        self.rewind()

    def spill(self):
        """Moves what is in memory to the flash, unless it is being written; returns whether it did."""
        if self._written or not self.used:
            return False
        if not self._write(self._file_to_append()):
            return False
        self._start = (self._start + self.used) % len(self._ring)
        self._dropped += self.used
        self.used = 0
        while len(self._files) > 1 and self._flash_used() > self._flash_bytes:
            self.lost += self._drop_file()
        return True

    def save(self):
        """Moves all of it, also what was written and not confirmed: nothing is being sent any more."""
        self.rewind()
        self.spill()

    def _thin(self):
        if not self.spill():
            super()._thin()

    def rewind(self):
        super().rewind()
        self._offset = 0
        self._is_at_end = self._is_file_marked = False
        boot_id = _boot_of(self._files[0]) if self._files else self._own_boot_id
        self.boot_id = None if boot_id == self._own_boot_id else boot_id

    def next(self):
        if not self._files or _boot_of(self._files[0]) != (self.boot_id or self._own_boot_id):
            self._next_file = None
            return None if self.boot_id else super().next()
        self._next_file = self._files[0]
        message = self._read()
        self._is_at_end = message is None
        return message

    def advance(self):
        if self._next_file is None:
            super().advance()
        elif self._files and self._next_file == self._files[0]:
            self._offset += self._next_bytes

    def mark(self):
        is_anything = super().mark()
        self._is_file_marked = self._is_at_end
        # A connection of an earlier start ends by `confirm`.
        return is_anything or self._is_at_end or self.boot_id is not None

    def confirm(self):
        super().confirm()
        if self._is_file_marked:
            self._drop_file()
        # Nothing of that start is left: the connection has nothing more to send.
        return self.boot_id is not None and (not self._files or _boot_of(self._files[0]) != self.boot_id)

    # The files

    def _list(self):
        try:
            os.mkdir(self._folder)
        except OSError:
            # It is there already.
            pass
        return sorted(name for name in os.listdir(self._folder) if name[6:7] == ".")

    def _path(self, name):
        return self._folder + "/" + name

    def _bytes_of(self, name):
        try:
            return os.stat(self._path(name))[6]
        except OSError:
            return 0

    def _flash_used(self):
        return sum(max(self._bytes_of(name), FILE_BYTES) for name in self._files)

    def _file_to_append(self):
        newest = self._files[-1] if self._files else "000000."
        # Never to one that is being sent: it goes as a whole once it is confirmed.
        is_sent = len(self._files) == 1 and (self._offset > 0 or self._is_at_end)
        is_usable = not is_sent and newest != self._cut_file
        if is_usable and _boot_of(newest) == self._own_boot_id and self._bytes_of(newest) + self.used <= FILE_BYTES:
            return newest
        return "%06d.%s" % (int(newest[:6]) + 1, self._own_boot_id)

    def _write(self, name):
        end = self._start + self.used
        try:
            with open(self._path(name), "ab") as file:
                file.write(self._ring[self._start : min(end, len(self._ring))])
                file.write(self._ring[: max(0, end - len(self._ring))])
        except OSError:
            self._cut_file = name
            if name not in self._files:
                self._remove(name)
            return False
        if name not in self._files:
            self._files.append(name)
        return True

    def _read(self):
        """Returns the message at the offset of the oldest file, or None at its end, or behind what can be read."""
        size, message = 0, b""
        try:
            with open(self._path(self._files[0]), "rb") as file:
                file.seek(self._offset)
                data = file.read(SIZE_BYTES)
                size = data[0] | data[1] << 8 if len(data) == SIZE_BYTES else 0
                message = file.read(size)
        except OSError:
            # Somebody removed it.
            pass
        self._next_bytes = SIZE_BYTES + size
        return message if size and len(message) == size else None

    def _drop_file(self):
        """Removes the oldest file, and returns how many of its messages were not written on this connection."""
        name, count = self._files[0], 0
        while self._read() is not None:
            self._offset += self._next_bytes
            count += 1
        self._files.pop(0)
        self._offset = 0
        self._is_at_end = self._is_file_marked = False
        self._remove(name)
        return count

    def _remove(self, name):
        try:
            os.remove(self._path(name))
        except OSError:
            # Somebody did.
            pass


def _boot_of(name):
    return name[7:]


def make(device, ring_bytes):
    """Returns the outbox of a device, and has it kept in the flash from the program's start on."""
    asyncio.create_task(_keep(device))
    return FlashOutbox(SEND_BYTES, ring_bytes, device.boot_id, device.config["outbox_flash_bytes"])


async def _keep(device):
    """Moves what waits to the flash each minute in which there is no gateway; for good."""
    while True:
        await asyncio.sleep_ms(SPILL_MS)
        if device.link._session is None:
            device.outbox.spill()
