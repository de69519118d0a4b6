"""The class that a maker's program is written with: a device with its commands, telemetry and log."""

import asyncio
import gc
import json
import sys
import time

from . import VERSION, unload
from .declared import DEADLINE_S, Telemetry
from .session import dump, encode

SEND_BYTES = 2048
WATCHDOG_MS = 8000
# A program that failed is started again after this time, unless somebody takes the prompt.
RESTART_S = 10
_GRACE_S = 2
_BEAT_MS = 100
REBOOT_MS = 500
# What the LED shows: a number of blinks, then a pause; it is steady in other states.
BLINKS = {"starting": 0, "joining": 1, "connecting": 2, "refused": 3}
_ON_MS = 120
_STEP_MS = 360
_PAUSE_MS = 1000


class Device:
    """One board and its gateway; `board` is the module of that name, `config` replaces config.json."""

    def __init__(self, board, config=None):
        self.board = board
        # None until `startup.make_parts`.
        self.link = self.supervisor = self._wifi = None
        # The update that is under way; and whether the watchdog guards a release on trial.
        self.update, self.is_guarded = None, False
        # Whether somebody at the prompt has stopped the program: None once it is to start again. The library's own
        # tasks. The watchdog; None: there is none.
        self.is_stopped, self.own, self.watchdog = False, [], None
        # The number of the next message; and how many found the outbox full although the device was online.
        self.seq = self.crowded = 0
        # The maker's functions: called at each welcome, and run from the start on.
        self.greeters, self.tasks = [], []
        self.uptime_ms = Uptime()
        from . import assembly

        # config.json as a dictionary, checked; the id, and a text that is new at each start. Path and headers of the
        # handshake, and the token that the `auth` message is made from.
        self.config, self.id, self.boot_id, self.path, self.headers, self.shown_token = assembly.read(board, config)
        # Logs and telemetry in UTF-8 that wait for the gateway; the log, and the commands with those of the library.
        self.outbox, self.log, self.commands = assembly.make_parts(self)
        self.measured = Telemetry(self.report_values, self.log, self.uptime_ms)
        unload("assembly", "facts", "rules", "checking", "handshake")

    # What a maker's program uses

    @property
    def state(self):
        """Where the device is: starting, joining, connecting, refused or online."""
        return "starting" if self.supervisor is None else self.supervisor.state

    def command(self, function=None, deadline_s=DEADLINE_S, name=None, **arguments):
        """Declares a function as a command of its name, or of `name`: `@device.command`, or with its arguments."""
        from . import declarations

        return declarations.declare_command(self.commands, function, deadline_s, name, arguments)

    def telemetry(self, every_s=10, unit=None, device_class=None, title=None, name=None):
        """Declares a function as telemetry of its name, or of `name`, called every `every_s` seconds.

        What is None is not reported. Without parentheses, the interval is 10 s.
        """
        from . import declarations

        about = {"unit": unit, "device_class": device_class, "title": title}
        return declarations.declare_telemetry(self.measured, every_s, about, name)

    def on_connect(self, function):
        """Calls a function each time the gateway has welcomed the device."""
        return _call("declarations", "add_function", self.greeters, "on_connect", function)

    def task(self, function):
        """Runs an async function from the start on, beside everything else."""
        return _call("declarations", "add_function", self.tasks, "task", function)

    async def send_frame(self, frame):
        """Sends one JPEG and returns whether it went out; its buffer is masked in place, so the picture is gone."""
        return self.link is not None and await self.link.send_frame(frame)

    def run(self):
        """Connects and serves until Ctrl-C, and closes everything before the REPL.

        A program that fails once it runs is told, and started again by a reset unless somebody takes the prompt.
        """
        try:
            asyncio.run(self._main())
        except Exception as error:
            if self.supervisor is None:
                _call("seldom", "keep_crash", self, error, "start")
                raise
            _call("seldom", "restart_after", self, error, RESTART_S)
        finally:
            if self.link is not None:
                self.link.close()
            self.board.set_led(False)
            asyncio.new_event_loop()

    # Commands of every board

    def info(self):
        """Returns facts about the board, its firmware and its address."""
        facts = self.report()
        facts["heap_used_bytes"] = gc.mem_alloc()
        return _call("facts", "add_facts", self, facts)

    def reboot(self):
        """Closes the link and restarts the board."""
        from . import seldom

        asyncio.create_task(seldom.reboot(self))

    # Running

    async def _main(self):
        self.board.set_led(True)
        asyncio.get_event_loop().set_exception_handler(self._on_unseen)
        print("Darvaz %s on %s: %s. Ctrl-C for the prompt." % (VERSION, self.board.NAME, self.id))
        await asyncio.sleep_ms(int(self.config.get("grace_s", _GRACE_S) * 1000))
        from . import startup

        startup.make_parts(self)
        startup.start_tasks(self)
        self.own = [asyncio.current_task(), asyncio.create_task(self._beat())]
        unload("startup")
        del startup
        await self.supervisor.run()
        # `reboot` ended it, and resets the board before this time is over.
        await asyncio.sleep_ms(REBOOT_MS)

    async def _beat(self):
        watchdog = self.watchdog = self.board.start_watchdog(WATCHDOG_MS) if self.is_guarded else None
        while True:
            if watchdog is not None:
                watchdog.feed()
            try:
                self.board.set_led(is_lit(self.state, self.uptime_ms()))
                self.commands.tick()
                # Only once all is written: a report into a full ring would drop another message.
                losses = self.outbox.lost + self.outbox.thinned + self.log.lost
                if losses and self.state == "online" and self.outbox.next() is None:
                    _call("seldom", "tell_losses", self)
            except MemoryError:
                # The next beat may find some.
                pass
            await asyncio.sleep_ms(_BEAT_MS)

    async def supervise(self, function):
        """Calls a function of the maker, and logs it if it fails."""
        try:
            value = function()
            if hasattr(value, "send"):
                await value
        except (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
            raise
        except BaseException as error:
            self.log.exception("%s failed" % function.__name__, error)
            if function in self.tasks:
                _call("seldom", "keep_crash", self, error, "task")

    def _on_unseen(self, _, context):
        # A task that the maker made with asyncio.create_task, and nobody waits for.
        self.log.exception("a task failed", context["exception"])

    # Sending

    def send(self, message):
        """Sends a message if the device is online and returns whether it is; one that is too long is told."""
        try:
            return self.link.send(message)
        except ValueError as error:
            # A command may return anything, of any size.
            self.log.error("%s not sent: %s" % (message["type"], error))
            message = _call("seldom", "unsent", message, error)
            return message is not None and self.link.send(message)

    def report_values(self, values):
        """Reports values as `Telemetry.pack` returns them."""
        message = {"type": "telemetry", "values": values, "uptime_ms": self.uptime_ms(), "seq": self.seq}
        # Checked by `Telemetry.pack`; json.dumps walks over it once.
        self._post(encode(json.dumps(message, separators=(",", ":"))))

    def keep(self, level, uptime_ms, text):
        """Keeps a line of the log for the gateway."""
        message = {"type": "log", "level": level, "uptime_ms": uptime_ms, "seq": self.seq, "message": text}
        data = dump(message).encode()
        if len(data) > SEND_BYTES:
            data = _call("seldom", "shorten", message)
        self._post(data)

    def _post(self, data):
        lost = self.outbox.lost
        self.outbox.append(data)
        self.seq += 1
        if self.link is not None:
            if self.link.is_online:
                self.crowded += self.outbox.lost - lost
            self.link.wake()

    # For the link
    def report(self):
        """Returns the fields of a pong: free heap, uptime, signal."""
        gc.collect()
        uptime_ms = self.uptime_ms()
        facts = {"heap_free_bytes": gc.mem_free(), "uptime_s": uptime_ms // 1000, "uptime_ms": uptime_ms}
        rssi_dbm = self._wifi.rssi_dbm()
        if rssi_dbm is not None:
            facts["rssi_dbm"] = rssi_dbm
        return facts


class Uptime:
    """Called, it returns the milliseconds since it was made; call it at least once in six days."""

    def __init__(self):
        self._last = time.ticks_ms()
        self._ms = 0

    def __call__(self):
        # time.ticks_ms wraps after 2**30 ms (12 days), and ticks_diff is right for half of that.
        now = time.ticks_ms()
        self._ms += time.ticks_diff(now, self._last)
        self._last = now
        return self._ms


def is_lit(state, now_ms):
    """Returns whether the LED is on now; states that are not in BLINKS are steady."""
    count = BLINKS.get(state, 0)
    if not count:
        return True
    at_ms = now_ms % (count * _STEP_MS + _PAUSE_MS)
    return at_ms < count * _STEP_MS and at_ms % _STEP_MS < _ON_MS


def _call(module, function, *arguments):
    """Calls a function of a module that is rarely needed, and unloads the module."""
    name = __name__.rpartition(".")[0] + "." + module
    __import__(name)
    try:
        return getattr(sys.modules[name], function)(*arguments)
    finally:
        unload(module)
