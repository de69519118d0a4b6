"""Wi-Fi: joined by time and result, never by one status value; the only file that knows `network`."""

import asyncio
import time

JOIN_MS = 20000
_LOOK_MS = 100


class Wifi:
    """The station interface. `networks` are dictionaries with ssid and password, the favourite first.

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
        """Whether the interface says so; it may be wrong for minutes, so only traffic proves it."""
        return self._station.isconnected() and self.address() != "0.0.0.0"

    def address(self):
        """Returns the board's own address; 0.0.0.0 while it has none."""
        return self._station.ifconfig()[0]

    def rssi_dbm(self):
        """Returns the signal, or None where the port does not tell."""
        try:
            return self._station.status("rssi")
        except (OSError, ValueError, TypeError):
            return None

    def leave(self):
        """Turns the radio off: the cure for a link that looks alive and is not."""
        try:
            if self._station.active():
                self._station.disconnect()
        except OSError:
            # It was not joined.
            pass
        self._station.active(False)

    async def join(self):
        """Joins the first network that will have the board; returns whether one did, and says why not."""
        if self.is_joined():
            return True
        # ESP32 keeps its state across a soft reset, and then connect() raises.
        self.leave()
        # Both must be set before the radio is on; the name is for DHCP and .local.
        if self._country:
            self._port.country(self._country)
        self._port.hostname(self._hostname)
        self._station.active(True)
        if self._power_save is not None:
            self._station.config(pm=self._power_save)
        for entry in self._networks:
            trouble = await self._try(entry["ssid"], entry.get("password"))
            if trouble is None:
                self._log.info("wifi: joined %s as %s" % (entry["ssid"], self.address()))
                return True
            self._log.warning("wifi: %s: %s" % (entry["ssid"], trouble))
        return False

    async def _try(self, ssid, password):
        station, port = self._station, self._port
        started_ms = time.ticks_ms()
        # Not every port has each of them, and their numbers differ.
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
            # rp2 says 2 while it waits for an address; esp32 says connected.
            if station.isconnected() or status == 2:
                return "joined, but got no address from the router"
            station.disconnect()
            if ssid in [found[0].decode() for found in station.scan()]:
                return "seen, but joining failed: is the password right?"
            return "not seen: is the name right, and is it a 2.4 GHz network?"
        except (OSError, ValueError, UnicodeError) as error:
            return "joining failed: %s" % error
