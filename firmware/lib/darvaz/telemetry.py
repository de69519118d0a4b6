"""Telemetry: functions of the maker, each called at its own interval, reported whether online or not."""

import asyncio

from .codec import check_value
from .commands import finish
from .messages import MEASUREMENT, NAME

TELEMETRY_MAX = 64
EVERY_MS_LEAST = 100


class Telemetry:
    """Holds the functions and calls them; `report` takes a dictionary of values by name."""

    def __init__(self, report, log):
        # By name: unit, device_class and title, for the connect message.
        self.declared = {}
        self._report = report
        self._log = log
        # (function, interval in ms); at most TELEMETRY_MAX.
        self._measurements = []

    def add(self, function, every_s, about):
        """Declares a function as telemetry of the same name; raises ValueError if the declaration is wrong."""
        name = function.__name__
        problem = check_value(name, NAME) or check_value(about, MEASUREMENT)
        if problem is not None:
            raise ValueError("telemetry %s, %s: expected %s" % (name, problem[0] or "name", problem[1]))
        if len(self._measurements) >= TELEMETRY_MAX:
            raise ValueError("a board has at most %d measured values" % TELEMETRY_MAX)
        self.declared[name] = about
        self._measurements.append((function, max(EVERY_MS_LEAST, int(every_s * 1000))))

    def start(self):
        """Starts one task for each function."""
        for function, every_ms in self._measurements:
            asyncio.create_task(self._measure(function, every_ms))

    async def _measure(self, function, every_ms):
        last_problem = None
        while True:
            try:
                value = await finish(function(), every_ms)
                if value is not None:
                    self._report(value if isinstance(value, dict) else {function.__name__: value})
                last_problem = None
            except Exception as error:  # noqa: BLE001 (a sensor that fails must not end the program)
                # Once: a sensor that is gone would fill the log with one sentence.
                if last_problem != repr(error):
                    last_problem = repr(error)
                    self._log.exception("telemetry %s failed" % function.__name__, error)
            await asyncio.sleep_ms(every_ms)
