"""Makes the parts of a device that a program declares into. Loaded while the device is made."""

import os

from . import configuration, declarations, facts, unload
from .commands import Commands
from .device import SEND_BYTES
from .log import INFO, LEVELS, Log
from .outbox import RING_BYTES, Outbox


def read_config(config):
    """Returns config.json as a dictionary, or what a program gives instead; raises ConfigError."""
    try:
        return configuration.load() if config is None else configuration.check_config(config)
    finally:
        unload("configuration")


def make_ids(device):
    """Returns the id of a device, and a text that is new at each start: by it the gateway sees a restart."""
    boot_id = "".join("%02x" % byte for byte in os.urandom(4))
    return device.config.get("device") or facts.usual_id(device.board), boot_id


def make_outbox(device):
    """Returns the outbox, as large as the configuration wants it."""
    ring_bytes = device.config.get("outbox_bytes", RING_BYTES)
    if "outbox_flash_bytes" in device.config:
        from . import flash_outbox

        return flash_outbox.make(device, ring_bytes)
    return Outbox(SEND_BYTES, ring_bytes)


def make_log(device):
    """Returns the log, at the level of the configuration."""
    level = LEVELS.index(device.config.get("log_level", LEVELS[INFO]))
    return Log(device.uptime_ms, device.keep, level)


def make_commands(device):
    """Returns the commands, with those of the library."""
    commands = Commands(device.send, device.log, device.uptime_ms)
    declarations.add_command(commands, "info", device.info, {})
    declarations.add_command(commands, "reboot", device.reboot, {})
    commands.own = ["info", "reboot"]
    return commands
