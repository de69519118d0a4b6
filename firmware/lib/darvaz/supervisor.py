"""Keeps a device connected: its Wi-Fi, one link after another, and a wait that suits why the last one ended.

Only this file imports `network`. MicroPython's asyncio/stream.py copies the rest of a partial write, and its `close`
does nothing: hence `Connection`, whose deadlines are the caller's.
"""

import asyncio

from . import unload

# Attempts in a row for which there was no memory: only a reset frees what a program holds.
SHORTAGES_MAX = 10
SHORTAGE_WAIT_MS = 5000


class Supervisor:
    """Runs `link` again and again, to one gateway of the configuration after the other."""

    def __init__(self, device, wifi, link, setup_ms):
        from . import retrying

        self._device = device
        self._wifi = wifi
        self._link = link
        # What retrying.py remembers of the links.
        self._history = retrying.new_history(device.config["gateways"])
        # Attempts in a row for which there was no memory.
        self._shortages = 0
        # Whether `end` was called: no connection follows.
        self._is_over = False
        # Uptime from which a board without Wi-Fi opens its setup network, once in each start; None: never.
        self.setup_ms = setup_ms
        # What the device does while the link is not open.
        self._state = "starting"

    @property
    def state(self):
        """Where the device is: starting, joining, connecting, refused or online."""
        return "online" if self._link.is_online else self._state

    async def run(self):
        """Connects, and connects again, until `end`."""
        try:
            while True:
                wait_ms = SHORTAGE_WAIT_MS
                try:
                    if self.setup_ms is not None:
                        await self._offer_setup()
                    wait_ms = await self._attempt()
                    self._shortages = self._shortages + 1 if self._link.is_short else 0
                except MemoryError:
                    self._shortages += 1
                if self._is_over:
                    break
                if self._shortages >= SHORTAGES_MAX:
                    self._device.board.reset()
                self._device.log.debug("next attempt in %d ms" % wait_ms)
                await asyncio.sleep_ms(wait_ms)
        finally:
            self._link.close()

    def end(self, reason):
        """Closes the link with a close packet and connects no more."""
        self._is_over = True
        self._link.end(reason)

    async def _offer_setup(self):
        is_lost = self.setup_ms == 0 or self._state == "joining" or self._device.config.get("by_setup")
        if is_lost and self._device.uptime_ms() >= self.setup_ms:
            self.setup_ms = None
            from . import setup

            await setup.serve(self._device, self._wifi)
            unload()

    async def _attempt(self):
        """Joins, connects, and returns how long to wait before the next attempt, in milliseconds."""
        if not self._wifi.is_joined():
            self._state = "joining"
        is_joined = False
        try:
            is_joined = await self._wifi.join()
        except OSError as error:
            from . import retrying

            retrying.on_radio_fault(self._history, self._device, error)
        from . import retrying

        if not is_joined:
            wait_ms = retrying.fail(self._history)
            unload("retrying")
            return wait_ms
        self._state = "connecting"
        entry = retrying.choose(self._history, self._device.uptime_ms())
        unload("retrying")
        del retrying
        await self._link.run(entry[0])
        return self._conclude(entry)

    def _conclude(self, entry):
        from . import retrying

        wait_ms = retrying.conclude(self._history, self._link, entry, self._device.uptime_ms())
        if retrying.is_deaf(self._history, self._link):
            self._wifi.leave()
        if self._link.is_refused:
            self._state = "refused"
        unload("retrying")
        return wait_ms


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
        from . import opening

        try:
            return await opening.join(self)
        finally:
            unload("opening")


class Connection:
    """A live connection: one task reads, one task writes."""

    def __init__(self, sock):
        self._sock = sock

    async def read_into(self, space):
        """Reads at least one byte into the buffer that `space()` returns, and returns how many; 0 at the end."""
        while True:
            count = self._call(self._sock.readinto, space())
            # None: nothing has arrived, or with TLS an incomplete record.
            if count is not None:
                return count
            await wait_to_read(self._sock)

    async def write(self, data):
        """Writes all of a buffer without copying it."""
        view = memoryview(data)
        at = 0
        while at < len(view):
            count = self._call(self._sock.write, view[at:] if at else view)
            if count:
                at += count
            else:
                await wait_to_write(self._sock)

    def _call(self, function, view):
        try:
            return function(view)
        except ValueError as error:
            # MicroPython's TLS raises ValueError for a certificate that it does not trust.
            raise OSError(str(error).strip())

    def close(self):
        """Closes the socket and frees its memory."""
        self._sock.close()


# MicroPython awaits generators, and the poller of its asyncio/core.py has no public interface.


def wait_to_read(sock):
    """Waits until a socket can be read."""
    yield asyncio.core._io_queue.queue_read(sock)  # type: ignore[attr-defined]


def wait_to_write(sock):
    """Waits until a socket can be written."""
    yield asyncio.core._io_queue.queue_write(sock)  # type: ignore[attr-defined]
