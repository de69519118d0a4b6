"""An update over the link: takes a release into the folder that does not run, checks it, and starts it on trial.

Loaded while an update is under way. The gateway sends one step after another, and each answer says what is needed
next. What arrived is on the flash, so an update goes on after a lost link or a power cut. Only a header with the HMAC
of the board's own key is taken, and the manifest and each file by the SHA-256 that it names, read back from the flash.
"""

import asyncio
import binascii
import gc
import os
import sys
import time

from . import slot_files, unload
from .slot_files import PART, WORK_MS, Refused

FILES_MAX = 500
PATH_CHARS_MAX = 96
SPARE_BYTES = 16384
HEADER = "/.header"
MANIFEST = "/.manifest"
# What starts a release.
MAIN = "import darvaz_loader\n\ndarvaz_loader.run(globals())\n"
# Also as .mpy, and in lib.
_NOT_OURS = ("boot", "program", "darvaz_loader", "config")


def take(device, message):
    """Carries out a step, and answers it."""
    answer = {"type": "update_state", "id": message["id"], "status": "ok"}
    step = message["step"]
    try:
        if step == "offer":
            device.update = Update(device, message.get("header", ""), message.get("mac", ""))
        if device.update is None:
            raise Refused("there is no update under way: offer it again")
        device.update.step(step, message, answer)
    except (Refused, OSError, ValueError, KeyError, TypeError, MemoryError) as error:
        step = "abandon"
        answer["status"] = "error"
        answer["message"] = str(error) if isinstance(error, Refused) else "the update failed: %r" % error
        answer["counter"] = _loader().read().get("counter", 0)
    if step in ("abandon", "commit"):
        end(device)
    device.send(answer)
    if step == "commit":
        from . import seldom

        asyncio.create_task(seldom.reboot(device))


def end(device):
    """Forgets the update that is under way; its files stay, for the next offer."""
    device.update = None
    unload("update", "slot_files", "update_offer")
    gc.collect()


def _loader():
    """Returns the loader, which is in the memory only while something of it is needed."""
    import darvaz_loader

    del sys.modules["darvaz_loader"]
    return darvaz_loader


