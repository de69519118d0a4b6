"""Measured values: functions of the maker, called in their own rhythm, reported whether online or not."""

import asyncio

from .codec import check_value
from .commands import finish
from .messages import MEASUREMENT, NAME

TELEMETRY_MAX = 64
EVERY_MS_LEAST = 100


class Telemetry:
    """Holds the measurements; `report` takes a dictionary of values by name."""

    def __init__(self, report, log):
        self.declared = {}
        self._report = report
        self._log = log
        self._measurements = []

    def add(self, function, every_s, about):
        """Makes a function a measured value of its name; raises ValueError where the declaration is wrong."""
        name = function.__name__
        trouble = check_value(name, NAME) or check_value(about, MEASUREMENT)
        if trouble is not None:
            raise ValueError("telemetry %s, %s: expected %s" % (name, trouble[0] or "name", trouble[1]))
        if len(self._measurements) >= TELEMETRY_MAX:
            raise ValueError("a board has at most %d measured values" % TELEMETRY_MAX)
        self.declared[name] = about
        self._measurements.append((function, max(EVERY_MS_LEAST, int(every_s * 1000))))

    def start(self):
        """Starts measuring, each value in a task of its own."""
        for function, every_ms in self._measurements:
            asyncio.create_task(self._measure(function, every_ms))

    async def _measure(self, function, every_ms):
        last_trouble = None
        while True:
            try:
                value = await finish(function(), every_ms)
                if value is not None:
                    self._report(value if isinstance(value, dict) else {function.__name__: value})
                last_trouble = None
            except Exception as error:  # noqa: BLE001 (a sensor that fails must not end the program)
                # A sensor that is gone would fill the log with one sentence.
                if last_trouble != repr(error):
                    last_trouble = repr(error)
                    self._log.exception("telemetry %s failed" % function.__name__, error)
            await asyncio.sleep_ms(every_ms)
