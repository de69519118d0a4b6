"""What a program declares, at work: its commands, and its telemetry.

Commands are checked, run at the same time, and always answered. Each runs in a task of its own. `tick` answers at the
deadline, whatever the handler does, and cancels it; a handler that goes on nevertheless keeps only its own command from
being called. Telemetry are functions, each called at its own interval, reported whether online or not.
"""

import asyncio

from . import unload
from .session import NUMBER_MAX

COMMANDS_MAX = 32
# Commands that run at the same time; one more is answered with "busy".
RUNNING_MAX = 8
DEADLINE_S = 30
DEADLINE_S_MAX = 600
MESSAGE_CHARS_MAX = 256
# By the declared type: the types that a value may have, and how people call them.
TYPES = {"number": (int, float), "integer": (int,), "string": (str,), "boolean": (bool,)}
_WORDS = {"number": "a number", "integer": "a whole number", "string": "a text", "boolean": "true or false"}

TELEMETRY_MAX = 64
EVERY_MS_LEAST = 100
# As SCALAR in messages.py has it.
CHARS_MAX = 256
# asyncio.sleep_ms raises OverflowError from 2**29 ms (6 days) on.
SLEEP_MS_MAX = 268435456


class _Call:
    """A command that runs: its number for the ack, None once it was answered."""

    def __init__(self, number, name, due_ms):
        self.number = number
        self.name = name
        self.due_ms = due_ms
        self.task = None


class Commands:
    """Holds the commands and runs them; `send` takes an ack and returns whether it was sent."""

    def __init__(self, send, log, now_ms):
        self._send = send
        self._log = log
        self._now_ms = now_ms
        # By name: (function, declared arguments, deadline in ms).
        self.known = {}
        # Names of the library's own commands: they are never refused as busy.
        self.own = []
        # Calls whose handler has not ended.
        self._calls = []

    def start(self, number, name, args):
        """Starts a command and returns at once; its ack always follows."""
        self._log.debug("command %s %s" % (name, args))
        known = self.known.get(name)
        if known is None:
            self._refuse(number, "no command %s; there are: %s" % (name, ", ".join(sorted(self.known))))
            return
        if name not in self.own and (why := self._why_busy(name)) is not None:
            self._refuse(number, why)
            return
        if known[1] or args:
            try:
                args = check_arguments(known[1], args)
            except ValueError as error:
                self._refuse(number, str(error))
                return
        call = _Call(number, name, self._now_ms() + known[2])
        call.task = asyncio.create_task(self._run(call, known[0], args))
        self._calls.append(call)

    def tick(self):
        """Answers and cancels the commands that are late; call it a few times a second."""
        now_ms = self._now_ms()
        for call in self._calls:
            if call.number is not None and now_ms >= call.due_ms:
                deadline_s = self.known[call.name][2] / 1000
                number, call.number = call.number, None
                self._refuse(number, "no result in %s s" % deadline_s)
                self._log.error("command %s: no result in %s s" % (call.name, deadline_s))
                call.task.cancel()

    def _why_busy(self, name):
        running = 0
        for call in self._calls:
            if call.number is not None:
                running += 1
            elif call.name == name:
                return "busy: the last %s goes on after its deadline" % name
        return "busy: %d commands are running" % RUNNING_MAX if running >= RUNNING_MAX else None

    async def _run(self, call, handler, args):
        try:
            result = handler(**args)
            if hasattr(result, "send"):
                result = await result
            if call.number is not None:
                ack = {"type": "ack", "id": call.number, "status": "ok"}
                if result is not None:
                    ack["result"] = result
                self._send(ack)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 (whatever a maker's function raises, the command is answered)
            if call.number is not None:
                self._on_failed(call, error)
        finally:
            if call in self._calls:
                self._calls.remove(call)

    def _on_failed(self, call, error):
        try:
            from . import traceback_text

            text = traceback_text.describe(error)
        except MemoryError:
            text = "the board's memory is short"
        self._log.exception("command %s failed" % call.name, error)
        self._refuse(call.number, text)

    def _refuse(self, number, text):
        self._send({"type": "ack", "id": number, "status": "error", "message": text[:MESSAGE_CHARS_MAX]})


def check_arguments(declared, given):
    """Returns the arguments with defaults filled in; raises ValueError with a sentence for the caller."""
    for name in given:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise ValueError("%s is not an argument of this command; it takes: %s" % (name, known))
    checked = {}
    for name in declared:
        if name in given:
            check_argument(name, given[name], declared[name])
            checked[name] = given[name]
        elif "default" in declared[name]:
            checked[name] = declared[name]["default"]
        else:
            raise ValueError("%s is missing: expected %s" % (name, _WORDS[declared[name]["type"]]))
    return checked


def check_argument(name, value, rule):
    """Raises ValueError with a sentence if a value does not keep the rule of its declaration."""
    kind = rule["type"]
    if type(value) not in TYPES[kind]:
        raise ValueError("%s must be %s, not %r" % (name, _WORDS[kind], value))
    if "min" in rule and value < rule["min"]:
        raise ValueError("%s must be at least %s, not %s" % (name, rule["min"], value))
    if "max" in rule and value > rule["max"]:
        raise ValueError("%s must be at most %s, not %s" % (name, rule["max"], value))
    if "choices" in rule and value not in rule["choices"]:
        raise ValueError(
            "%s must be one of %s, not %r" % (name, ", ".join([str(each) for each in rule["choices"]]), value)
        )


# Telemetry


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


async def sleep_long(wait_ms):
    """Sleeps for any number of milliseconds."""
    while wait_ms > SLEEP_MS_MAX:
        await asyncio.sleep_ms(SLEEP_MS_MAX)
        wait_ms -= SLEEP_MS_MAX
    await asyncio.sleep_ms(max(0, wait_ms))
