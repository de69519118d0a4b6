"""The terminal of code that runs in place of the program: what is typed, what is printed, and Ctrl-C ahead of both."""

import binascii
import io
import json
import os
import time

import micropython

OUTPUT_BYTES = 768
# The gateway has no more under way; it is told what was taken after a third of that.
INPUT_BYTES_MAX = 3072
_TAKEN_BYTES = 1024
EVENTS_MAX = 16
WRITE_MS = 5000
# After this time, code that goes on after Ctrl-C although nobody is there ends by a reset.
STUCK_MS = 10000
_CTRL_C = 3
_POLL = 3
_READABLE = 1
_WRITABLE = 4


class Keyboard:
    """Stands for the module `micropython`, to see whether code takes Ctrl-C as any byte, as mpremote's mount does."""

    is_raw = False

    def __getattr__(self, name):
        return getattr(micropython, name)

    def kbd_intr(self, code):
        """Sets the byte that interrupts; -1: none does."""
        micropython.kbd_intr(code)
        self.is_raw = code != _CTRL_C


keyboard = Keyboard()


class Stream(io.IOBase):
    """The terminal of code that runs: what it prints goes out in pieces, and what is typed comes in.

    Ctrl-C overtakes what was typed, which is dropped. It is raised wherever the board is, also in these methods: none
    is passed on while one of them is at work.

    An import from a mounted folder leaves little stack: on the way of a byte are few calls, and no module is loaded.
    """

    def __init__(self, device, number):
        self._device = device
        self._link = device.link
        self._number = number
        self._output, self._size = bytearray(OUTPUT_BYTES), 0
        # What was typed, up to where the code has taken it; and how much was taken or dropped, and not told.
        self._typed, self._at, self._taken = bytearray(), 0, 0
        # The answer to the gateway's `interrupt` that is due, or nothing.
        self._answer = b""
        # Whether a method is at work; and whether a Ctrl-C is due, also one that such a method has swallowed.
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
        return argument & (_WRITABLE | _READABLE if self._at < len(self._typed) else _WRITABLE)

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
            # Not from here: it would be raised here.
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
        if self._at == len(self._typed) and not self._is_due:
            self._is_busy = True
            self._serve()
            self._is_busy = False
        if self._is_due:
            self._is_due = False
            view[0] = _CTRL_C
            return 1
        if self._at == len(self._typed):
            return None
        view[0] = self._typed[self._at]
        self._at += 1
        self._taken += 1
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
        connection = link._connection
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
            if message["type"] != "prompt" or not self.type(message):
                return False
        except (ValueError, TypeError, KeyError):
            # The session says what is wrong with it.
            return False
        session._received_ms, session._asked_since_ms = self._link._now_ms(), None
        return True

    def type(self, message):
        """Takes a step of the prompt, and returns whether it is one of typing; without a call, for little stack."""
        step, data = message["step"], b""
        if step == "interrupt":
            self._answer = b',"interrupted":false' if keyboard.is_raw else b',"interrupted":true'
        elif step == "input":
            data = binascii.a2b_base64(message["data"])
        else:
            return False
        if not keyboard.is_raw and (not data or b"\x03" in data):
            self._taken += len(self._typed) - self._at
            self._typed, self._at, self._is_due = bytearray(), 0, True
            data = data[data.rfind(b"\x03") + 1 :]
        if data and len(self._typed) - self._at + len(data) <= INPUT_BYTES_MAX:
            self._typed, self._at = self._typed[self._at :] + data, 0
        return True

    def _flush(self, link):
        session, websocket = link._session, link._websocket
        more = b""
        if self._size:
            more = b',"data":"%s"' % binascii.b2a_base64(bytes(self._output[: self._size]))[:-1]
            self._size = 0
        if self._answer or self._taken >= _TAKEN_BYTES:
            more += b',"taken_bytes":%d%s' % (self._taken, self._answer)
            self._answer, self._taken = b"", 0
        if more:
            session.writes.append(b'{"type":"prompt_output","id":%d,"state":"more"%s}' % (self._number, more))
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
        return self._is_due

    def _end_where_alone(self):
        """Interrupts code whose session is over, and resets the board if that does not help."""
        self._is_due = True
        now_ms = time.ticks_ms()
        if self._asked_ms is None:
            self._asked_ms = now_ms
            keyboard.kbd_intr(_CTRL_C)
        elif time.ticks_diff(now_ms, self._asked_ms) > STUCK_MS:
            self._device.outbox.save()
            self._device.board.reset()
