"""Keeps a device connected: Wi-Fi, one link after another, and a wait that suits why the last one ended."""

import asyncio

from . import unload

# Attempts in a row for which there was no memory: only a reset frees what a program holds.
SHORTAGES_MAX = 10
SHORTAGE_WAIT_MS = 5000


class Supervisor:
    """Runs `link` again and again, to one gateway of the configuration after the other."""

    def __init__(self, device, wifi, link):
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

    async def _attempt(self):
        """Joins, connects, and returns how long to wait before the next attempt, in milliseconds."""
        if not self._wifi.is_joined():
            self._state = "joining"
        is_joined = await self._join()
        from . import retrying

        if not is_joined:
            wait_ms = retrying.fail(self._history)
            unload("retrying", "backoff")
            return wait_ms
        self._state = "connecting"
        entry = retrying.choose(self._history, self._device.uptime_ms())
        unload("retrying", "backoff")
        del retrying
        await self._link.run(entry[0])
        return self._conclude(entry)

    async def _join(self):
        try:
            return await self._wifi.join()
        except OSError as error:
            from . import retrying

            retrying.on_radio_fault(self._history, self._device, error)
            return False

    def _conclude(self, entry):
        from . import retrying

        wait_ms = retrying.conclude(self._history, self._link, entry, self._device.uptime_ms())
        if retrying.is_deaf(self._history, self._link):
            self._wifi.leave()
        if self._link.is_refused:
            self._state = "refused"
        unload("retrying", "backoff")
        return wait_ms
