"""The commands of a board: declared by the maker, checked, run at the same time, and always answered.

Each runs in a task of its own. `tick` answers at the deadline, whatever the handler does, and cancels it; a handler
that goes on nevertheless keeps only its own command from being called.
"""

import asyncio

COMMANDS_MAX = 32
# Commands that run at the same time; one more is answered with "busy".
RUNNING_MAX = 8
DEADLINE_S = 30
DEADLINE_S_MAX = 600
MESSAGE_CHARS_MAX = 256


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
            from .arguments import check_arguments

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
                self._answer(call.number, result)
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

    def _answer(self, number, result):
        ack = {"type": "ack", "id": number, "status": "ok"}
        if result is not None:
            ack["result"] = result
        self._send(ack)

    def _refuse(self, number, text):
        self._send({"type": "ack", "id": number, "status": "error", "message": text[:MESSAGE_CHARS_MAX]})
