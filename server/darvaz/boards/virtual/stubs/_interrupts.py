"""The interrupts of a virtual board: a thread for timers, pins, and the terminal that code was given."""

import _thread
import sys
import time

_TURN_MS = 5
# Whether calls wait, for `machine.disable_irq`.
is_held = False
# Timers, pins and terminals: each has `turn(now_ms)`. The thread that calls them, once there was one.
_sources = []
_thread_ids = []


def add(source):
    """Calls `source.turn(now_ms)` again and again, until `remove`."""
    _sources.append(source)
    if not _thread_ids:
        _thread_ids.append(None)
        _thread.start_new_thread(_run, ())


def remove(source):
    """Ends that, and returns once no call is under way."""
    if source in _sources:
        _sources.remove(source)
        if _thread.get_ident() not in _thread_ids:
            last = _Once()
            _sources.append(last)
            while not last.is_done:
                time.sleep_ms(1)


class _Once:
    is_done = False

    def turn(self, now_ms):
        _sources.remove(self)
        self.is_done = True


def _run():
    _thread_ids.append(_thread.get_ident())
    while True:
        now_ms = time.ticks_ms()
        for source in () if is_held else list(_sources):
            try:
                source.turn(now_ms)
            except Exception as error:  # noqa: BLE001 (as the ports do: the next turn comes)
                sys.print_exception(error)
        time.sleep_ms(_TURN_MS)
