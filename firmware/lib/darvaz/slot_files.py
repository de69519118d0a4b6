"""The files of a release on the flash of a board: measured, hashed, copied and replaced as a whole."""

import binascii
import hashlib
import os
import time

PIECE_BYTES = 512
# The network waits meanwhile.
WORK_MS = 300
PART = ".part"
_BLOCK_BYTES = 4096
_FOLDER = 0x4000


class Refused(Exception):
    """The update ends; the text says why."""


def in_blocks(count):
    """Returns what a number of bytes takes."""
    return (count + _BLOCK_BYTES - 1) // _BLOCK_BYTES * _BLOCK_BYTES


def size(path):
    """Returns the size of a file; -1 if there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def sha256(path):
    """Returns the SHA-256 of a file, read from the flash."""
    digest, piece = hashlib.sha256(), bytearray(PIECE_BYTES)
    with open(path, "rb") as file:
        count = file.readinto(piece)
        while count:
            digest.update(memoryview(piece)[:count])
            count = file.readinto(piece)
    return binascii.hexlify(digest.digest()).decode()


def put(path, text):
    """Replaces a file as a whole."""
    with open(path + PART, "w") as file:
        file.write(text)
    os.rename(path + PART, path)


def remove(path):
    """Removes a file, if there is one."""
    if size(path) >= 0:
        os.remove(path)


def copy(source, path, at, since_ms):
    """Copies a file from a place on, until it ends or the time is over."""
    piece = bytearray(PIECE_BYTES)
    with open(source, "rb") as old, open(path, "ab") as new:
        old.seek(at)
        count = old.readinto(piece)
        while count:
            new.write(memoryview(piece)[:count])
            if time.ticks_diff(time.ticks_ms(), since_ms) > WORK_MS:
                break
            count = old.readinto(piece)


def is_folder(path):
    """Whether a path is a folder."""
    try:
        return os.stat(path)[0] & _FOLDER != 0
    except OSError:
        return False


def make_folders(path):
    """Makes the folders of a file, in place of files and folders that are in the way."""
    at = path.find("/", 1)
    while at > 0:
        if not is_folder(path[:at]):
            remove(path[:at])
            os.mkdir(path[:at])
        at = path.find("/", at + 1)
    if is_folder(path):
        clean(path, "", ())
        os.rmdir(path)


def used(folder):
    """Returns what all files of a folder take."""
    total = 0
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        total += used(path) if entry[1] == _FOLDER else in_blocks(size(path))
    return total


def clean(slot, prefix, names):
    """Removes the files whose hashes are not among these, and folders that are empty then."""
    for entry in list(os.ilistdir(slot + "/" + prefix)):
        path = prefix + entry[0]
        if entry[1] == _FOLDER:
            clean(slot, path + "/", names)
            if not list(os.ilistdir(slot + "/" + path)):
                os.rmdir(slot + "/" + path)
        elif hash(path) not in names:
            os.remove(slot + "/" + path)
