"""A network that is always there: for tests that are about the gateway, not about Wi-Fi."""

STA_IF = 0


def country(code):
    """Accepts any country."""


def hostname(name):
    """Accepts any name."""


class WLAN:
    """An interface that joins at once."""

    def __init__(self, interface):
        self._is_active = self._is_joined = False

    def active(self, on=None):
        """Turns the radio on or off, or returns whether it is on."""
        if on is not None:
            self._is_active = on
            self._is_joined = self._is_joined and on
        return self._is_active

    def isconnected(self):
        """Returns whether the station has joined."""
        return self._is_joined

    def connect(self, ssid, key=None):
        """Joins."""
        self._is_joined = True

    def disconnect(self):
        """Leaves."""
        self._is_joined = False

    def ifconfig(self):
        """Returns the addresses."""
        return ("127.0.0.1" if self._is_joined else "0.0.0.0", "255.0.0.0", "127.0.0.1", "127.0.0.1")

    def config(self, **settings):
        """Accepts any setting."""

    def scan(self):
        """Sees nothing."""
        return []

    def status(self, what=None):
        """Returns a signal, or that there is an address."""
        return -60 if what else 3
