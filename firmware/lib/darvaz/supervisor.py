"""Keeps a device connected: Wi-Fi, one link after another, and a wait that suits why the last one ended."""

import asyncio

from .connection import parse_url
from .link import explain

# After this many connections in a row without any answer the Wi-Fi is suspected, not the gateway.
REJOIN_AFTER = 3
# A radio that fails this often to start needs a reset; a gateway that is away never causes one.
RADIO_FAULTS_MAX = 5


class Supervisor:
    """Runs `link` again and again, to one gateway of the configuration after the other."""

    def __init__(self, device, wifi, link, outbox, backoff):
        self._device = device
        self._log = device.log
        self._wifi = wifi
        self._link = link
        self._outbox = outbox
        self._backoff = backoff
        # Parsed addresses; the first is tried next, and one that did not greet the board becomes the last.
        self._gateways = [parse_url(url) for url in device.config["gateways"]]
        # Starts of the radio that failed, and connections without any answer; each in a row.
        self._radio_faults = self._unanswered = 0
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
                if not self._wifi.is_joined():
                    self._state = "joining"
                wait_ms = await self._connect() if await self._join() else self._backoff.fail()
                if self._is_over:
                    break
                self._log.debug("next attempt in %d ms" % wait_ms)
                await asyncio.sleep_ms(wait_ms)
        finally:
            self._link.close()

    def end(self, reason):
        """Closes the link with a close packet and connects no more."""
        self._is_over = True
        self._link.end(reason)

    async def _join(self):
        try:
            is_joined = await self._wifi.join()
            self._radio_faults = 0
            return is_joined
        except OSError as error:
            self._radio_faults += 1
            self._log.error("wifi: the radio does not start: %s" % explain(error))
            if self._radio_faults >= RADIO_FAULTS_MAX:
                self._device.board.reset()
            return False

    async def _connect(self):
        """Runs one link to its end and returns how long to wait before the next, in milliseconds."""
        self._state = "connecting"
        self._outbox.rewind()
        gateway = self._gateways[0]
        await self._link.run(gateway)
        self._log.warning("gateway %s: %s" % (gateway[1], self._link.end_reason))
        return self._conclude()

    def _conclude(self):
        link, backoff = self._link, self._backoff
        if link.opened_ms is not None:
            backoff.held(self._device.uptime_ms() - link.opened_ms)
        else:
            self._gateways.append(self._gateways.pop(0))
        self._unanswered = 0 if link.is_answered else self._unanswered + 1
        if self._unanswered >= REJOIN_AFTER:
            self._unanswered = 0
            self._log.warning("wifi: nobody answers, joining again")
            self._wifi.leave()
        if link.is_refused:
            self._state = "refused"
        if link.is_refused or link.retry_after_s is not None:
            return backoff.refuse(link.retry_after_s)
        return backoff.fail()
