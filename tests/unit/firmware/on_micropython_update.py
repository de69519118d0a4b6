"""What a board refuses of an update, in littlefs in memory: wrong keys, old counters, paths of others, a full flash.

Only MicroPython has this file system, so pytest does not collect this file; test_on_micropython.py runs it there.
"""

import binascii
import gc
import hashlib
import json
import os
import sys
import time
import unittest

import vfs

vfs.mount(vfs.VfsPosix(os.getcwd() + "/firmware/lib"), "/library")
sys.path[:] = ["/library", ".frozen"]
BLOCK_BYTES, BLOCKS = 4096, 10
# A fifth of the heap: made once, before the heap is in pieces.
IMAGE = bytearray(BLOCK_BYTES * BLOCKS)
KEY = "5a" * 32
# Made by another implementation, for a release whose main.py is "1", from the seed 00 01 02 … 1f.
OWNER = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
OLDER, NEWER = 1790000000, 1790000001
SIGNATURES = {
    OLDER: "e48a1fbef7cd157038e87ddd9f17f38e2294b800a2466c2a683416dfa5db364d"
    "bef08bcae42bc8d18c94fff08170208a01e6420ed6026fd1152e6241128dc600",
    NEWER: "149a393041c525bedb061c64fe5db27b4cae14c88dd355a2a958d04b2341061d"
    "03acf29b68c9ec41c9316ef1202b2a0a9d72e8503ee8b138c9ed1a5e413bda04",
}
# Of the board's heap, for the code of an update, one step and its answer.
HEAP_BYTES_MAX = 8192 * 2


class Flash:
    """A block device in memory."""

    def __init__(self):
        self.image = IMAGE

    def readblocks(self, block, data, offset=0):
        at = block * BLOCK_BYTES + offset
        data[:] = memoryview(self.image)[at : at + len(data)]

    def writeblocks(self, block, data, offset=0):
        at = block * BLOCK_BYTES + offset
        self.image[at : at + len(data)] = data

    def ioctl(self, op, argument):
        return {4: BLOCKS, 5: BLOCK_BYTES}.get(op, 0)


class Pico:
    """The module `board`, as far as an update needs it."""

    KIND = "pico"


class UnsetClock:
    """The module `time` of a board whose clock nobody has set: it was just built, and runs on."""

    ticks_ms, ticks_diff = staticmethod(time.ticks_ms), staticmethod(time.ticks_diff)

    @staticmethod
    def time():
        return 0

    @staticmethod
    def gmtime(seconds=0):
        return (2000, 1, 1, 0, 0, 0, 5, 1)

    localtime = gmtime


class Device:
    """What an update sees of its device."""

    id = "lamp"
    board = Pico

    def __init__(self):
        self.config = {"update_key": KEY}
        self.update = self.answer = None

    def send(self, answer):
        self.answer = answer


def sha256(data):
    return binascii.hexlify(hashlib.sha256(data).digest()).decode()


def manifest_of(files):
    return "".join("%s %d %s\n" % (sha256(files[path]), len(files[path]), path) for path in sorted(files)).encode()


