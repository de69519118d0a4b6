"""One connection after another: opened, watched, and closed whole, with a wait that suits why it ended.

Of each connection one task reads and one task writes, so nothing else ever touches its socket; the
supervisor never cancels one without the other (a read cancelled alone would strand a write that waits
on the same socket), and no wait is without a deadline.
"""

import asyncio
import errno
import json

from .connection import open_connection, parse_url
from .messages import REFUSALS
from .session import OPEN, WRITES_MAX, Session

CONNECT_MS = 10000
HANDSHAKE_MS = 10000
WRITE_MS = 10000
CLOSE_MS = 1000
# A Wi-Fi that says for so long that it is gone is gone; that it says it is there proves nothing.
WIFI_GONE_MS = 5000
# After so many connections in a row that nobody answered, the Wi-Fi is suspected, not the gateway.
REJOIN_AFTER = 3
# A radio that does not even start so often needs a reset; a gateway that is away never causes one.
RADIO_FAULTS_MAX = 5
_TICK_MS = 100
_DRAIN_MS = 5


class Link:
    """Keeps a device connected; `device` is told what happens and asked what to say.

    `state` is "joining", "connecting", "refused" or "online".
    """

    def __init__(self, device, wifi, websocket, outbox, backoff):
        self.state = "starting"
        self._device = device
        self._log = device.log
        self._now_ms = device.uptime_ms
        self._wifi = wifi
        self._websocket = websocket
        self._outbox = outbox
        self._backoff = backoff
        self._gateways = [parse_url(url) for url in device.config["gateways"]]
        self._radio_faults = self._unanswered = 0
        self._is_over = False
        self._wake = asyncio.Event()
        self._frame = None
        self._frame_done = asyncio.Event()
        self._session = None
        self._connection = None
        self._reset()

    def _reset(self):
        # Why the connection ends; None while it lives.
        self._end = None
        self._opened_ms = None
        self._is_refused = False
        self._is_answered = False
        self._is_confirming = False
        self._retry_after_s = None
        self._write_since_ms = None
        self._last_fault = None

    # For the device

    def wake(self):
        """Lets the writer look for what there is to say."""
        self._wake.set()

    def say(self, message):
        """Says a message if the device is online and returns whether it is; raises ValueError out of bounds."""
        if self._session is None or not self._session.say(message):
            return False
        self._wake.set()
        return True

    async def send_frame(self, frame):
        """Sends one frame and returns whether it went out; the frame is masked in place."""
        if self.state != "online" or self._frame is not None:
            return False
        self._frame_done.clear()
        self._frame = frame
        self._wake.set()
        try:
            await self._frame_done.wait()
        except asyncio.CancelledError:
            # Its memory belongs to the camera, which may reuse it: not in the middle of a write.
            if self._write_since_ms is not None:
                await self._frame_done.wait()
            self._frame = None
            raise
        return self._end is None

    def end(self, reason):
        """Says goodbye and connects no more."""
        self._is_over = True
        self._stop(reason)

    def close(self):
        """Closes the socket at once."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # The supervisor

    async def run(self):
        """Connects, and connects again, until `end`."""
        try:
            while True:
                if not self._wifi.is_joined():
                    self.state = "joining"
                wait_ms = await self._connect() if await self._join() else self._backoff.fail()
                if self._is_over:
                    break
                self._log.debug("next attempt in %d ms" % wait_ms)
                await asyncio.sleep_ms(wait_ms)
        finally:
            self.close()

    async def _join(self):
        try:
            is_joined = await self._wifi.join()
            self._radio_faults = 0
            return is_joined
        except OSError as error:
            self._radio_faults += 1
            self._log.error("wifi: the radio does not start: %s" % _explain(error))
            if self._radio_faults >= RADIO_FAULTS_MAX:
                self._device.board.reset()
            return False

    async def _connect(self):
        """Lives through one connection and returns how long to wait before the next, in milliseconds."""
        self.state = "connecting"
        self._reset()
        self._outbox.rewind()
        gateway = self._gateways[0]
        try:
            await asyncio.wait_for_ms(self._open(gateway), CONNECT_MS)
            await self._converse(gateway)
        except asyncio.TimeoutError:
            self._stop("no connection in %d s" % (CONNECT_MS // 1000))
        except OSError as error:
            self._on_broken(error)
        finally:
            self.close()
        self._log.warning("gateway %s: %s" % (gateway[1], self._end))
        return self._conclude()

    async def _open(self, gateway):
        is_secure, authority, host, port, _ = gateway
        tls = await self._device.make_tls(authority, host, port) if is_secure else None
        self._connection = await open_connection(host, port, tls)

    async def _converse(self, gateway):
        device, websocket = self._device, self._websocket
        path = gateway[4] + device.path
        request = websocket.start(gateway[1], path, device.headers)
        session = Session(device.introduction(), device.shown_token, device.report, websocket.send_bytes_max)
        self._session = session
        reader = asyncio.create_task(self._guard(self._read(session)))
        writer = asyncio.create_task(self._guard(self._write(session, request)))
        try:
            await self._watch(session)
            # What is owed to the gateway is a close: worth a moment, and no more.
            for _ in range(CLOSE_MS // _TICK_MS):
                if not writer.done():
                    await asyncio.sleep_ms(_TICK_MS)
        finally:
            reader.cancel()
            writer.cancel()
            self._session = self._frame = None
            self._frame_done.set()

    def _stop(self, reason):
        if self._end is None:
            self._end = reason
            self._wake.set()

    async def _watch(self, session):
        started_ms = joined_ms = self._now_ms()
        while self._end is None:
            await asyncio.sleep_ms(_TICK_MS)
            now_ms = self._now_ms()
            session.tick(now_ms)
            self._pump(session)
            if self._wifi.is_joined():
                joined_ms = now_ms
            if now_ms - joined_ms > WIFI_GONE_MS:
                self._stop("the Wi-Fi is gone")
            elif self._write_since_ms is not None and now_ms - self._write_since_ms > WRITE_MS:
                self._stop("the network takes nothing")
            elif not self._is_answered and now_ms - started_ms > HANDSHAKE_MS:
                self._stop("no answer to the handshake")

    async def _guard(self, coroutine):
        try:
            await coroutine
        except OSError as error:
            self._on_broken(error)
        except Exception as error:  # noqa: BLE001 (a task that dies unseen would leave a link that only looks alive)
            self._log.exception("the link failed", error)
            self._stop("a fault on the board")

    def _on_broken(self, error):
        # A refusal comes from a machine: the network is well.
        if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
            self._is_answered = True
        self._stop(("the connection broke: " if self._opened_ms is not None else "no connection: ") + _explain(error))

    def _conclude(self):
        if self._opened_ms is not None:
            self._backoff.held(self._now_ms() - self._opened_ms)
        else:
            # The last good gateway stays first; one that did not greet is last now.
            self._gateways.append(self._gateways.pop(0))
        self._unanswered = 0 if self._is_answered else self._unanswered + 1
        if self._unanswered >= REJOIN_AFTER:
            self._unanswered = 0
            self._log.warning("wifi: nobody answers, joining again")
            self._wifi.leave()
        self.state = "refused" if self._is_refused else "connecting"
        if self._is_refused or self._retry_after_s is not None:
            return self._backoff.refuse(self._retry_after_s)
        return self._backoff.fail()

    # Reading

    async def _read(self, session):
        websocket = self._websocket
        while self._end is None:
            websocket.receive(await self._connection.read_into(websocket.room()))
            event = websocket.take_event()
            while event is not None:
                self._is_answered = True
                self._on_event(session, event)
                self._pump(session)
                while len(session.writes) >= WRITES_MAX:
                    await asyncio.sleep_ms(_DRAIN_MS)
                event = websocket.take_event()

    def _on_event(self, session, event):
        name = event[0]
        if name == "text":
            session.receive(event[1], self._now_ms())
        elif name == "pong":
            self._is_confirming = False
            self._outbox.confirm()
        elif name == "opened":
            session.open(self._now_ms())
        elif name == "refused":
            _, status, self._retry_after_s, body = event
            self._is_refused = status in (401, 403)
            try:
                # A problem of RFC 9457, whose detail is for people.
                body = json.loads(body)["detail"]
            except (ValueError, KeyError, TypeError):
                pass
            self._stop("refused with %d: %s" % (status, body))
        elif name != "binary":
            self._is_refused = self._is_refused or event[1] in REFUSALS
            self._stop("closed with %d %s" % event[1:])

    def _pump(self, session):
        while session.events:
            event = session.events.pop(0)
            name = event[0]
            if name == "command":
                self._device.commands.start(event[1], event[2], event[3])
            elif name == "opened":
                if self._opened_ms is None:
                    self._opened_ms = self._now_ms()
                    self.state = "online"
                self._device.on_opened(event[1])
            elif name == "fault":
                if event[3] is not None:
                    self._retry_after_s = event[3]
                # Who sends one faulty message often sends many.
                if event[2] != self._last_fault:
                    self._last_fault = event[2]
                    self._log.warning("gateway: " + event[2])
            else:
                self._stop(event[1])
        self._wake.set()

    # Writing

    async def _write(self, session, request):
        websocket = self._websocket
        await self._put(request)
        while self._end is None:
            packet = websocket.take_write()
            if packet is None and session.writes:
                packet = websocket.send_text(session.writes.pop(0))
            if packet is not None:
                await self._put(packet)
            elif session.state != OPEN or not await self._write_waiting():
                self._wake.clear()
                await self._wake.wait()
        # NotOpen is an OSError too: then there is nobody to tell.
        await self._put(websocket.take_write() or websocket.send_close())

    async def _write_waiting(self):
        websocket, outbox, frame = self._websocket, self._outbox, self._frame
        message = None if frame is not None else outbox.next()
        if frame is not None:
            await self._put(websocket.send_frame(frame), frame)
            self._frame = None
            self._frame_done.set()
        elif message is not None:
            await self._put(websocket.send_text(message))
            outbox.advance()
        elif not self._is_confirming and outbox.mark():
            self._is_confirming = True
            await self._put(websocket.send_ping())
        else:
            return False
        return True

    async def _put(self, packet, more=None):
        self._write_since_ms = self._now_ms()
        await self._connection.write(packet)
        if more is not None:
            await self._connection.write(more)
        self._write_since_ms = None


def _explain(error):
    return errno.errorcode.get(error.errno) or str(error)
