"""The station interface of the board's Wi-Fi. Only this file imports `network`."""

from . import unload


class Wifi:
    """The station interface. `networks` are dictionaries with ssid and password, in the order to try.

    `power_save` is the port's value for no power saving, or None to leave it.
    """

    def __init__(self, networks, hostname, country, power_save, log):
        import network

        # The module `network` and its station, for joining.py.
        self.port = network
        self.station = network.WLAN(network.STA_IF)
        self.networks = networks
        self.hostname = hostname[:32]
        self.country = country
        self.power_save = power_save
        self.log = log

    def is_joined(self):
        """Whether the interface reports it; it may be wrong for minutes, so only traffic proves it."""
        return self.station.isconnected() and self.address() != "0.0.0.0"

    def address(self):
        """Returns the board's address, or 0.0.0.0."""
        return self.station.ifconfig()[0]

    def rssi_dbm(self):
        """Returns the signal strength, or None if the port does not know it."""
        try:
            return self.station.status("rssi")
        except (OSError, ValueError, TypeError):
            return None

    def leave(self):
        """Turns the radio off, which ends a link that looks alive and is dead."""
        try:
            if self.station.active():
                self.station.disconnect()
        except OSError:
            # It was not joined.
            pass
        self.station.active(False)

    async def join(self):
        """Joins the first network that accepts the board and returns whether one did; the log has the reasons."""
        if self.is_joined():
            return True
        from . import joining

        try:
            return await joining.join(self)
        finally:
            unload("joining")
