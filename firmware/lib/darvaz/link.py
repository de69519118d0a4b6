"""One connection to the gateway after another: opened, read, written and closed whole.

One task reads and one task writes, and nothing else touches the socket. They are cancelled together: a
read cancelled alone would strand a write that waits on the same socket. Each wait has a deadline.
"""

import asyncio

from . import unload
from .session import OPEN, WRITES_MAX, Session

CONNECT_MS = 10000
HANDSHAKE_MS = 10000
WRITE_MS = 10000
CLOSE_MS = 1000
# A port's "not joined" is true after this time; its "joined" proves nothing.
WIFI_GONE_MS = 5000
_TICK_MS = 100
_DRAIN_MS = 5
# For this long packets are taken before the other tasks have their turn, whatever the gateway sends.
_TURN_MS = 50


class Link:
    """Carries the messages of `device`, which is called with what happens; made once, run for each connection."""

    def __init__(self, device, wifi, websocket, outbox):
        self._device = device
        self.log = device.log
        self._now_ms = device.uptime_ms
        self._wifi = wifi
        self._websocket = websocket
        self._outbox = outbox
        # The Connection and the Session of the link that lives; None between two links.
        self._connection = None
        self._session = None
        # Those that read and write the link that lives.
        self.tasks = []
        # Set where there may be something to write; only the writer clears it.
        self._wake = asyncio.Event()
        # The camera's buffer that waits for the writer, or is being written; None: there is none.
        self._frame = None
        # Set by the writer after the frame, and by the end of the link.
        self._frame_done = asyncio.Event()
        # Whether the token is the key of TLS.
        self.uses_psk = bool(device.config.get("psk"))
        # Whether the gateway has welcomed the device and the link is not closed.
        self.is_online = False
        self._reset()

    def _reset(self):
        # Why the link ends, for the log; None while it lives. The first reason stays.
        self.end_reason = None
        # Uptime of the gateway's welcome; None before it.
        self.opened_ms = None
        # Whether the gateway refused the device or its token: the waits are longer then.
        self.is_refused = False
        # Whether anything came back from the gateway's machine; if not, the Wi-Fi may be the cause.
        self.is_answered = False
        # The seconds that the gateway wants the device to wait before the next link, if it said so.
        self.retry_after_s = None
        # Whether it looks as if the gateway is being restarted: it said so, or its machine answers without it.
        self.is_restart = False
        # Whether it ended because memory was short.
        self.is_short = False
        # Whether a ping is under way whose pong confirms what the outbox has marked.
        self._is_confirming = False
        # Uptime at which the write began that is not finished; None between two writes.
        self._write_since_ms = None
        # The gateway's last error that was logged.
        self._last_fault = None

    # For the device

    def wake(self):
        """Makes the writer look for something to write."""
        self._wake.set()

    def send(self, message):
        """Sends a message if the device is online and returns whether it is; raises ValueError out of bounds."""
        if self._session is None or not self._session.send(message):
            return False
        self._wake.set()
        return True

    async def send_frame(self, frame):
        """Sends one frame and returns whether it went out; the frame is masked in place."""
        if not self.is_online or self._frame is not None:
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
        return self.end_reason is None

    def end(self, reason):
        """Ends the link with a close packet."""
        if self.end_reason is None:
            self.end_reason = reason
            self._wake.set()

    def close(self):
        """Closes the socket at once."""
        self.is_online = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # One connection

    async def run(self, gateway):
        """Opens a connection to a parsed address and serves it; returns when it is closed, and never raises."""
        self._reset()
        try:
            await asyncio.wait_for_ms(self._open(gateway), CONNECT_MS)
            await self._converse(gateway)
        except asyncio.TimeoutError:
            self.end("no connection in 10 s")
        except Exception as error:  # noqa: BLE001 (no failure of a link may end the program)
            self._on_failed(error)
        finally:
            self.close()
            # Nothing of it is written any more: while there is no Wi-Fi, it may be thinned, or moved to the flash.
            self._outbox.rewind()
            # What arrived of an update is on the flash.
            self._device.update = None
            unload()
            if self._device.is_stopped:
                from . import seldom

                # Nobody is there who could start the program again.
                await seldom.reboot(self._device)

    async def _open(self, gateway):
        from .opening import open_connection

        is_secure, authority, host, port, _ = gateway
        address, tls = host, None
        if host.endswith(".local"):
            from .local_name import find

            address = await find(self._device, host)
        if is_secure:
            from . import secure

            tls = await secure.make_tls(self._device, authority, address, port)
        self._connection = await open_connection(host, port, tls, address)
        unload("opening", "secure")

    async def _converse(self, gateway):
        device, websocket = self._device, self._websocket
        path = gateway[4] + device.path
        request = websocket.start(gateway[1], path, device.headers)
        from . import facts

        introduction = facts.introduction(device)
        unload("facts")
        del facts
        session = Session(introduction, device.report, websocket.send_bytes_max)
        del introduction
        self._session = session
        reader = asyncio.create_task(self._guard(self._read(session)))
        writer = asyncio.create_task(self._guard(self._write(session, request)))
        self.tasks = [reader, writer]
        try:
            await self._watch(session)
            # The close packet gets this time to go out, and no more.
            for _ in range(CLOSE_MS // _TICK_MS):
                if not writer.done():
                    await asyncio.sleep_ms(_TICK_MS)
        finally:
            reader.cancel()
            writer.cancel()
            self._session = self._frame = None
            self._frame_done.set()

    async def _watch(self, session):
        started_ms = joined_ms = self._now_ms()
        while self.end_reason is None:
            await asyncio.sleep_ms(_TICK_MS)
            now_ms = self._now_ms()
            session.tick(now_ms)
            self._pump(session)
            if self._wifi.is_joined():
                joined_ms = now_ms
            if now_ms - joined_ms > WIFI_GONE_MS:
                self.end("the Wi-Fi is gone")
            elif self._write_since_ms is not None and now_ms - self._write_since_ms > WRITE_MS:
                self.end("the network takes nothing")
            elif not self.is_answered and now_ms - started_ms > HANDSHAKE_MS:
                self.end("no answer to the handshake")

    async def _guard(self, coroutine):
        try:
            await coroutine
        except Exception as error:  # noqa: BLE001 (a task that dies unseen would leave a link that only looks alive)
            self._on_failed(error)

    def _on_failed(self, error):
        try:
            from . import retrying

            retrying.on_failed(self, error)
        except MemoryError:
            # The reason follows, without an allocation.
            pass
        if self.end_reason is None:
            self.is_short = True
            self.end("the board's memory is short")

    # Reading

    async def _read(self, session):
        websocket, turn_ms, event = self._websocket, 0, None
        while self.end_reason is None:
            if event is None:
                websocket.receive(await self._connection.read_into(websocket.input_space))
            else:
                self.is_answered = True
                self._on_event(session, event)
                self._pump(session)
                while len(session.writes) >= WRITES_MAX:
                    await asyncio.sleep_ms(_DRAIN_MS)
            # Neither a read that finds bytes nor a packet waits for anything.
            if self._now_ms() - turn_ms > _TURN_MS:
                await asyncio.sleep_ms(0)
                turn_ms = self._now_ms()
            event = websocket.take_event()

    def _on_event(self, session, event):
        name = event[0]
        if name == "text":
            session.receive(event[1], self._now_ms())
        elif name == "pong":
            self._is_confirming = False
            if self._outbox.confirm():
                self.end("all of an earlier start is sent")
        elif name == "opened":
            device, websocket, auth = self._device, self._websocket, None
            if device.shown_token is not None:
                from . import handshake

                is_proof = bool(device.headers)
                auth = handshake.make_auth(self, device.shown_token, is_proof, websocket.nonce, websocket.challenge)
                unload("handshake")
            if self.end_reason is None:
                session.open(self._now_ms(), auth)
        elif name == "refused":
            from . import retrying

            self.retry_after_s = event[2]
            retrying.on_refused(self, event[1], event[3])
        elif name != "binary":
            from . import retrying

            retrying.on_closed(self, event[1], event[2])

    def _pump(self, session):
        while session.events:
            event = session.events.pop(0)
            name = event[0]
            if name == "command":
                self._device.commands.start(event[1], event[2], event[3])
            elif name == "update":
                from . import update

                update.take(self._device, event[1])
            elif name == "prompt":
                from . import prompt

                prompt.take(self._device, event[1])
            elif name == "opened":
                if self.opened_ms is None:
                    self.opened_ms = self._now_ms()
                    self.is_online = True
                from . import seldom

                seldom.on_opened(self._device, event[1])
                unload("seldom")
            elif name == "fault":
                if event[3] is not None:
                    self.retry_after_s = event[3]
                # A gateway that sends one faulty message often sends many.
                if event[2] != self._last_fault:
                    self._last_fault = event[2]
                    self.log.warning("gateway: " + event[2])
            else:
                self.end(event[1])
        self._wake.set()

    # Writing

    async def _write(self, session, request):
        websocket = self._websocket
        await self._put(request)
        while self.end_reason is None:
            packet = websocket.take_write()
            if packet is None and session.writes:
                packet = websocket.send_text(session.writes.pop(0))
            if packet is not None:
                await self._put(packet)
            elif session.state != OPEN or not await self._write_waiting():
                self._wake.clear()
                await self._wake.wait()
        # NotOpen is an OSError too: then no close packet is owed.
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
