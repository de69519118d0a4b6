"""The pins of a virtual board, which `machine` has."""

from _host import KIND, ask, load

_IS_PICO = KIND == "pico"
_PINS = 30 if _IS_PICO else 40
# The one object of each pin, as on boards.
_known = {}


class Pin:
    """A pin by number or name; the hardware's state has the levels of inputs."""

    if _IS_PICO:
        IN, OUT, OPEN_DRAIN, ALT = 0, 1, 2, 3
        PULL_UP, PULL_DOWN = 1, 2
        IRQ_FALLING, IRQ_RISING = 4, 8
    else:
        IN, OUT, OPEN_DRAIN = 1, 3, 7
        PULL_DOWN, PULL_UP = 1, 2
        IRQ_RISING, IRQ_FALLING = 1, 2

    def __new__(cls, id, *words, **more):
        if isinstance(id, Pin):
            return id
        if _IS_PICO and isinstance(id, str) and id[:2] == "GP" and id[2:].isdigit():
            id = int(id[2:])
        if id not in _known:
            if isinstance(id, int) and not 0 <= id < _PINS:
                raise ValueError("invalid pin")
            pin = _known[id] = object.__new__(cls)
            pin.id = id
            pin._mode = None
            pin._value = 0
        return _known[id]

    def __init__(self, id, mode=-1, pull=-1, value=None, **more):
        if mode != -1 or pull != -1 or value is not None or self._mode is None:
            self.init(mode, pull, value, **more)

    def init(self, mode=-1, pull=-1, value=None, **more):
        """Changes what is given."""
        state = {}
        if mode != -1 or self._mode is None:
            self._mode = self.IN if mode == -1 else mode
            state["mode"] = {self.IN: "in", self.OUT: "out", self.OPEN_DRAIN: "open_drain"}.get(self._mode, "alt")
        if pull != -1:
            state["pull"] = {self.PULL_UP: "up", self.PULL_DOWN: "down"}.get(pull)
        if value is not None:
            self._value = state["value"] = 1 if value else 0
        if state:
            ask("pin", id=self.id, **{"is": state})

    def __repr__(self):
        return "Pin(%s)" % self.id

    def value(self, level=None):
        """Sets the level, or returns it."""
        if level is None:
            # A line that others may pull down, too.
            is_driven = self._mode == self.OUT or (self._mode == self.OPEN_DRAIN and not self._value)
            return self._value if is_driven else ask("read_pin", id=self.id)["value"]
        self._value = 1 if level else 0
        ask("pin", id=self.id, **{"is": {"value": self._value}})

    __call__ = value

    def on(self):
        """Sets the level high."""
        self.value(1)

    def off(self):
        """Sets the level low."""
        self.value(0)

    def toggle(self):
        """Changes the level."""
        self.value(1 - self._value)

    if _IS_PICO:
        high, low = on, off

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, **more):
        """Calls a function with this pin when its level changes."""
        return load("_pin_irq").set_irq(self, handler, trigger)


class _Names:
    """The pins by their names, as attributes: those of the board begin with GP, those of the chip with GPIO."""

    def __init__(self, prefix):
        self._prefix = prefix

    def __getattr__(self, name):
        number = name[len(self._prefix) :]
        if name.startswith(self._prefix) and number.isdigit() and int(number) < _PINS:
            return Pin(int(number))
        if name == "LED" and _IS_PICO:
            return Pin(name)
        raise AttributeError(name)


Pin.board = _Names("GP" if _IS_PICO else "GPIO")
if _IS_PICO:
    Pin.cpu = _Names("GPIO")


class Signal:
    """A pin whose level may mean the opposite."""

    def __init__(self, pin, *words, invert=False, **more):
        self._pin = pin if isinstance(pin, Pin) else Pin(pin, *words, **more)
        self._is_inverted = bool(invert)

    def value(self, level=None):
        """Sets the level, or returns it."""
        if level is None:
            return self._pin.value() ^ self._is_inverted
        self._pin.value(bool(level) ^ self._is_inverted)

    __call__ = value

    def on(self):
        """Makes it active."""
        self.value(1)

    def off(self):
        """Makes it inactive."""
        self.value(0)
