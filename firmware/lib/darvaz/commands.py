"""The commands of a board: declared by the maker, checked, run at the same time, and always answered."""

import asyncio

from .arguments import check_arguments
from .codec import check_value
from .messages import ARGUMENTS, NAME

COMMANDS_MAX = 32
# Commands that run at the same time; one more is answered with "busy".
RUNNING_MAX = 8
DEADLINE_S = 30
MESSAGE_CHARS_MAX = 256


async def finish(value, deadline_ms):
    """Returns a value, or awaits the coroutine of an async function up to the deadline."""
    if hasattr(value, "send"):
        return await asyncio.wait_for_ms(value, deadline_ms)
    return value


class Commands:
    """Holds the commands and runs them; `send` takes an ack and returns whether it was sent."""

    def __init__(self, send, log):
        self._send = send
        self._log = log
        # By name: (function, declared arguments, deadline in ms).
        self._known = {}
        self._running = 0

    def add(self, name, handler, arguments, deadline_s=DEADLINE_S):
        """Declares a function as a command; raises ValueError if the declaration is wrong."""
        problem = check_value(name, NAME) or check_value(arguments, ARGUMENTS)
        if problem is not None:
            raise ValueError("command %s, %s: expected %s" % (name, problem[0] or "name", problem[1]))
        if name not in self._known and len(self._known) >= COMMANDS_MAX:
            raise ValueError("a board has at most %d commands" % COMMANDS_MAX)
        self._known[name] = (handler, arguments, int(deadline_s * 1000))

    def declared(self):
        """Returns the declared arguments of each command by name, for the connect message."""
        return {name: self._known[name][1] for name in self._known}

    def start(self, number, name, args):
        """Starts a command and returns at once; its ack always follows."""
        self._log.debug("command %s %s" % (name, args))
        known = self._known.get(name)
        if known is None:
            self._refuse(number, "no command %s; there are: %s" % (name, ", ".join(sorted(self._known))))
            return
        if self._running >= RUNNING_MAX:
            self._refuse(number, "busy: %d commands are running" % RUNNING_MAX)
            return
        try:
            args = check_arguments(known[1], args)
        except ValueError as error:
            self._refuse(number, str(error))
            return
        self._running += 1
        asyncio.create_task(self._run(number, name, known, args))

    async def _run(self, number, name, known, args):
        handler, _, deadline_ms = known
        try:
            self._answer(number, await finish(handler(**args), deadline_ms))
        except asyncio.TimeoutError:
            self._log.error("command %s: no result in %s s" % (name, deadline_ms / 1000))
            self._refuse(number, "no result in %s s" % (deadline_ms / 1000))
        except Exception as error:  # noqa: BLE001 (a maker's function that fails must not end the link)
            self._log.exception("command %s failed" % name, error)
            self._refuse(number, "%s: %s" % (type(error).__name__, error))
        finally:
            self._running -= 1

    def _answer(self, number, result):
        ack = {"type": "ack", "id": number, "status": "ok"}
        if result is not None:
            ack["result"] = result
        self._send(ack)

    def _refuse(self, number, text):
        self._send({"type": "ack", "id": number, "status": "error", "message": text[:MESSAGE_CHARS_MAX]})
