"""Makes the parts that connect a device: Wi-Fi, buffers, link and supervisor. Loaded when its program runs."""

import asyncio
import os

from . import facts, unload
from .device import SEND_BYTES
from .link import Link
from .outbox import RING_BYTES, Outbox
from .rules import TEXT_BYTES_MAX
from .session import dump, encode
from .supervisor import Supervisor, Wifi
from .websocket import WebSocket

RECEIVE_BYTES = 2048
# As in crash.py, which is loaded only where the file is.
CRASH = "/crash.json"
# Made by seldom.py: the gateway has welcomed the board.
ONLINE = "/was_online"
# A board that was never online opens its setup network after this time without Wi-Fi.
SETUP_AFTER_MS = 180000
_DAY_MS = 86400000
# What a value takes in the ring: in the first round all are there at once.
_VALUE_BYTES = 112
# As in assembly.py.
CONFIG = "/config.json"


def start_tasks(device):
    """Starts the tasks of telemetry, and those of the maker."""
    for function, name, every_ms in device.measured.measurements:
        if every_ms > _DAY_MS:
            device.log.info("telemetry %s: a value every %d h" % (name, every_ms // 3600000))
        asyncio.create_task(device.measured.measure(function, name, every_ms))
    for function in device.tasks:
        asyncio.create_task(device.supervise(function))
    device.is_guarded = _start_trial(device) or bool(device.config.get("watchdog"))
    try:
        os.stat(CRASH)
    except OSError:
        return
    from . import crash

    asyncio.create_task(crash.tell(device))


def _start_trial(device):
    """Watches a release on trial, and returns whether one is."""
    if not facts.has_releases():
        return False
    try:
        from . import trial
    except ImportError:
        # The library alone was installed, without the loader.
        return False
    is_on_trial = trial.start(device)
    trial.leave()
    return is_on_trial


def make_parts(device):
    """Makes what a device needs to connect; raises ValueError if it declares more than a gateway takes."""
    config, log = device.config, device.log
    power_save = device.board.WIFI_POWER_SAVE
    device._wifi = Wifi(config["networks"], facts.hostname(device), config.get("country"), power_save, log)
    # One packet carries all of the maker's declarations.
    introduction_bytes = len(encode(dump(facts.introduction(device)))) + 128
    if introduction_bytes > TEXT_BYTES_MAX:
        raise ValueError(
            "commands and telemetry take %d bytes together, at most %d: shorten titles and choices"
            % (introduction_bytes, TEXT_BYTES_MAX)
        )
    ring_bytes = _VALUE_BYTES * len(device.measured.declared)
    if ring_bytes > RING_BYTES and "outbox_bytes" not in config and "outbox_flash_bytes" not in config:
        before, outbox = device.outbox, Outbox(SEND_BYTES, ring_bytes)
        while (message := before.next()) is not None:
            outbox.append(message)
            before.advance()
        outbox.lost, outbox.thinned = before.lost, before.thinned
        device.outbox = outbox
    websocket = WebSocket(RECEIVE_BYTES, max(SEND_BYTES, introduction_bytes))
    device.link = Link(device, device._wifi, websocket, device.outbox)
    device.supervisor = Supervisor(device, device._wifi, device.link, _setup_ms(device))
    unload()


def _setup_ms(device):
    """Returns the uptime from which the setup network may open; None for never.

    It is 0 while its button is held, and where there is no Wi-Fi to look for.
    """
    files, pin = os.listdir("/"), device.config.get("setup_pin")
    if CONFIG[1:] not in files or not device.config.get("token"):
        return None
    if not device.config["networks"] or (pin is not None and device.board.is_held(pin)):
        return 0
    return None if ONLINE[1:] in files else SETUP_AFTER_MS
