"""Interrupts of pins: a function is called when a test changes what a pin reads."""

import sys

import _interrupts
from _host import ask

# What is called, by pin.
_irqs = {}


class PinIrq:
    """The interrupt of one pin."""

    def __init__(self, pin, handler, trigger):
        self._pin = pin
        self._handler = handler
        self._trigger = trigger
        self._flags = 0

    def flags(self):
        """Returns what caused the last call."""
        return self._flags

    def trigger(self, trigger=None):
        """Returns what causes a call, and changes it."""
        before = self._trigger
        if trigger is not None:
            self._trigger = trigger
        return before

    def call(self, flag):
        """Calls the function, if this edge causes it."""
        if self._trigger & flag and self._handler is not None:
            self._flags = flag
            self._handler(self._pin)


class _Edges:
    def turn(self, now_ms):
        for name, level in ask("take_edges")["edges"]:
            irq = _irqs.get(name)
            if irq is not None:
                self._call(irq, level)

    def _call(self, irq, level):
        pin = irq._pin
        try:
            irq.call(pin.IRQ_RISING if level else pin.IRQ_FALLING)
        except Exception as error:  # noqa: BLE001 (as the ports do: the next edge comes)
            sys.print_exception(error)


_edges = _Edges()


def set_irq(pin, handler, trigger):
    """Calls a function on the edges of a pin, or nothing any more."""
    name = str(pin.id)
    was_on = bool(_irqs)
    if handler is None:
        _irqs.pop(name, None)
    else:
        _irqs[name] = PinIrq(pin, handler, trigger)
    ask("watch_pin", id=pin.id, is_on=handler is not None)
    if bool(_irqs) != was_on:
        (_interrupts.remove if was_on else _interrupts.add)(_edges)
    return _irqs.get(name) or PinIrq(pin, None, trigger)
