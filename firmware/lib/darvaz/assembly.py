"""Makes the parts of a device that a program declares into, and reads config.json, whose errors name the remedy.

Loaded while the device is made.
"""

import json
import os

from . import declarations, facts, handshake, unload
from .checking import check
from .declared import Commands
from .device import SEND_BYTES
from .outbox import INFO, LEVELS, RING_BYTES, Log, Outbox
from .rules import DEVICE_ID
from .session import decode

PATH = "/config.json"

_NETWORK = (("ssid", True, "s", 1, 32, None), ("password", False, "s", 0, 64, None))
_FIELDS = (
    ("device", False) + DEVICE_ID,
    ("token", False, "s", 1, 256, None),
    ("networks", True, "l", 0, 8, ("o", None, None, _NETWORK)),
    ("gateways", True, "l", 1, 8, ("s", 8, 256, None)),
    ("country", False, "s", 0, 2, None),
    ("ca", False, "s", 1, 128, None),
    ("psk", False, "b", None, None, None),
    ("auth", False, "e", None, None, ("proof", "header", "message")),
    ("watchdog", False, "b", None, None, None),
    ("grace_s", False, "n", 0, 60, None),
    ("outbox_bytes", False, "i", 4096, 65536, None),
    ("outbox_flash_bytes", False, "i", 8192, 1048576, None),
    ("update_key", False, "s", 64, 64, None),
    ("prompt", False, "b", None, None, None),
    ("setup_pin", False, "i", 0, 64, None),
    ("log_level", False, "e", None, None, LEVELS),
)


def read(board, config):
    """Returns the configuration, or what a program gives instead; the device's id, a text that is new at each start.

    Then, for the handshake, path and headers, and the token for `auth`. Raises ConfigError.
    """
    config = load() if config is None else check_config(config)
    # By the text the gateway sees a restart.
    parts = (config, config.get("device") or facts.usual_id(board), os.urandom(4).hex())
    return parts + handshake.plan_request(config, board.KIND)


def make_parts(device):
    """Returns the outbox, as large as the configuration wants it, the log at its level, and the commands."""
    config = device.config
    ring_bytes = config.get("outbox_bytes", RING_BYTES)
    if "outbox_flash_bytes" in config:
        from . import flash_outbox

        outbox = flash_outbox.make(device, ring_bytes)
    else:
        outbox = Outbox(SEND_BYTES, ring_bytes)
    log = Log(device.uptime_ms, device.keep, LEVELS.index(config.get("log_level", LEVELS[INFO])))
    commands = Commands(device.send, log, device.uptime_ms)
    declarations.add_command(commands, "info", device.info, {})
    declarations.add_command(commands, "reboot", device.reboot, {})
    commands.own = ["info", "reboot"]
    return outbox, log, commands


# config.json


class ConfigError(ValueError):
    """config.json cannot be used; the text says why and what to do."""


def load(path=PATH):
    """Returns the checked configuration; raises ConfigError with a sentence without secrets."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        data = b""
    # As editors on Windows write it: UTF-8 after a byte order mark.
    text = decode(data[3:] if data[:3] == b"\xef\xbb\xbf" else data)
    if not data.strip():
        raise ConfigError(
            "there is no %s on this board, or it is empty: run `make flash`, or copy config.example.json" % path
        )
    if text is None or 0 in data[:4]:
        raise ConfigError("%s is not in UTF-8: save it with that encoding, or run `make flash`" % path)
    try:
        config = json.loads(text)
    except ValueError:
        raise ConfigError("%s is not JSON: look for a missing comma or quote, or a comment" % path)
    return check_config(config)


def check_config(config):
    """Returns the configuration; raises ConfigError if it cannot be used."""
    if not isinstance(config, dict):
        raise ConfigError("config.json is not a JSON object")
    problem = check(config, _FIELDS)
    if problem is not None:
        raise ConfigError("config.json, %s: expected %s" % problem)
    for network in config["networks"]:
        password = network.get("password", "")
        # IEEE 802.11, J.4: a phrase of at most 63 characters, or the key itself in hexadecimal digits.
        if len(password) == 64 and password.strip("0123456789abcdefABCDEF"):
            raise ConfigError("config.json, networks: a password has at most 63 characters, a key 64 hex digits")
    unload("rules", "checking")
    known = [field[0] for field in _FIELDS]
    for name in config:
        # Other names are a maker's own settings; one of ours in capitals is a slip, and hard to find.
        if name.lower() in known and name not in known:
            raise ConfigError("config.json, %s: is written %s" % (name, name.lower()))
    return config
