"""The life of a board with updates: its steps, and after each of them the programs that may run from then on.

Run on MicroPython, on littlefs at the root, with the library on the path. `boot()` is what starts the board.
"""

import binascii
import hashlib
import json
import os

KEY = "5a" * 32
CHUNK_BYTES = 1024
ROOT = {"/main.py": b"print('root')", "/board.py": b"b" * 2500}
LIFE = (
    ("deliver(release(1), 1)", ("root", "release 1")),
    ("boot()", ("release 1",)),
    ("confirm()", ("release 1",)),
    ("boot()", ("release 1",)),
    # One new file, one changed, the others are copied on the board.
    ("deliver(release(2, more=b'x' * 700), 2)", ("release 1", "release 2")),
    ("boot()", ("release 1", "release 2")),
    ("boot()", ("release 1", "release 2")),
    ("boot()", ("release 1", "release 2")),
    ("boot()", ("release 1",)),
    ("deliver(release(3), 3)", ("release 1", "release 3")),
    ("boot()", ("release 3",)),
    ("confirm()", ("release 3",)),
    ("boot()", ("release 3",)),
    # It dies twice, and lives.
    ("die()", ("release 3",)),
    ("boot()", ("release 3",)),
    ("die()", ("release 3",)),
    ("boot()", ("release 3",)),
    ("boot()", ("release 3",)),
    ("deliver(release(4, more=b'y' * 5000), 4)", ("release 3", "release 4")),
)


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


def sha256(data):
    return binascii.hexlify(hashlib.sha256(data).digest()).decode()


def deliver(files, counter):
    """Sends a release to the board, as a gateway does, up to its commit; returns how many bytes travelled."""
    from darvaz import update
    from darvaz.handshake import digest

    manifest = "".join("%s %d %s\n" % (sha256(files[path]), len(files[path]), path) for path in sorted(files)).encode()
    header = {"counter": counter, "release": str(counter), "device": "lamp", "kind": "pico"}
    header = json.dumps(dict(header, bytes=len(manifest), manifest=sha256(manifest)))
    mac = digest(binascii.unhexlify(KEY), header.encode())
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


def whole():
    """Returns the program whose folder was entered; fails where a part of it is missing or wrong."""
    import darvaz_loader

    slot = os.getcwd()
    if slot == "/":
        return _name(read("/main.py"))
    with open(slot + "/.manifest") as file:
        for line in file:
            wanted, _, name = line.strip().split(" ", 2)
            assert sha256(read(slot + "/" + ("program.py" if name == "main.py" else name))) == wanted, name
    assert read(slot + "/main.py").decode() == "import darvaz_loader\n\ndarvaz_loader.run(globals())\n"
    assert darvaz_loader.read()["slot"] == slot
    return _name(read(slot + "/program.py"))


def _name(program):
    return program.decode().split("'")[1]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def confirm():
    """Finds the release good that is on trial."""
    from darvaz import trial

    trial._confirm(Device())


def die():
    """Notes that the program raised."""
    import darvaz_loader

    darvaz_loader.note(ValueError("the sensor is broken"))


def release(number, **more):
    """Returns the files of a release."""
    files = {"main.py": b"print('release %d')" % number, "board.py": b"b" * 2500}
    files["fonts/big.bin"] = bytes(range(256)) * 40
    for name in more:
        files["sub/%s.py" % name] = more[name]
    return files


def heap_of_an_update():
    """Returns the most that an update holds of the heap, from its offer until all files are there."""
    import gc

    from darvaz import unload
    from darvaz.handshake import digest

    files, device = release(5), Device()
    contents = [files[path] for path in sorted(files)]
    manifest = "".join("%s %d %s\n" % (sha256(files[path]), len(files[path]), path) for path in sorted(files)).encode()
    header = {"counter": 5, "release": "5", "device": "lamp", "kind": "pico"}
    header = json.dumps(dict(header, bytes=len(manifest), manifest=sha256(manifest)))
    message = {"id": 1, "step": "offer", "header": header, "mac": digest(binascii.unhexlify(KEY), header.encode())}
    del digest
    unload("handshake")
    gc.collect()
    before, most = gc.mem_alloc(), 0
    while True:
        # Its module is imported as the library does it: only while an update is under way.
        __import__("darvaz.update").update.take(device, message)
        gc.collect()
        most = max(most, gc.mem_alloc() - before)
        answer = device.answer
        if answer["state"] == "complete":
            return most
        message = {"id": 1, "step": "next"}
        if answer["state"] == "receiving":
            number, at = answer["file"], answer["at"]
            data = (manifest if number < 0 else contents[number])[at : at + CHUNK_BYTES]
            data = binascii.b2a_base64(data).decode().strip()
            message = {"id": 1, "step": "data", "file": number, "at": at, "data": data}