class Update:
    """One update that was offered; raises Refused if it must not be taken."""

    def __init__(self, device, header, mac):
        from . import update_offer

        loader = _loader()
        state = loader.read()
        self._header = update_offer.check(device, header, mac, state)
        unload("update_offer")
        self._state = state
        # The folder that a start falls back to is never written.
        kept = state.get("other") if state.get("state") == "once" else state.get("slot", "")
        self._kept = kept
        one, other = loader.SLOTS
        # It takes memory that the transfer needs.
        del loader
        self._slot = other if kept == one else one
        self._is_owned = "owner_key" in device.config
        # The files in the manifest: where the next line begins, and its number. The file that is being received:
        # number, path, size, SHA-256; None before the manifest is here.
        self._line_at = 0
        self._number = -1
        self._file = None
        # Where the board has that file elsewhere; None: nowhere.
        self._source = None
        self._is_complete = False
        # Files in a row that were wrong on the flash.
        self._wrong = 0
        # Was free when it began.
        self._spare_bytes = 0
        if not self._is_resumed(header):
            self._spare_bytes = SPARE_BYTES
            self._begin(header)

    def step(self, step, message, answer):
        """Does what a message asks for, and completes the answer."""
        if step == "data":
            self._append(message)
        elif step == "commit":
            if not self._is_complete:
                raise Refused("not all files of this update are here")
            self._commit()
            answer["state"] = "trial"
            return
        elif step == "abandon":
            answer["state"] = "ended"
            return
        self._go_on(answer)

    # The start

    def _is_resumed(self, header):
        try:
            with open(self._slot + HEADER) as file:
                return file.read() == header
        except OSError:
            return False

    def _begin(self, header):
        if self._state.get("other") == self._slot:
            # What is written over is nothing to go back to.
            self._state["other"] = self._state["other_release"] = ""
            _loader().write(self._state)
        slot_files.make_folders(self._slot + HEADER)
        slot_files.remove(self._slot + MANIFEST)
        slot_files.remove(self._slot + MANIFEST + PART)
        slot_files.put(self._slot + HEADER, header)

    # Receiving

    def _wanted(self):
        if self._number < 0:
            return -1, self._slot + MANIFEST, self._header["bytes"], self._header["manifest"]
        return self._file

    def _append(self, message):
        number, path, size, _ = self._wanted()
        at = slot_files.size(path + PART)
        # Anything else came twice: the answer says what is needed.
        if message["file"] == number and message["at"] == at:
            data = binascii.a2b_base64(message["data"])
            if at + len(data) > size:
                raise Refused("file %d is longer than its manifest says" % number)
            # Closed each time: what is only open is not on the flash.
            with open(path + PART, "ab") as file:
                file.write(data)

    def _go_on(self, answer):
        """Works until something is needed, all is complete, or the time is over."""
        since_ms = time.ticks_ms()
        answer["state"] = "working"
        while time.ticks_diff(time.ticks_ms(), since_ms) < WORK_MS:
            if self._is_complete:
                answer["state"] = "complete"
                return
            if self._number >= 0 and self._file is None:
                self._complete()
                continue
            number, path, size, sha256 = self._wanted()
            if self._is_here(path, size, sha256):
                self._wrong = 0
                self._advance()
                continue
            at = slot_files.size(path + PART)
            if at < 0 or at > size:
                # What is longer is left from another release.
                open(path + PART, "wb").close()
                at = 0
            if at == size:
                self._finish(path, sha256)
            elif self._source is not None:
                slot_files.copy(self._source, path + PART, at, since_ms)
            else:
                answer["state"], answer["file"], answer["at"] = "receiving", number, at
                return

    def _is_here(self, path, size, sha256):
        return slot_files.size(path) == size and slot_files.sha256(path) == sha256

    def _finish(self, path, sha256):
        if slot_files.sha256(path + PART) == sha256:
            # On the flash as it should be: from now on it has its name.
            os.rename(path + PART, path)
            return
        slot_files.remove(path + PART)
        self._wrong += 1
        if self._wrong > 1:
            raise Refused("%s is not what its manifest says, twice in a row" % path)

    def _find_source(self, name, size, sha256):
        """Returns where the board has a file already, in the folder that runs or in the root."""
        for source in (self._kept + name, "/main.py" if name == "/program.py" else name):
            if slot_files.size(source) == size and slot_files.sha256(source) == sha256:
                return source
        return None

    # The manifest: lines of SHA-256, size and path

    def _advance(self):
        if self._number < 0:
            self._check_manifest()
        with open(self._slot + MANIFEST) as file:
            file.seek(self._line_at)
            line = file.readline()
        self._line_at += len(line.encode())
        self._source = None
        self._number += 1
        if not line:
            self._file = None
            return
        sha256, size, path = _parse(line)
        name = "/program.py" if path == "main.py" else "/" + path
        path = self._slot + name
        slot_files.make_folders(path)
        self._file = (self._number, path, size, sha256)
        if not self._is_here(path, size, sha256):
            self._source = self._find_source(name, size, sha256)

    def _check_manifest(self):
        needed = count = 0
        has_main = False
        with open(self._slot + MANIFEST) as file:
            for line in file:
                _, size, path = _parse(line)
                has_main = has_main or path == "main.py"
                count += 1
                needed += slot_files.in_blocks(size)
        if count > FILES_MAX or not has_main:
            raise Refused("a release has a main.py and at most %d files" % FILES_MAX)
        vfs = os.statvfs(self._slot)
        there = slot_files.used(self._slot)
        if needed - there + self._spare_bytes > vfs[0] * vfs[3]:
            raise Refused("the flash is full: %d bytes are needed, %d are free" % (needed - there, vfs[0] * vfs[3]))

    def _complete(self):
        """Removes what the release does not have, and adds the main.py that runs it."""
        # By their hashes: 500 paths would not fit. Two of the same hash leave a file too many, which harms nothing.
        names = {hash(name) for name in (HEADER[1:], MANIFEST[1:], "main.py", "program.py")}
        with open(self._slot + MANIFEST) as file:
            for line in file:
                names.add(hash(_parse(line)[2]))
        slot_files.clean(self._slot, "", names)
        slot_files.put(self._slot + "/main.py", MAIN)
        self._is_complete = True

    def _commit(self):
        state, header = self._state, self._header
        is_once = state.get("state") == "once"
        _loader().write(
            {
                "slot": self._slot,
                "other": self._kept,
                "state": "once" if header.get("once") else "trial",
                "tries": 0,
                "counter": header["counter"],
                # Checked if the board has its owner's key.
                "signed": header.get("signed", 0) if self._is_owned else state.get("signed", 0),
                "release": header.get("release", ""),
                "other_release": state.get("other_release" if is_once else "release", ""),
            }
        )


def _parse(line):
    sha256, size, path = line.rstrip("\n").split(" ", 2)
    names = path.split("/")
    stem = names[-1].split(".")[0]
    is_own = stem in _NOT_OURS and (len(names) == 1 or names[:-1] == ["lib"])
    is_odd = "" in names or "." in names or ".." in names or "\\" in path or ":" in path
    if len(path) > PATH_CHARS_MAX or is_own or is_odd or names[0].startswith(".") or path.endswith(PART):
        raise Refused("a release must not write %s" % path)
    return sha256, int(size), path
