"""Joins a Wi-Fi, judged by result and time: status values differ between ports. Only this file imports `network`."""

import asyncio
import time

JOIN_MS = 20000
_LOOK_MS = 100


class Wifi:
    """The station interface. `networks` are dictionaries with ssid and password, in the order to try.

    `power_save` is the port's value for no power saving, or None to leave it.
    """

    def __init__(self, networks, hostname, country, power_save, log):
        import network

        self._port = network
        self._networks = networks
        self._hostname = hostname[:32]
        self._country = country
        self._power_save = power_save
        self._log = log
        self._station = network.WLAN(network.STA_IF)

    def is_joined(self):
        """Whether the interface reports it; it may be wrong for minutes, so only traffic proves it."""
        return self._station.isconnected() and self.address() != "0.0.0.0"

    def address(self):
        """Returns the board's address, or 0.0.0.0."""
        return self._station.ifconfig()[0]

    def rssi_dbm(self):
        """Returns the signal strength, or None if the port does not know it."""
        try:
            return self._station.status("rssi")
        except (OSError, ValueError, TypeError):
            return None

    def leave(self):
        """Turns the radio off, which ends a link that looks alive and is dead."""
        try:
            if self._station.active():
                self._station.disconnect()
        except OSError:
            # It was not joined.
            pass
        self._station.active(False)

    async def join(self):
        """Joins the first network that accepts the board and returns whether one did; the log has the reasons."""
        if self.is_joined():
            return True
        # The esp32 port keeps its state across a soft reset, and then connect() raises.
        self.leave()
        # Both must be set before the radio is on; the name is for DHCP and .local.
        if self._country:
            self._port.country(self._country)
        self._port.hostname(self._hostname)
        self._station.active(True)
        if self._power_save is not None:
            self._station.config(pm=self._power_save)
        for entry in self._networks:
            problem = await self._try(entry["ssid"], entry.get("password"))
            if problem is None:
                self._log.info("wifi: joined %s as %s" % (entry["ssid"], self.address()))
                return True
            self._log.warning("wifi: %s: %s" % (entry["ssid"], problem))
        return False

    async def _try(self, ssid, password):
        station, port = self._station, self._port
        started_ms = time.ticks_ms()
        # Not every port has all three, and their numbers differ.
        failures = [
            getattr(port, name, None) for name in ("STAT_WRONG_PASSWORD", "STAT_NO_AP_FOUND", "STAT_CONNECT_FAIL")
        ]
        try:
            station.connect(ssid, password or None)
            while time.ticks_diff(time.ticks_ms(), started_ms) < JOIN_MS:
                if self.is_joined():
                    return None
                status = station.status()
                if status in failures:
                    break
                await asyncio.sleep_ms(_LOOK_MS)
            # Waiting for an address, the rp2 port returns 2 (CYW43_LINK_NOIP), the esp32 port "connected".
            if station.isconnected() or status == 2:
                return "joined, but got no address from the router"
            station.disconnect()
            if ssid in [found[0].decode() for found in station.scan()]:
                return "seen, but joining failed: is the password right?"
            return "not seen: is the name right, and is it a 2.4 GHz network?"
        except (OSError, ValueError, UnicodeError) as error:
            return "joining failed: %s" % error
