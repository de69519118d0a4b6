"""What a device says about itself: the connect message, the facts of `info`, its host name. Loaded when asked for."""

import gc
import os
import sys

from . import VERSION
from .declared import DEADLINE_S


def introduction(device):
    """Returns the connect message."""
    known = device.commands.known
    message = {
        "type": "connect",
        "device": device.id,
        "version": VERSION,
        "board": device.board.NAME,
        "commands": {name: known[name][1] for name in known},
        "telemetry": device.measured.declared,
        "heap_free_bytes": gc.mem_free(),
        "reset_cause": device.board.reset_cause(),
        "boot_id": device.outbox.boot_id or device.boot_id,
        "ip": device._wifi.address(),
    }
    try:
        message["mac"] = device._wifi.station.config("mac").hex()
    except (OSError, ValueError, TypeError):
        # The port does not know it.
        pass
    # How long ago an earlier start was, the gateway may know; the board does not.
    if device.outbox.boot_id is None:
        message["uptime_ms"] = device.uptime_ms()
    deadlines_s = {name: known[name][2] / 1000 for name in known if known[name][2] != DEADLINE_S * 1000}
    if deadlines_s:
        message["deadlines_s"] = deadlines_s
    # A board without a key takes no updates.
    if "update_key" in device.config:
        message["program"] = _program()
    return message


def has_releases():
    """Returns whether the board ever took an update; boot.py looks at the same."""
    return "program.json" in os.listdir("/")


def _program():
    """Returns which program runs. The loader's names would stay in memory: it is asked only if there are releases."""
    about = {"state": "flashed", "counter": 0}
    if has_releases():
        from . import trial

        about = trial.describe()
        trial.leave()
    about["has_key"] = True
    loads = getattr(sys.implementation, "_mpy", 0)
    about["mpy"], about["mpy_native"] = loads & 255, loads >> 8 & 63
    about["micropython"] = "%d.%d.%d" % sys.implementation.version[:3]
    return about


def add_facts(device, facts):
    """Returns facts about the board, its firmware and its address, added to the given ones."""
    facts["device"] = device.id
    facts["board"] = device.board.NAME
    facts["version"] = VERSION
    facts["micropython"] = sys.version
    facts["reset_cause"] = device.board.reset_cause()
    facts["ip"] = device._wifi.address()
    return facts


def hostname(device):
    """Returns the name of the board in its network."""
    # RFC 952: letters, digits and hyphens.
    allowed = [byte if 48 <= byte <= 57 or 97 <= byte | 32 <= 122 else 45 for byte in device.id.encode()]
    name = bytes(allowed).decode().strip("-")
    # A name in another script has nothing that is allowed.
    return name if name else usual_id(device.board)


def usual_id(board):
    """Returns the id of a device that was not named: its kind, and the end of its number."""
    return "%s-%s" % (board.KIND, board.unique_id()[-6:])
