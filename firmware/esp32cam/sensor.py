"""The camera's driver, one frame at a time; its errors and its faulty frames become a CameraError with the reason.

The driver is the C module of https://github.com/cnadler86/micropython-camera-API, in an image of its own.
"""

import asyncio
import os
import time

from darvaz.messages import FRAME_BYTES_MAX

# After this time the driver is taken to be stuck.
FRAME_MS = 2000
# How long the sensor is without power, and then with it, before it is started.
POWER_MS = 100
# A file that exists while the sensor starts: found at boot, it shows that the supply broke down then.
MARK_PATH = "camera.starting"

_POLL_MS = 5
# A frame in the driver's buffer that is older than this is not sent.
_STALE_MS = 300
# The exceptions of the driver. MemoryError: the image or the board has no PSRAM.
_FAULTS = (OSError, RuntimeError, ValueError, NotImplementedError, MemoryError)
# Our words for the driver's properties.
_PROPERTIES = {
    "quality": "quality",
    "flip": "vflip",
    "mirror": "hmirror",
    "brightness": "brightness",
    "contrast": "contrast",
    "saturation": "saturation",
    "exposure": "ae_level",
}


class CameraError(OSError):
    """There is no frame; the text says why."""


class MissingError(CameraError):
    """This firmware has no camera driver, so another attempt cannot succeed."""


class Sensor:
    """The camera of a board; only one task may use it at a time."""

    def __init__(self, board):
        # The frame size the driver was set to, a name of its FrameSize; "" before the first start.
        self.size = ""
        self._board = board
        # The driver's Camera; None while it is stopped.
        self._camera = None
        # When the driver got its buffer back: it has filled it since.
        self._freed_ms = time.ticks_ms()

    def is_started(self):
        """Whether the driver runs."""
        return self._camera is not None

    async def start(self, size, quality):
        """Turns the sensor off and on and starts the driver; blocks for one second, at worst for four."""
        driver = _load()
        self._board.power_camera(False)
        await asyncio.sleep_ms(POWER_MS)
        self._board.power_camera(True)
        await asyncio.sleep_ms(POWER_MS)
        _mark()
        try:
            # One buffer: with two the driver never stops filling, and the memory traffic disturbs the Wi-Fi.
            self._camera = driver.Camera(
                pixel_format=driver.PixelFormat.JPEG,
                frame_size=getattr(driver.FrameSize, size),
                jpeg_quality=quality,
                fb_count=1,
                grab_mode=driver.GrabMode.WHEN_EMPTY,
                **self._board.CAMERA,
            )
        except _FAULTS as error:
            raise CameraError("the sensor does not start: %s" % error)
        finally:
            _unmark()
        self.size = size
        self._freed_ms = time.ticks_ms()

    def resize(self, size):
        """Changes the size of the frames; the driver forgets its other settings."""
        if size == self.size:
            return
        driver = _load()
        try:
            # `reconfigure` makes a new buffer: a larger frame would be cut in the old one.
            self._camera.reconfigure(frame_size=getattr(driver.FrameSize, size))
        except _FAULTS as error:
            raise CameraError("the size was not accepted: %s" % error)
        self.size = size

    def apply(self, name, value):
        """Changes one setting; raises CameraError if this sensor does not have it."""
        try:
            setattr(self._camera, _PROPERTIES[name], value)
        except _FAULTS as error:
            raise CameraError("%s was not accepted: %s" % (name, error))

    async def capture(self):
        """Returns a fresh frame: the driver's own buffer, good until `free`."""
        try:
            frame = await self._wait()
        except CameraError:
            raise
        except _FAULTS as error:
            raise CameraError("no frame: %s" % error)
        problem = _find_problem(frame)
        if problem is not None:
            self.free()
            raise CameraError(problem)
        return frame

    async def _wait(self):
        camera = self._camera
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._freed_ms) > _STALE_MS and camera.frame_available():
            # The driver filled its buffer right after the last frame was freed: drop that old frame.
            camera.capture()
            camera.free_buffer()
        while not camera.frame_available():
            if time.ticks_diff(time.ticks_ms(), now_ms) > FRAME_MS:
                raise CameraError("no frame in %d s" % (FRAME_MS // 1000))
            await asyncio.sleep_ms(_POLL_MS)
        return camera.capture()

    def free(self):
        """Gives the buffer back; the driver fills it at once with the next frame."""
        self._freed_ms = time.ticks_ms()
        try:
            self._camera.free_buffer()
        except _FAULTS as error:
            raise CameraError("the buffer is not taken back: %s" % error)

    def stop(self):
        """Stops the driver and turns the sensor off; may be called again."""
        camera, self._camera = self._camera, None
        try:
            if camera is not None:
                camera.deinit()
        except _FAULTS:
            # Its power is turned off next.
            pass
        self._board.power_camera(False)


def take_mark():
    """Returns whether the board restarted while the sensor was starting, and removes the mark."""
    try:
        os.stat(MARK_PATH)
    except OSError:
        return False
    _unmark()
    return True


def _mark():
    try:
        open(MARK_PATH, "w").close()
    except OSError:
        # A full or read-only flash must not prevent the frame.
        pass


def _unmark():
    try:
        os.remove(MARK_PATH)
    except OSError:
        pass


def _load():
    try:
        import camera
    except ImportError:
        raise MissingError("this firmware has no camera module: flash the camera image, see docs/hardware.md")
    return camera


def _find_problem(frame):
    # The bytes of the driver's view are signed.
    if frame is None or len(frame) < 4:
        return "the sensor gave no frame"
    if frame[0] & 255 != 0xFF or frame[1] & 255 != 0xD8 or frame[-2] & 255 != 0xFF or frame[-1] & 255 != 0xD9:
        return "a frame that is not a whole JPEG"
    if len(frame) > FRAME_BYTES_MAX:
        return "a frame of %d bytes, at most %d can be sent: lower size or quality" % (len(frame), FRAME_BYTES_MAX)
    return None
