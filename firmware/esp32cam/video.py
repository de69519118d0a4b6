"""The camera's commands: frames at the rate the gateway asks for, and recovery from every fault of the sensor.

It is not called camera.py: the driver is a built-in module of that name, and built-in modules come first.
"""

import asyncio
import time

from sensor import CameraError, MissingError, Sensor, take_mark

SIZES = ["QQVGA", "QVGA", "VGA", "SVGA", "XGA", "SXGA", "UXGA"]
FPS_MAX = 30
# After FAILURES_MAX failed frames in a row the sensor is restarted; after STARTS_MAX failed restarts it is turned off
# for REST_MS, because a sensor that hangs becomes hot.
FAILURES_MAX = 5
STARTS_MAX = 3
REST_MS = 300000

_PERIOD_MS_MAX = 3600000
_LOOK_MS = 50
_BROWN_OUT = "the board restarted while the camera was starting: is its power supply too weak? See docs/hardware.md"


class Pace:
    """When the next frame is due. It does not drift; a frame that cannot be sent in time is skipped, never queued."""

    def __init__(self):
        # Time between two frames; 0: none is due.
        self._period_ms = 0
        # When the next one is due, in ticks of time.ticks_ms.
        self._due_ms = time.ticks_ms()

    def start(self, fps, now_ms):
        """Makes a frame due now, and `fps` in each second from then on; none at all for 0."""
        self._period_ms = min(_PERIOD_MS_MAX, max(1, round(1000 / fps))) if fps > 0 else 0
        self._due_ms = now_ms

    def wait_ms(self, now_ms):
        """Returns the time until a frame is due, 0 if one is, None if none will be."""
        if not self._period_ms:
            return None
        return max(0, time.ticks_diff(self._due_ms, now_ms))

    def advance(self, now_ms):
        """Moves on to the next frame, whether the last one was sent or not."""
        late_ms = time.ticks_diff(now_ms, self._due_ms)
        if self._period_ms and late_ms >= 0:
            self._due_ms = time.ticks_add(self._due_ms, (late_ms // self._period_ms + 1) * self._period_ms)


class Video:
    """Sends frames, and answers the commands `stream`, `snapshot` and `camera`.

    Without a `stream` it sends one frame every `idle_every_s` seconds (0: none).
    """

    def __init__(self, device, board, idle_every_s=10, size="VGA", quality=80):
        # "off" before the first start, "ready", "failing", "resting" while it is turned off after failed restarts, or
        # "missing" without a driver. The telemetry value `camera_state`.
        self.state = "off"
        self._device = device
        self._sensor = Sensor(board)
        self._idle_fps = 1 / idle_every_s if idle_every_s else 0
        self._pace = Pace()
        # Held while the sensor is used, so that no command changes the buffer of a frame that is being sent.
        self._lock = asyncio.Lock()
        # Frames that failed in a row, and restarts since the last good frame.
        self._failures = 0
        self._starts = 0
        # When the sensor was last turned off for a rest.
        self._rested_ms = time.ticks_ms()
        # The declared arguments by name; each `default` is the current setting.
        self._rules = _make_rules(size, quality)
        self._declare(device)

    def _declare(self, device):
        rules, fps = self._rules, {"type": "number", "min": 0, "max": FPS_MAX}
        device.command(fps=fps, size=rules["size"], quality=rules["quality"])(self.stream)
        device.command(**{name: rules[name] for name in rules if name != "size"})(self.camera)
        device.command(self.snapshot)
        device.telemetry(every_s=10, title="Camera state")(self.camera_state)
        device.on_connect(self._greet)
        device.task(self._run)

    # Commands and telemetry

    async def stream(self, fps, size, quality):
        """Sends `fps` frames a second until the next `stream` or the end of the link."""
        if fps:
            self._end_rest()
        await self._set({"size": size, "quality": quality})
        self._pace.start(fps, time.ticks_ms())
        return {"fps": fps, "size": size, "quality": quality, "camera": self.state}

    async def snapshot(self):
        """Sends one frame at once, even during a rest."""
        self._end_rest()
        async with self._lock:
            return {"bytes": await self._send(), "size": self._sensor.size}

    async def camera(self, **settings):
        """Changes brightness, contrast and the like."""
        await self._set(settings)
        settings["camera"] = self.state
        return settings

    def camera_state(self):
        """Returns the state of the camera, in one word."""
        return self.state

    async def _set(self, settings):
        async with self._lock:
            for name in settings:
                # The value becomes the default: a later command without it keeps it.
                self._rules[name]["default"] = settings[name]
            if self._sensor.is_started():
                self._apply()

    # The task

    def _greet(self):
        # The viewers of the old link may be gone.
        self._pace.start(self._idle_fps, time.ticks_ms())

    async def _run(self):
        while True:
            wait_ms = self._pace.wait_ms(time.ticks_ms())
            if wait_ms == 0:
                # Only online: many supplies are too weak for the start of radio and sensor at the same time.
                if self._device.state == "online" and self._may_try():
                    await self._try()
                self._pace.advance(time.ticks_ms())
            await asyncio.sleep_ms(_LOOK_MS if wait_ms is None else min(wait_ms, _LOOK_MS))

    async def _try(self):
        async with self._lock:
            try:
                await self._send()
            except CameraError:
                # Already logged, and no command waits for it.
                pass

    async def _send(self):
        """Takes and sends one frame and returns its size; raises CameraError."""
        try:
            if not self._sensor.is_started():
                await self._start()
            frame = await self._sensor.capture()
        except CameraError as error:
            self._fail(error)
            raise
        self._succeed()
        size = len(frame)
        try:
            if not await self._device.send_frame(frame):
                raise CameraError("the frame was not sent: the gateway is away")
        finally:
            self._sensor.free()
        return size

    async def _start(self):
        if self.state == "off" and take_mark():
            self._rest(_BROWN_OUT)
            raise CameraError(_BROWN_OUT)
        self._starts += 1
        self._failures = 0
        await self._sensor.start(self._rules["size"]["default"], self._rules["quality"]["default"])
        try:
            self._apply()
        except CameraError as error:
            self._device.log.warning("camera: %s" % error)

    def _apply(self):
        self._sensor.resize(self._rules["size"]["default"])
        for name in self._rules:
            if name != "size":
                self._sensor.apply(name, self._rules[name]["default"])

    # Recovery
    def _succeed(self):
        self._failures = self._starts = 0
        if self.state != "ready":
            self.state = "ready"
            self._device.log.info("camera: ready, %s" % self._sensor.size)

    def _fail(self, error):
        log = self._device.log
        if isinstance(error, MissingError):
            if self.state != "missing":
                log.error("camera: %s" % error)
            self.state = "missing"
        if self.state in ("missing", "resting"):
            return
        # A warning once, then debug.
        (log.debug if self.state == "failing" else log.warning)("camera: %s" % error)
        self.state = "failing"
        self._failures += 1
        if self._failures >= FAILURES_MAX or not self._sensor.is_started():
            self._sensor.stop()
            if self._starts >= STARTS_MAX:
                self._rest(error)

    def _rest(self, reason):
        self._device.log.error("camera: given up for %d minutes: %s" % (REST_MS // 60000, reason))
        self.state = "resting"
        self._starts = 0
        self._rested_ms = time.ticks_ms()

    def _end_rest(self):
        # Its time is over, or a command wants a frame.
        if self.state == "resting":
            self.state = "failing"

    def _may_try(self):
        if time.ticks_diff(time.ticks_ms(), self._rested_ms) >= REST_MS:
            self._end_rest()
        return self.state not in ("missing", "resting")


def _make_rules(size, quality):
    rules = {
        "size": {"type": "string", "choices": SIZES, "default": size},
        "quality": {"type": "integer", "min": 1, "max": 100, "default": quality},
        "flip": {"type": "boolean", "default": False},
        "mirror": {"type": "boolean", "default": False},
    }
    for name in ("brightness", "contrast", "saturation", "exposure"):
        rules[name] = {"type": "integer", "min": -2, "max": 2, "default": 0}
    return rules
