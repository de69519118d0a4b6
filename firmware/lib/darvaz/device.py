"""The class that a maker's program is written with: a device with its commands, telemetry and log."""

import asyncio
import gc
import os
import random
import sys

from .link import Link  # isort: skip (the largest to compile come first, while the heap is empty)
from .websocket import WebSocket  # isort: skip
from . import VERSION, utf8
from .backoff import Backoff
from .clock import Uptime
from .codec import check_value, dump, is_json
from .commands import DEADLINE_S, Commands
from .log import INFO, LEVELS, Log
from .messages import KINDS, VALUES
from .outbox import RING_BYTES, Outbox
from .status_led import is_lit
from .supervisor import Supervisor
from .telemetry import Telemetry
from .wifi import Wifi

RECEIVE_BYTES = 3072
SEND_BYTES = 2048
WATCHDOG_MS = 8000
_GRACE_S = 2
_LOG_CHARS_CUT = 256
_BEAT_MS = 100
_REBOOT_MS = 500


class Device:
    """One board and its gateway; `board` is the module of that name, `config` replaces config.json."""

    def __init__(self, board, config=None):
        self.board = board
        # config.json as a dictionary, checked.
        self.config = _read_config(config)
        self.id = self.config.get("device") or "%s-%s" % (board.KIND, board.unique_id()[-6:])
        self.uptime_ms = Uptime()
        # Logs and telemetry in UTF-8 that wait for the gateway.
        self._outbox = Outbox(SEND_BYTES, self.config.get("outbox_bytes", RING_BYTES))
        # The number of the next one.
        self._seq = 0
        level = LEVELS.index(self.config.get("log_level", LEVELS[INFO]))
        self.log = Log(self.uptime_ms, self._keep, level)
        self.commands = Commands(self._send, self.log)
        self._telemetry = Telemetry(self._report_values, self.log)
        # The maker's functions.
        self._on_connect = []
        self._tasks = []
        # None until `_make_parts`.
        self._link = self._supervisor = self._wifi = None
        token = self.config.get("token")
        is_message = self.config.get("auth") == "message"
        # Path and headers of the handshake, and the token of the `auth` message.
        self.path = KINDS[board.KIND]
        self.headers = {"Authorization": "Bearer " + token} if token and not is_message else {}
        self.shown_token = token if is_message else None
        # By it the gateway sees a restart.
        self._boot_id = "".join("%02x" % byte for byte in os.urandom(4))
        self.commands.add("info", self.info, {})
        self.commands.add("reboot", self.reboot, {})

    # What a maker's program uses

    @property
    def state(self):
        """Where the device is: starting, joining, connecting, refused or online."""
        return "starting" if self._supervisor is None else self._supervisor.state

    def command(self, function=None, deadline_s=DEADLINE_S, **arguments):
        """Declares a function as a command of the same name: `@device.command`, or with its arguments declared."""
        if callable(function):
            self.commands.add(function.__name__, function, {}, deadline_s)
            return function
        if function is not None:
            arguments["function"] = function

        def declare(function):
            self.commands.add(function.__name__, function, arguments, deadline_s)
            return function

        return declare

    def telemetry(self, every_s=10, unit=None, device_class=None, title=None):
        """Declares a function as telemetry of the same name, called every `every_s` seconds; None is not reported."""
        about = {"unit": unit, "device_class": device_class, "title": title}
        about = {key: about[key] for key in about if about[key] is not None}

        def declare(function):
            self._telemetry.add(function, every_s, about)
            return function

        return declare

    def on_connect(self, function):
        """Calls a function each time the gateway has welcomed the device."""
        self._on_connect.append(function)
        return function

    def task(self, function):
        """Runs an async function from the start on, beside everything else."""
        self._tasks.append(function)
        return function

    async def send_frame(self, frame):
        """Sends one JPEG and returns whether it went out; its buffer is masked in place, so the picture is gone."""
        return self._link is not None and await self._link.send_frame(frame)

    def run(self):
        """Connects and serves until Ctrl-C, and closes everything before the REPL."""
        try:
            asyncio.run(self._main())
        finally:
            if self._link is not None:
                self._link.close()
            self.board.set_led(False)
            asyncio.new_event_loop()

    # Commands of every board

    def info(self):
        """Returns facts about the board, its firmware and its address."""
        facts = self.report()
        facts["device"] = self.id
        facts["board"] = self.board.NAME
        facts["version"] = VERSION
        facts["micropython"] = sys.version
        facts["reset_cause"] = self.board.reset_cause()
        facts["ip"] = self._wifi.address()
        facts["heap_used_bytes"] = gc.mem_alloc()
        return facts

    def reboot(self):
        """Closes the link and restarts the board."""
        asyncio.create_task(self._reboot())

    async def _reboot(self):
        # Time for the ack to go out.
        await asyncio.sleep_ms(_REBOOT_MS)
        self._supervisor.end("the board restarts")
        await asyncio.sleep_ms(_REBOOT_MS)
        self.board.reset()

    # Running

    async def _main(self):
        self.board.set_led(True)
        grace_s = self.config.get("grace_s", _GRACE_S)
        print("Darvaz %s on %s: %s. Ctrl-C for the prompt." % (VERSION, self.board.NAME, self.id))
        await asyncio.sleep_ms(int(grace_s * 1000))
        self._make_parts()
        asyncio.create_task(self._beat())
        self._telemetry.start()
        for function in self._tasks:
            asyncio.create_task(self._supervise(function))
        await self._supervisor.run()
        # `_reboot` ended it, and resets the board before this time is over.
        await asyncio.sleep_ms(_REBOOT_MS)

    def _make_parts(self):
        config = self.config
        # RFC 952: letters, digits and hyphens.
        allowed = [byte if 48 <= byte <= 57 or 97 <= byte | 32 <= 122 else 45 for byte in self.id.encode()]
        hostname = bytes(allowed).decode()
        self._wifi = Wifi(config["networks"], hostname, config.get("country"), self.board.WIFI_POWER_SAVE, self.log)
        # One packet carries all of the maker's declarations.
        introduction_bytes = len(utf8.encode(dump(self.introduction())))
        websocket = WebSocket(RECEIVE_BYTES, max(SEND_BYTES, introduction_bytes + 128))
        self._link = Link(self, self._wifi, websocket, self._outbox)
        self._supervisor = Supervisor(self, self._wifi, self._link, self._outbox, Backoff(random.randrange))

    async def _beat(self):
        watchdog = self.board.start_watchdog(WATCHDOG_MS) if self.config.get("watchdog") else None
        while True:
            self.board.set_led(is_lit(self.state, self.uptime_ms()))
            if watchdog is not None:
                watchdog.feed()
            # Only once all is written: a report into a full ring would drop another message.
            if self._outbox.lost and self.state == "online" and self._outbox.next() is None:
                lost, self._outbox.lost = self._outbox.lost, 0
                self.log.warning("%d messages were lost while the gateway was away" % lost)
            await asyncio.sleep_ms(_BEAT_MS)

    async def _supervise(self, function):
        try:
            value = function()
            if hasattr(value, "send"):
                await value
        except Exception as error:
            self.log.exception("%s failed" % function.__name__, error)

    # Sending

    def _send(self, message):
        try:
            return self._link.send(message)
        except ValueError as error:
            # A command may return anything, of any size.
            self.log.error("%s not sent: %s" % (message["type"], error))
            if message["type"] != "ack" or message["status"] == "error":
                return False
            text = "the result cannot be sent: %s" % error
            return self._link.send({"type": "ack", "id": message["id"], "status": "error", "message": text[:256]})

    def _report_values(self, values):
        # None, NaN, infinity: a sensor is away.
        missing = [name for name in values if values[name] is None or not is_json(values[name], 1)]
        if missing:
            values = {name: values[name] for name in values if name not in missing}
        problem = check_value(values, VALUES)
        if problem is not None:
            raise ValueError("%s: expected %s" % problem)
        if values:
            message = {"type": "telemetry", "values": values, "uptime_ms": self.uptime_ms(), "seq": self._seq}
            self._post(utf8.encode(dump(message)))
        if missing:
            raise ValueError("no number, left out: " + ", ".join(missing))

    def _keep(self, level, uptime_ms, text):
        message = {"type": "log", "level": level, "uptime_ms": uptime_ms, "seq": self._seq, "message": text}
        data = dump(message).encode()
        if len(data) > SEND_BYTES:
            # Six bytes for each control character in JSON (RFC 8259 section 7).
            message["message"] = text[:_LOG_CHARS_CUT]
            data = dump(message).encode()
        self._post(data)

    def _post(self, data):
        self._outbox.append(data)
        self._seq += 1
        if self._link is not None:
            self._link.wake()

    # For the link
    def introduction(self):
        """Returns the connect message."""
        return {
            "type": "connect",
            "device": self.id,
            "version": VERSION,
            "board": self.board.NAME,
            "commands": self.commands.declared(),
            "telemetry": self._telemetry.declared,
            "heap_free_bytes": gc.mem_free(),
            "reset_cause": self.board.reset_cause(),
            "boot_id": self._boot_id,
            "uptime_ms": self.uptime_ms(),
            "ip": self._wifi.address(),
        }

    def report(self):
        """Returns the fields of a pong: free heap, uptime, signal."""
        gc.collect()
        uptime_ms = self.uptime_ms()
        facts = {"heap_free_bytes": gc.mem_free(), "uptime_s": uptime_ms // 1000, "uptime_ms": uptime_ms}
        rssi_dbm = self._wifi.rssi_dbm()
        if rssi_dbm is not None:
            facts["rssi_dbm"] = rssi_dbm
        return facts

    async def make_tls(self, authority, host, port):
        """Returns the SSLContext for a gateway; sets the clock first where a certificate is to be checked."""
        from . import secure

        ca_path = self.config.get("ca")
        if ca_path is not None and not secure.is_clock_set():
            unix_s = await secure.ask_time(authority, host, port)
            if unix_s is not None:
                self.board.set_clock(unix_s)
        return secure.make_context(ca_path)

    def on_opened(self, message):
        """Handles the gateway's connection_ack."""
        if "time" in message:
            self.board.set_clock(int(message["time"]))
        self.log.info("gateway: online as %s" % message.get("device", self.id))
        for function in self._on_connect:
            asyncio.create_task(self._supervise(function))


def _read_config(config):
    from . import configuration

    config = configuration.load() if config is None else configuration.check_config(config)
    # Read once; unloading the module frees two kilobytes.
    name = configuration.__name__
    del sys.modules[name]
    delattr(sys.modules[name.rpartition(".")[0]], "configuration")
    return config
