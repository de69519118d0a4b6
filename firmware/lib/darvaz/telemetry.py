"""Telemetry: functions of the maker, each called at its own interval, reported whether online or not."""

import asyncio

from . import unload
from .clock import SLEEP_MS_MAX, sleep_long

TELEMETRY_MAX = 64
EVERY_MS_LEAST = 100
# As SCALAR in messages.py has them.
NUMBER_MAX = 1000000000000000
CHARS_MAX = 256


class Telemetry:
    """Holds the functions and calls them; `report` takes a dictionary of values by name, as `pack` returns it."""

    def __init__(self, report, log, now_ms):
        # By name: unit, device_class and title, for the connect message.
        self.declared = {}
        self._report = report
        self._log = log
        self._now_ms = now_ms
        # (function, name, interval in ms); at most TELEMETRY_MAX.
        self.measurements = []
        # Names that were reported and are good.
        self._names = {}

    async def measure(self, function, name, every_ms):
        """Calls a function at its interval, for good."""
        trouble = None
        due_ms = self._now_ms()
        while True:
            wait_ms = every_ms
            try:
                await self._take(function, name, min(every_ms, SLEEP_MS_MAX))
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 (nothing that a sensor raises may end its task)
                try:
                    if trouble is None:
                        from .trouble import Trouble

                        trouble = Trouble(self._log, "telemetry %s failed" % name)
                    trouble.note(error, self._now_ms())
                except MemoryError:
                    pass
            try:
                # A slow sensor does not delay the next value; what was missed is not made up for.
                due_ms = max(due_ms + every_ms, self._now_ms())
                wait_ms = due_ms - self._now_ms()
            except MemoryError:
                pass
            await (asyncio.sleep_ms(wait_ms) if wait_ms <= SLEEP_MS_MAX else sleep_long(wait_ms))

    async def _take(self, function, name, deadline_ms):
        value = function()
        if hasattr(value, "send"):
            value = await asyncio.wait_for_ms(value, deadline_ms)
        if value is not None:
            values, missing = self.pack(value if isinstance(value, dict) else {name: value})
            if values:
                self._report(values)
            if missing:
                raise ValueError("no number, left out: " + ", ".join(missing))

    def pack(self, values):
        """Returns (the values that can be sent, the names of those that are None, NaN or infinite, or None).

        Raises ValueError for a name or a value that no report can hold.
        """
        missing = None
        for name in values:
            value = values[name]
            kind = type(value)
            if name not in self._names:
                from . import declarations

                declarations.accept_name(self._names, name)
                unload("declarations", "rules", "checking")
            if kind is int or kind is float:
                # NaN fails both comparisons.
                if not -NUMBER_MAX <= value <= NUMBER_MAX:
                    if value - value == 0:
                        raise ValueError("%s: expected a number from -%d to %d" % (name, NUMBER_MAX, NUMBER_MAX))
                    missing = (missing or []) + [name]
            elif value is None:
                missing = (missing or []) + [name]
            elif kind is str:
                if len(value) > CHARS_MAX:
                    raise ValueError("%s: expected a string of 0 to %d characters" % (name, CHARS_MAX))
            elif kind is not bool:
                raise ValueError("%s: expected a number, a text or a truth value" % name)
        if len(values) > TELEMETRY_MAX:
            raise ValueError("expected at most %d values" % TELEMETRY_MAX)
        if missing:
            values = {name: values[name] for name in values if name not in missing}
        return values, missing
