"""A stub of `network`: a station that joins simulated access points, and an access point on loopback."""

import time

import machine
from _host import KIND, ask

STA_IF, AP_IF = 0, 1
_IS_PICO = KIND == "pico"

# Each port has its own numbers.
if _IS_PICO:
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 0, 1, 3
    STAT_CONNECT_FAIL, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = -1, -2, -3
    _NO_ADDRESS = 2
else:
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
    STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 201, 202
    _NO_ADDRESS = STAT_CONNECTING
_JOIN_MS = 150


def country(code=None):
    """Accepts a country."""


def hostname(name=None):
    """Accepts a name."""


class _Point:
    """The access point of the board: what it listens at is a loopback socket."""

    _is_active = False

    def __init__(self):
        self._settings = {"ssid": "", "key": ""}

    def active(self, on=None):
        """Opens or closes the network, or returns whether it is open."""
        if on is not None:
            _Point._is_active = bool(on)
            ask("open_point", on=_Point._is_active, ssid=self._settings["ssid"], key=self._settings["key"])
        return _Point._is_active

    def config(self, what=None, **settings):
        """Takes the name and key that the network has from its start on."""
        self._settings.update(settings)

    def ifconfig(self):
        """Returns address, mask, gateway and name server."""
        return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")


class WLAN:
    """The one station of the board."""

    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    if not _IS_PICO:
        SEC_WPA2 = 3
    _is_active = False
    _status = STAT_IDLE
    _wanted = None
    _since_ms = 0

    def __new__(cls, interface=STA_IF):
        return _Point() if interface == AP_IF else object.__new__(cls)

    def __init__(self, interface=STA_IF):
        pass

    def active(self, on=None):
        """Turns the radio on or off, or returns whether it is on."""
        if on is None:
            return WLAN._is_active
        if not on:
            self.disconnect()
        WLAN._is_active = bool(on)
        return WLAN._is_active

    def connect(self, ssid, key=None, **more):
        """Starts joining."""
        if not WLAN._is_active:
            raise OSError("Wifi Not Started")
        WLAN._wanted = (ssid, key)
        WLAN._status = STAT_CONNECTING
        WLAN._since_ms = time.ticks_ms()

    def disconnect(self):
        """Leaves."""
        WLAN._wanted = None
        WLAN._status = STAT_IDLE
        ask("leave")

    def isconnected(self):
        """Returns whether the station has an address."""
        return self.status() == STAT_GOT_IP

    def status(self, what=None):
        """Returns the state of joining, or the signal."""
        wifi = ask("wifi")
        if what == "rssi":
            if wifi["rssi_dbm"] is None:
                raise OSError("not connected")
            return wifi["rssi_dbm"]
        if WLAN._wanted is not None and WLAN._status == STAT_CONNECTING:
            self._finish_joining()
            wifi = ask("wifi")
        if WLAN._status == STAT_GOT_IP and wifi["joined"] is None:
            # The rp2 port does not join again by itself; esp32 tries without end.
            WLAN._status = STAT_IDLE if _IS_PICO else STAT_CONNECTING
        return _NO_ADDRESS if WLAN._status == STAT_GOT_IP and not wifi["has_address"] else WLAN._status

    def _finish_joining(self):
        if time.ticks_diff(time.ticks_ms(), WLAN._since_ms) < _JOIN_MS:
            return
        outcome = ask("join", ssid=WLAN._wanted[0], key=WLAN._wanted[1])["status"]
        statuses = {"ok": STAT_GOT_IP, "not_seen": STAT_NO_AP_FOUND, "wrong_password": STAT_WRONG_PASSWORD}
        WLAN._status = statuses[outcome]

    def ifconfig(self, config=None):
        """Returns address, mask, gateway and name server."""
        if self.isconnected():
            return ("192.0.2.10", "255.255.255.0", "192.0.2.1", "192.0.2.1")
        return ("0.0.0.0",) * 4

    def scan(self):
        """Returns the networks within reach, like the ports: name, bssid, channel, signal, security, hidden."""
        if not WLAN._is_active:
            raise OSError("STA must be active")
        seen = ask("wifi")["seen"]
        return [(name.encode(), b"\0" * 6, 6, seen[name], 5, 0) for name in seen]

    def config(self, what=None, **settings):
        """Accepts settings; returns the hardware address."""
        if what == "mac":
            # Locally administered, and another one for each board.
            return b"\x02" + machine.unique_id()[-5:]