class Refusals(unittest.TestCase):
    def setUp(self):
        vfs.umount("/")
        flash = Flash()
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), "/")
        os.chdir("/")
        self.device = Device()

    def step(self, step, **more):
        from darvaz import update

        update.take(self.device, dict(more, id=1, step=step))
        return self.device.answer

    def offer(self, manifest, counter=1, key=KEY, **more):
        from darvaz.handshake import digest

        header = {"counter": counter, "device": "lamp", "kind": "pico", "bytes": len(manifest)}
        header["manifest"] = sha256(manifest)
        header.update(more)
        text = json.dumps(header)
        return self.step("offer", header=text, mac=digest(binascii.unhexlify(key), text.encode()))

    def send(self, files, data_of=None, **more):
        """Sends a whole release and returns the last answer."""
        manifest = manifest_of(files)
        names = sorted(files)
        answer = self.offer(manifest, **more)
        while answer["status"] == "ok" and answer["state"] in ("receiving", "working"):
            if answer["state"] == "working":
                answer = self.step("next")
                continue
            number, at = answer["file"], answer["at"]
            data = (manifest if number < 0 else (data_of or files)[names[number]])[at : at + 1024]
            encoded = binascii.b2a_base64(data).decode().strip()
            answer = self.step("data", file=number, at=at, data=encoded)
        return answer

    def refused(self, answer, words):
        self.assertEqual(answer["status"], "error")
        self.assertIn(words, answer["message"])

    def test_an_update_by_another_key_is_refused(self):
        self.refused(self.offer(b"x", key="00" * 32), "not signed with the key")

    def test_a_board_without_a_key_says_what_to_do(self):
        self.device.config = {}

        self.refused(self.offer(b"x"), "darvaz flash")

    def test_an_update_for_another_board_is_refused(self):
        self.refused(self.offer(b"x", device="other"), "for another board")
        self.refused(self.offer(b"x", kind="esp32cam"), "for another board")

    def test_an_update_that_needs_a_newer_micropython_is_refused(self):
        self.refused(self.offer(b"x", least="9.1"), "needs MicroPython 9.1")

    def test_an_older_update_and_a_repeated_one_are_refused(self):
        with open("/program.json", "w") as file:
            file.write('{"slot": "", "state": "good", "counter": 7}')

        self.refused(self.offer(b"x", counter=7), "the board took 7")
        self.refused(self.offer(b"x", counter=6), "the board took 7")
        self.assertEqual(self.device.answer["counter"], 7)

    def test_files_elsewhere_and_those_of_the_loader_are_refused(self):
        for path in ("../main.py", "/main.py", "a/../b.py", "boot.py", "lib/darvaz_loader.mpy", "config.json", ".x"):
            self.refused(self.send({"main.py": b"1", path: b"2"}), "must not write")

    def test_a_release_without_a_program_is_refused(self):
        self.refused(self.send({"other.py": b"1"}), "has a main.py")

    def test_a_flash_that_is_too_small_is_told_before_anything_is_written(self):
        self.refused(self.send({"main.py": b"1", "big.bin": bytes(BLOCK_BYTES * BLOCKS)}), "the flash is full")

    def test_a_file_that_is_not_what_the_manifest_says_is_refused(self):
        files = {"main.py": b"1" * 2000}

        self.refused(self.send(files, data_of={"main.py": b"2" * 2000}), "is not what its manifest says")
        self.assertEqual(self.send(files)["state"], "complete")

    def test_nothing_is_started_before_all_files_are_there(self):
        self.offer(manifest_of({"main.py": b"1"}))

        self.refused(self.step("commit"), "not all files")

    def test_a_board_that_knows_its_owner_takes_what_the_owner_signed_and_nothing_older(self):
        self.device.config = {"update_key": KEY, "owner_key": OWNER}
        manifest = manifest_of({"main.py": b"1"})

        self.refused(self.offer(manifest), "not signed by the owner")
        self.refused(self.offer(manifest, signed=OLDER, signature=SIGNATURES[NEWER]), "not signed by the owner")
        other = manifest_of({"main.py": b"2"})
        self.refused(self.offer(other, signed=NEWER, signature=SIGNATURES[NEWER]), "not signed by the owner")
        signed = {"signed": NEWER, "signature": SIGNATURES[NEWER]}
        self.assertEqual(self.send({"main.py": b"1"}, **signed)["state"], "complete")
        self.device.update.step("commit", {}, {})
        with open("/program.json") as file:
            state = json.load(file)
        with open("/program.json", "w") as file:
            json.dump(dict(state, state="good"), file)
        older = {"signed": OLDER, "signature": SIGNATURES[OLDER]}
        self.refused(self.offer(manifest, counter=2, **older), "signed before one")

    def test_a_board_whose_clock_is_unset_takes_what_its_key_and_its_owner_signed(self):
        import darvaz_loader

        from darvaz import unload

        self.device.config = {"update_key": KEY, "owner_key": OWNER}
        files, path = {"main.py": b"1"}, sys.path[:]
        # Loaded again, with this clock.
        unload("update", "slot_files", "update_offer")
        sys.modules["time"] = UnsetClock
        try:
            self.refused(self.offer(manifest_of(files), key="00" * 32), "not signed with the key")
            taken = self.send(files, signed=NEWER, signature=SIGNATURES[NEWER])["state"]
            self.device.update.step("commit", {}, {})
            darvaz_loader.choose()
            state = darvaz_loader.read()
        finally:
            del sys.modules["time"]
            unload("update", "slot_files", "update_offer")
            os.chdir("/")
            sys.path[:] = path

        self.assertEqual((taken, state["state"], state["slot"]), ("complete", "trial", "/app_a"))
        self.assertEqual(state["signed"], NEWER)

    def test_a_release_that_runs_once_makes_way_at_the_next_start(self):
        import darvaz_loader

        with open("/program.json", "w") as file:
            json.dump({"slot": "", "state": "good", "counter": 1}, file)
        self.assertEqual(self.send({"main.py": b"1"}, counter=2, once=True)["state"], "complete")
        self.device.update.step("commit", {}, {})
        starts, path = [], sys.path[:]
        for _ in range(2):
            darvaz_loader.choose()
            os.chdir("/")
            sys.path[:] = path
            state = darvaz_loader.read()
            starts.append((state["state"], state["slot"], state["tries"]))

        self.assertEqual(starts, [("once", "/app_a", 1), ("fell_back", "", 0)])

    def test_another_release_may_follow_one_that_runs_once_without_losing_the_way_back(self):
        import darvaz_loader

        with open("/program.json", "w") as file:
            json.dump({"slot": "/app_a", "other": "", "state": "good", "counter": 1, "release": "1"}, file)
        for counter in (2, 3):
            self.assertEqual(self.send({"main.py": b"%d" % counter}, counter=counter, once=True)["state"], "complete")
            self.device.update.step("commit", {}, {})
            self.device.update = None
        state = darvaz_loader.read()

        # The program before is still the one in the first folder.
        self.assertEqual((state["slot"], state["other"], state["other_release"]), ("/app_b", "/app_a", "1"))

    def test_what_comes_twice_or_too_early_is_asked_for_again(self):
        manifest = manifest_of({"main.py": b"1"})
        self.offer(manifest)

        for at in (5, 0, 0):
            data = binascii.b2a_base64(manifest[at : at + 9]).decode().strip()
            answer = self.step("data", file=-1, at=at, data=data)

        self.assertEqual((answer["file"], answer["at"]), (-1, 9))

    def test_a_link_that_is_cut_after_every_packet_costs_no_byte_twice(self):
        from darvaz import update

        files = {"main.py": b"1" * 3000, "b.py": b"2" * 1100}
        manifest, sent = manifest_of(files), 0
        contents = [manifest, files["b.py"], files["main.py"]]
        while True:
            answer = self.offer(manifest)
            while answer["state"] == "working":
                answer = self.step("next")
            if answer["state"] == "complete":
                break
            number, at = answer["file"], answer["at"]
            data = contents[number + 1][at : at + 1024]
            self.step("data", file=number, at=at, data=binascii.b2a_base64(data).decode().strip())
            sent += len(data)
            # What is in the memory is lost with the power.
            update.end(self.device)

        self.assertEqual(sent, sum([len(content) for content in contents]))

    def test_nonsense_is_answered_and_leaves_nothing(self):
        for more in ({}, {"header": "[]", "mac": ""}, {"header": "{", "mac": "é"}):
            self.assertEqual(self.step("offer", **more)["status"], "error")
            self.assertIsNone(self.device.update)
        self.refused(self.step("data"), "no update under way")

    def test_an_update_needs_little_of_the_heap(self):
        # Loaded once before: what is interned stays.
        self.send({"main.py": b"1" * 3000}, counter=1)
        self.step("abandon")
        gc.collect()
        before = gc.mem_alloc()

        self.offer(manifest_of({"main.py": b"2" * 3000}), counter=2)
        gc.collect()

        print("an update takes %d bytes of the heap" % (gc.mem_alloc() - before))
        self.assertLessEqual(gc.mem_alloc() - before, HEAP_BYTES_MAX)
