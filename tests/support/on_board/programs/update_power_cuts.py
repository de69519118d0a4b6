"""Plays the life of a board with updates, and starts it from every state that its flash had on the way.

Run on MicroPython with a folder that has `lib`: littlefs in memory, whose writes and erasures are recorded. A state is
all of them up to one, and once more with that one torn: half of it written. From each state the loader starts, and what
it chose must be whole: old or new. Its own writes are states, too.
"""

import gc
import os
import sys

import update_life
import vfs

BLOCK_BYTES, BLOCKS = 4096, 96
# A boot's own writes are cut once in this number of states.
SECOND_CUT_EVERY = int(sys.argv[2]) if len(sys.argv) > 2 else 7


class Flash:
    """A block device in memory that records what is written to it."""

    def __init__(self, image):
        self.image = image
        self.writes = []

    def readblocks(self, block, data, offset=0):
        at = block * BLOCK_BYTES + offset
        data[:] = self.image[at : at + len(data)]

    def writeblocks(self, block, data, offset=0):
        self.apply((block * BLOCK_BYTES + offset, bytes(data)))

    def ioctl(self, op, argument):
        if op == 6:
            self.apply((argument * BLOCK_BYTES, None))
        return {4: BLOCKS, 5: BLOCK_BYTES}.get(op, 0)

    def apply(self, write, part=1):
        """Carries out a write, or an erasure; a part of 2 leaves its second half undone."""
        self.writes.append(write)
        at, data = write
        data = b"\xff" * BLOCK_BYTES if data is None else data
        data = data[: len(data) // part]
        self.image[at : at + len(data)] = data


def mount(flash):
    """Makes a flash the root."""
    vfs.umount("/")
    vfs.mount(flash, "/")
    os.chdir("/")


def boot():
    """Starts the board and returns the program that runs; fails where a part of it is missing or wrong."""
    sys.modules.pop("darvaz_loader", None)
    import darvaz_loader

    path = sys.path[:]
    darvaz_loader.choose()
    sys.path[:] = path
    running = update_life.whole()
    os.chdir("/")
    return running


def start_from(image, allowed, is_cut_again):
    """Starts a board from a state and returns how many states that were, with those of its own writes."""
    before = bytearray(image)
    flash = Flash(image)
    mount(vfs.VfsLfs2(flash))
    running = boot()
    own_writes = len(flash.writes)
    assert running in allowed, (running, allowed)
    count = 1
    if is_cut_again and __import__("darvaz_loader").read().get("state") != "trial":
        # Whatever the cut left, the next update is taken.
        update_life.deliver(update_life.release(9), 9)
        assert boot() == "release 9"
    if is_cut_again:
        for end in range(own_writes):
            for part in (1, 2):
                again = Flash(bytearray(before))
                for write in flash.writes[:end]:
                    again.apply(write)
                again.apply(flash.writes[end], part)
                mount(vfs.VfsLfs2(again))
                running = boot()
                assert running in allowed, (running, allowed)
                count += 1
    return count


def main():
    host = vfs.VfsPosix(sys.argv[1])
    vfs.umount("/")
    vfs.mount(host, "/host")
    sys.path[:] = ["/host/lib", ".frozen"]
    __import__("darvaz")
    # The library collects every 4 KB, which takes long in this heap.
    gc.threshold(-1)
    flash = Flash(bytearray(b"\xff" * BLOCK_BYTES * BLOCKS))
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/")
    os.chdir("/")
    for path, data in update_life.ROOT.items():
        with open(path, "wb") as file:
            file.write(data)
    base, allowed = bytearray(flash.image), ("root",)
    flash.writes = []
    moments = []
    root = vfs.VfsLfs2(flash)
    mount(root)
    update_life.boot = boot
    for step, after in update_life.LIFE:
        result = eval(step, update_life.__dict__)
        moments.append((len(flash.writes), allowed + after))
        allowed = after
        print(step, result, len(flash.writes))
    states = again = 0
    image = Flash(base)
    for end, write in enumerate(flash.writes):
        allowed = next(names for count, names in moments if end < count)
        is_cut_again = end % SECOND_CUT_EVERY == 0
        torn = Flash(bytearray(image.image))
        torn.apply(write, 2)
        image.apply(write)
        for state in (torn.image, bytearray(image.image)):
            states += 1
            again += start_from(state, allowed, is_cut_again) - 1
    print("%d states, %d second cuts: a whole program started from each" % (states, again))


main()
