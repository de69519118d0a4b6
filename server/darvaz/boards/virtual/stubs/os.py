"""A stub of `os`: the terminal can be given to code as well, as on boards; everything else is real."""

import binascii

from uos import *  # noqa: F403 (this is all of it but two)

# As many as a board keeps for code that reads.
_TYPED_BYTES_MAX = 256
# The one that was given; None while there is none.
_terminal = None


def dupterm(stream, index=0):
    """Gives what the board prints to a stream as well, and types what it reads; returns the one before."""
    global _terminal
    import _interrupts

    before = _terminal
    if before is not None:
        _interrupts.remove(before)
        before.end()
    _terminal = None
    if stream is not None:
        _terminal = _Terminal(stream)
        _interrupts.add(_terminal)
    return before.stream if before is not None else None


def dupterm_notify(_):
    """Has the stream read, also where what it gave was not read by the code."""
    if _terminal is not None:
        _terminal.is_notified = True


class _Terminal:
    def __init__(self, stream):
        from _host import ask

        self.stream = stream
        self._ask = ask
        self._byte = bytearray(1)
        # How much of what it gave was not read by the code; and whether it is to be read nevertheless.
        self._waiting = 0
        self.is_notified = False
        ask("copy_output", is_on=True)

    def turn(self, now_ms):
        """Types what was read, and passes on what was printed."""
        typed = bytearray()
        least, self.is_notified = self.is_notified, False
        while len(typed) < max(least, _TYPED_BYTES_MAX - self._waiting) and self.stream.readinto(self._byte):
            typed += self._byte
        if typed:
            self._ask("type", data=binascii.b2a_base64(typed).decode())
        self._pass_on()

    def end(self):
        """Passes on the rest."""
        while self._pass_on():
            pass
        self._ask("copy_output", is_on=False)

    def _pass_on(self):
        answer = self._ask("take_output")
        self._waiting = answer["waiting"]
        printed = binascii.a2b_base64(answer["data"])
        if printed:
            self.stream.write(printed)
        return bool(printed)
