"""The prompt with the program stopped: code has the board alone, with input, output and Ctrl-C. Loaded while in use.

asyncio waits while code runs. A timer serves the link meanwhile, through the stream that is the board's terminal; so
does each wait of the code for input. The code has an asyncio of its own: what it runs may make a new event loop.
"""

import asyncio
import binascii
import io
import json
import os
import time

from . import traceback_text

TICK_MS = 50
OUTPUT_BYTES = 768
# Typed ahead; what is beyond is dropped.
INPUT_BYTES_MAX = 4096
# Code that has taken input within this time is a reader: what is beyond half of that waits in the network.
READER_MS = 1000
# Passed on for a Ctrl-C behind them: the ports hold at least 256 bytes.
_AHEAD_BYTES = 64
EVENTS_MAX = 16
WRITE_MS = 5000
# After this time, code that goes on after Ctrl-C although nobody is there ends by a reset.
STUCK_MS = 10000
_CANCEL_MS = 1000
_CTRL_C = b"\x03"
_POLL = 3
_READABLE, _WRITABLE = 1, 4
_core = asyncio.core  # type: ignore[attr-defined]


async def stop(device):
    """Cancels what the program runs, and leaves only the library's own commands; returns why it cannot, or None."""
    from . import facts

    if facts.has_releases():
        from . import trial

        state = trial.describe()["state"]
        trial.leave()
        if state == "trial":
            return "a release is on trial on this board: wait until it is good, or falls back"
    device.is_stopped = True
    device.log.info("the program is stopped, for the prompt")
    commands = device.commands
    for name in list(commands.known):
        if name not in commands.own:
            del commands.known[name]
    own = device.own + device.link.tasks + [asyncio.current_task()]
    for _ in range(_CANCEL_MS // TICK_MS):
        others = [task for task in _waiting() if task not in own]
        if not others:
            break
        # Again, as a task may go on after the first.
        for task in others:
            task.cancel()
        await asyncio.sleep_ms(TICK_MS)
    return None


def _waiting():
    """Returns the tasks that wait for a time, or for a socket."""
    tasks = []
    while _core._task_queue.peek():
        tasks.append(_core._task_queue.pop())
    for task in tasks:
        _core._task_queue.push(task, task.ph_key)
    for entry in _core._io_queue.map.values():
        tasks += [task for task in entry[:2] if task is not None]
    return tasks


def can_run(device):
    """Whether this board can pass on its terminal; without, output is kept until the end, and there is no Ctrl-C."""
    return hasattr(os, "dupterm_notify") and hasattr(device.board, "every")


async def run(device, number, scope, code, is_value, typed):
    """Runs code in place of the program, and returns the text of its exception, or None.

    `typed` has base64 that came before it began.
    """
    link = device.link
    # Nothing may be under way: the stream begins with whole packets.
    while link._session is not None and (link._session.writes or link._write_since_ms is not None):
        await asyncio.sleep_ms(1)
    if link._session is None or not device.is_stopped:
        return None
    stream = Stream(device, number)
    for data in typed:
        stream.type(data)
    kept = _core._task_queue, _core._io_queue, _core.cur_task, link._wake
    own = _core.TaskQueue(), _core.IOQueue(), None, asyncio.Event()
    _core._task_queue, _core._io_queue, _core.cur_task, link._wake = own
    error = before = timer = None
    try:
        before = os.dupterm(stream)
        timer = device.board.every(TICK_MS, stream.tick)
        error = _execute(scope, code, is_value)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 (also the terminal may fail)
        error = traceback_text.traceback(failure) + "\n"
    while True:
        try:
            stream.is_ended = True
            if timer is not None:
                timer.deinit()
                timer = None
            os.dupterm(before)
            break
        except KeyboardInterrupt:
            # Of the last moment.
            pass
    stream.serve()
    _core._task_queue, _core._io_queue, _core.cur_task, link._wake = kept
    link._wake.set()
    return error


def _execute(scope, code, is_value):
    scope.pop("print", None)
    try:
        if not is_value:
            exec(code, scope)
            return None
        value = eval(code, scope)
        if hasattr(value, "send"):
            value = asyncio.run(value)
        if value is not None:
            print(repr(value))
    except SystemExit:
        return None
    except BaseException as failure:  # noqa: BLE001 (whatever the code raises is its answer)
        return traceback_text.traceback(failure) + "\n"


class Stream(io.IOBase):
    """The terminal of code that runs: what it prints goes out in pieces, and what is typed comes in.

    Ctrl-C is raised wherever the board is, also in these methods: none is passed on while one of them is at work.

    An import from a mounted folder leaves little stack: on the way of a byte are few calls, and no module is loaded.
    """

    def __init__(self, device, number):
        self._device = device
        self._link = device.link
        self._number = number
        self._output, self._size = bytearray(OUTPUT_BYTES), 0
        # What was typed, up to where the code has taken it, and when it last took some.
        self._input, self._at, self._given_ms = bytearray(), 0, time.ticks_ms()
        # Whether a method is at work; and whether it has swallowed a Ctrl-C, which is due again.
        self._is_busy = self._is_due = False
        # Whether the code is over; whether the session was closed; and when it was asked to end for that, or None.
        self.is_ended = self._is_closed = False
        self._asked_ms = None

    def readinto(self, view):
        """Returns one byte that was typed, or None."""
        try:
            return self._give(view)
        except KeyboardInterrupt:
            self._is_due = True
            return self._give(view)

    def write(self, data):
        """Takes what is printed."""
        self._guard(self._take, data)
        if self._is_interrupted():
            # The end of this call is the one place from which it reaches code that only prints.
            os.dupterm_notify(None)
        return len(data)

    def ioctl(self, request, argument):
        """Says whether something was typed."""
        if request != _POLL:
            return 0
        self._guard(self.serve)
        return argument & (_WRITABLE | _READABLE if self._at < len(self._input) else _WRITABLE)

    def tick(self, timer=None):
        """Serves the link while the code does not wait for input, and passes on a Ctrl-C."""
        watchdog = self._device.watchdog
        if watchdog is not None:
            watchdog.feed()
        try:
            self._guard(self.serve)
        except RuntimeError:
            # The code is so deep in calls that there is no stack for this; the next tick may find some.
            return
        if self._is_interrupted():
            # Not from here: it would be raised here. Bytes before it go to the port's own buffer, in their order.
            import micropython

            try:
                micropython.schedule(os.dupterm_notify, None)
            except RuntimeError:
                # Much waits to be called; what is printed about it would come between the code's own bytes.
                pass

    def _guard(self, method, *arguments):
        """Calls a method; a Ctrl-C that is pending is raised at its first jump, where it has done nothing yet."""
        try:
            return method(*arguments)
        except KeyboardInterrupt:
            self._is_due = True
            return method(*arguments)

    def _give(self, view):
        if self._is_busy or self.is_ended:
            return None
        if self._at == len(self._input) and not self._is_due:
            self._is_busy = True
            self._serve()
            self._is_busy = False
        if self._is_due:
            self._is_due = False
            view[0] = _CTRL_C[0]
            return 1
        if self._at == len(self._input):
            return None
        view[0] = self._input[self._at]
        self._at += 1
        self._given_ms = time.ticks_ms()
        return 1

    def _take(self, data):
        if self._is_busy:
            # Printed by what serves the link.
            return
        self._is_busy, at = True, 0
        while at < len(data) and self._link.end_reason is None:
            count = min(len(data) - at, OUTPUT_BYTES - self._size)
            self._output[self._size : self._size + count] = data[at : at + count]
            self._size += count
            at += count
            if self._size == OUTPUT_BYTES:
                self._serve()
        self._is_busy = False

    # The link

    def serve(self):
        """Reads and writes what there is."""
        if not self._is_busy:
            self._is_busy = True
            self._serve()
            self._is_busy = False

    def _serve(self):
        link = self._link
        if link.end_reason is not None or link._session is None:
            self._size = 0
            return
        try:
            self._read(link)
            self._flush(link)
        except (MemoryError, RuntimeError):
            # The code has it, or the stack; the next tick may find some.
            pass
        except Exception as error:  # noqa: BLE001 (no failure of a link may end the terminal)
            self._size = 0
            link._on_failed(error)

    def _read(self, link):
        websocket, session = link._websocket, link._session
        connection, count = link._connection, None
        is_reader = time.ticks_diff(time.ticks_ms(), self._given_ms) < READER_MS
        if not is_reader or len(self._input) - self._at < INPUT_BYTES_MAX // 2:
            count = connection._call(connection._sock.readinto, websocket.input_space())
        if count is not None:
            websocket.receive(count)
            event = websocket.take_event()
            while event is not None:
                if event[0] != "text" or not self._take_typed(session, event[1]):
                    link._on_event(session, event)
                event = websocket.take_event()
        session.tick(link._now_ms())
        later: list = []
        for event in session.events:
            if event[0] == "lost":
                link.end(event[1])
            elif len(later) < EVENTS_MAX:
                self._is_closed = self._is_closed or (event[0] == "prompt" and event[1]["step"] == "close")
                later.append(event)
        session.events[:] = later

    def _take_typed(self, session, text):
        """Takes what was typed, and returns whether the text is that; the rules of messages need too much stack."""
        try:
            message = json.loads(text)
            if message["type"] != "prompt" or message["step"] != "input":
                return False
            self.type(message["data"])
        except (ValueError, TypeError, KeyError):
            # The session says what is wrong with it.
            return False
        session._received_ms, session._asked_since_ms = self._link._now_ms(), None
        return True

    def type(self, text):
        """Takes what was typed, in base64."""
        data = binascii.a2b_base64(text)
        if len(self._input) - self._at + len(data) <= INPUT_BYTES_MAX:
            self._input, self._at = self._input[self._at :] + data, 0
        elif _CTRL_C in data:
            # Nobody reads what was typed before.
            self._input, self._at = bytearray(_CTRL_C), 0

    def _flush(self, link):
        session, websocket = link._session, link._websocket
        if self._size:
            data = binascii.b2a_base64(bytes(self._output[: self._size]))[:-1]
            session.writes.append(b'{"type":"prompt_output","id":%d,"state":"more","data":"%s"}' % (self._number, data))
            self._size = 0
        packet = websocket.take_write()
        while packet is not None or session.writes:
            self._put(link, packet or websocket.send_text(session.writes.pop(0)))
            packet = websocket.take_write()

    def _put(self, link, packet):
        view, at = memoryview(packet), 0
        since_ms = time.ticks_ms()
        connection = link._connection
        while at < len(view):
            at += connection._call(connection._sock.write, view[at:]) or 0
            if at < len(view):
                if time.ticks_diff(time.ticks_ms(), since_ms) > WRITE_MS:
                    raise OSError("the network takes nothing")
                time.sleep_ms(5)

    def _is_interrupted(self):
        if self.is_ended or self._is_busy:
            return False
        if self._is_closed or self._link.end_reason is not None:
            self._end_where_alone()
        return self._is_due or _CTRL_C in bytes(self._input[self._at : self._at + _AHEAD_BYTES])

    def _end_where_alone(self):
        """Interrupts code whose session is over, and resets the board if that does not help."""
        self._is_due = True
        now_ms = time.ticks_ms()
        if self._asked_ms is None:
            self._asked_ms = now_ms
        elif time.ticks_diff(now_ms, self._asked_ms) > STUCK_MS:
            self._device.outbox.save()
            self._device.board.reset()
