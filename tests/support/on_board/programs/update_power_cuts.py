"""Plays the life of a board with updates, and starts it from every state that its flash had on the way.

Run on MicroPython with a folder that has `lib`: littlefs in memory, whose writes and erasures are recorded. A state is
all of them up to one, and once more with that one torn: half of it written. From each state the loader starts, and what
it chose must be whole: old or new. Its own writes are states, too.
"""

import binascii
import gc
import hashlib
import json
import os
import sys

import vfs

BLOCK_BYTES, BLOCKS = 4096, 96
KEY = "5a" * 32
CHUNK_BYTES = 1024
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


class Board:
    """What an update sees of its board."""

    KIND = "pico"


class Device:
    """What an update sees of its device."""

    id = "lamp"
    board = Board
    update = None

    def __init__(self):
        self.config = {"update_key": KEY}

    def send(self, answer):
        self.answer = answer

    class log:
        info = error = staticmethod(lambda text: None)


def mount(flash):
    """Makes a flash the root."""
    vfs.umount("/")
    vfs.mount(flash, "/")
    os.chdir("/")


def sha256(data):
    return binascii.hexlify(hashlib.sha256(data).digest()).decode()


def deliver(files, counter):
    """Sends a release to the board, as a gateway does, up to its commit."""
    from darvaz import hmac, update

    manifest = "".join("%s %d %s\n" % (sha256(files[path]), len(files[path]), path) for path in sorted(files)).encode()
    header = {"counter": counter, "release": str(counter), "device": "lamp", "kind": "pico"}
    header = json.dumps(dict(header, bytes=len(manifest), manifest=sha256(manifest)))
    mac = hmac.digest(binascii.unhexlify(KEY), header.encode())
    contents = [files[path] for path in sorted(files)]
    device = Device()
    message = {"id": 1, "step": "offer", "header": header, "mac": mac}
    received = 0
    while True:
        update.take(device, message)
        answer = device.answer
        assert answer["status"] == "ok", answer
        if answer["state"] == "complete":
            message = {"id": 1, "step": "commit"}
        elif answer["state"] == "working":
            message = {"id": 1, "step": "next"}
        elif answer["state"] == "receiving":
            number, at = answer["file"], answer["at"]
            data = (manifest if number < 0 else contents[number])[at : at + CHUNK_BYTES]
            received += len(data)
            data = binascii.b2a_base64(data).decode().strip()
            message = {"id": 1, "step": "data", "file": number, "at": at, "data": data}
        else:
            return received


def boot():
    """Starts the board and returns the release that runs; fails where a part of it is missing or wrong."""
    sys.modules.pop("darvaz_loader", None)
    import darvaz_loader

    path = sys.path[:]
    darvaz_loader.choose()
    slot, sys.path[:] = os.getcwd(), path
    os.chdir("/")
    if slot == "/":
        return read("/main.py").decode()
    with open(slot + "/.manifest") as file:
        for line in file:
            wanted, _, name = line.strip().split(" ", 2)
            assert sha256(read(slot + "/" + ("program.py" if name == "main.py" else name))) == wanted, name
    assert read(slot + "/main.py").decode() == darvaz_loader.MAIN
    assert darvaz_loader.read()["slot"] == slot
    return read(slot + "/program.py").decode()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def confirm():
    from darvaz import trial

    trial._confirm(Device())


def release(number, **more):
    files = {"main.py": b"release %d" % number, "board.py": b"b" * 2500, "fonts/big.bin": bytes(range(256)) * 40}
    for name in more:
        files["sub/%s.py" % name] = more[name]
    return files


def live():
    """Is the life of a board: yields after each step with the programs that may run from then on."""
    yield deliver(release(1), 1), ("root", "release 1")
    yield boot(), ("release 1",)
    yield confirm(), ("release 1",)
    # One new file, one changed, the others are copied on the board.
    yield deliver(release(2, more=b"x" * 700), 2), ("release 1", "release 2")
    for _ in range(3):
        yield boot(), ("release 1", "release 2")
    yield boot(), ("release 1", "release 2")
    yield deliver(release(3), 3), ("release 1", "release 3")
    yield boot(), ("release 3",)
    yield confirm(), ("release 3",)
    yield deliver(release(4, more=b"y" * 5000), 4), ("release 3", "release 4")


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
        deliver(release(9), 9)
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
    with open("/main.py", "w") as file:
        file.write("root")
    with open("/board.py", "w") as file:
        file.write("b" * 2500)
    base, allowed = bytearray(flash.image), ("root",)
    flash.writes = []
    moments = []
    root = vfs.VfsLfs2(flash)
    mount(root)
    for result, after in live():
        moments.append((len(flash.writes), allowed + after))
        allowed = after
        print("step", len(moments), result, len(flash.writes))
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
