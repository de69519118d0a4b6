"""Whether a board takes the update that it is offered: its signature, its board and its age. Loaded while it looks."""

import binascii
import json
import sys

from . import unload
from .handshake import digest
from .slot_files import Refused

MANIFEST_BYTES_MAX = 65536


def check(device, header, mac, state):
    """Returns the header of an update that this board may take now; raises `Refused` for any other.

    `state` is what the loader's file says.
    """
    key = device.config.get("update_key")
    if not key:
        raise Refused("this board has no key for updates: run `darvaz flash` once, with the board on USB")
    good = digest(binascii.unhexlify(key), header.encode())
    unload("handshake")
    if not _is_equal(good, mac):
        raise Refused("this update is not signed with the key of this board")
    found = json.loads(header)
    if device.config.get("owner_key"):
        _check_owner(device.config["owner_key"], found, state)
    if found["device"] != device.id or found["kind"] != device.board.KIND:
        raise Refused("this update is for another board, %s" % found["device"])
    least = [int(part) for part in found.get("least", "1.24").split(".")]
    if list(sys.implementation.version[:2]) < least:
        raise Refused("this release needs MicroPython %s" % found["least"])
    if not 0 < found["bytes"] <= MANIFEST_BYTES_MAX:
        raise Refused("the manifest is too long")
    if state.get("state") == "trial":
        raise Refused("a release is on trial: wait until it is good, or falls back")
    if found["counter"] <= state.get("counter", 0):
        raise Refused("this update has the counter %d, and the board took %d" % (found["counter"], state["counter"]))
    return found


def _check_owner(owner, header, state):
    """Checks the signature of the board's owner, whose key the gateway does not have."""
    from . import ed25519

    text = "darvaz release %s %d" % (header["manifest"], header.get("signed", 0))
    signature = binascii.unhexlify(header.get("signature", ""))
    is_good = ed25519.verify(binascii.unhexlify(owner), text.encode(), signature)
    unload("ed25519")
    if not is_good:
        raise Refused("this release is not signed by the owner of the board: `darvaz deploy --sign FILE`")
    if header["signed"] < state.get("signed", 0):
        raise Refused("this release was signed before one that the board has had: sign it again")


def _is_equal(one, other):
    # In a time that does not tell where they differ.
    difference = len(one) ^ len(other)
    for a, b in zip(one.encode(), other.encode()):
        difference |= a ^ b
    return difference == 0
