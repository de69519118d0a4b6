"""The camera's driver, one frame at a time: what it raises and what it gets wrong becomes a CameraError in words.

The driver is the C module of https://github.com/cnadler86/micropython-camera-API, in an image of its own.
"""

import asyncio
import os
import time

from darvaz.messages import FRAME_BYTES_MAX

# A frame that does not come in this time will not come.
FRAME_MS = 2000
# How long the sensor is without power, and then with it, before it is started.
POWER_MS = 100
# Exists while the sensor starts: found at boot, it tells that the power went away then.
MARK_PATH = "camera.starting"

_POLL_MS = 5
# A picture older than this is not what is to be seen now.
_STALE_MS = 300
# What the driver raises. MemoryError: the image or the board has no PSRAM.
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
    """There is no picture; the text says why."""


class MissingError(CameraError):
    """There is no driver in this firmware, so trying again is of no use."""


class Sensor:
    """The camera of a board, started at most once at a time; only one task may use it."""

    def __init__(self, board):
        self.size = ""
        self._board = board
        self._camera = None
        self._freed_ms = time.ticks_ms()

    def is_started(self):
        """Returns whether there is a driver to ask for frames."""
        return self._camera is not None

    async def start(self, size, quality):
        """Gives the sensor its power anew and starts it; blocks for about a second, in the worst case for four."""
        driver = _load()
        self._board.power_camera(False)
        await asyncio.sleep_ms(POWER_MS)
        self._board.power_camera(True)
        await asyncio.sleep_ms(POWER_MS)
        _mark()
        try:
            # One buffer: two would fill without end, and their memory traffic is what Wi-Fi suffers from.
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
        """Changes the size of the frames; their other settings are lost."""
        if size == self.size:
            return
        driver = _load()
        try:
            # The buffer is made for one size: a larger frame in it would be cut.
            self._camera.reconfigure(frame_size=getattr(driver.FrameSize, size))
        except _FAULTS as error:
            raise CameraError("the size was not taken: %s" % error)
        self.size = size

    def apply(self, name, value):
        """Changes one setting; raises CameraError when this sensor has no such thing."""
        try:
            setattr(self._camera, _PROPERTIES[name], value)
        except _FAULTS as error:
            raise CameraError("%s was not taken: %s" % (name, error))

    async def capture(self):
        """Returns a fresh frame: the driver's own buffer, good until `free`."""
        try:
            frame = await self._wait()
        except CameraError:
            raise
        except _FAULTS as error:
            raise CameraError("no frame: %s" % error)
        trouble = _find_trouble(frame)
        if trouble is not None:
            self.free()
            raise CameraError(trouble)
        return frame

    async def _wait(self):
        camera = self._camera
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._freed_ms) > _STALE_MS and camera.frame_available():
            # The driver filled its buffer when the last frame was freed, which is long ago.
            camera.capture()
            camera.free_buffer()
        while not camera.frame_available():
            if time.ticks_diff(time.ticks_ms(), now_ms) > FRAME_MS:
                raise CameraError("no frame in %d s" % (FRAME_MS // 1000))
            await asyncio.sleep_ms(_POLL_MS)
        return camera.capture()

    def free(self):
        """Gives the buffer back; the driver fills it at once with the next picture."""
        self._freed_ms = time.ticks_ms()
        try:
            self._camera.free_buffer()
        except _FAULTS as error:
            raise CameraError("the buffer is not taken back: %s" % error)

    def stop(self):
        """Stops the driver and takes the sensor's power away; stopped already, it stays so."""
        camera, self._camera = self._camera, None
        try:
            if camera is not None:
                camera.deinit()
        except _FAULTS:
            # It is as broken as before, and loses its power now.
            pass
        self._board.power_camera(False)


def take_mark():
    """Returns whether the board restarted while the sensor was starting; the next call says no."""
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
        # A full or read-only flash must not cost the picture.
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


def _find_trouble(frame):
    # The bytes of the driver's view are signed.
    if frame is None or len(frame) < 4:
        return "the sensor gave no frame"
    if frame[0] & 255 != 0xFF or frame[1] & 255 != 0xD8 or frame[-2] & 255 != 0xFF or frame[-1] & 255 != 0xD9:
        return "a frame that is no whole JPEG"
    if len(frame) > FRAME_BYTES_MAX:
        return "a frame of %d bytes, at most %d can be sent: lower size or quality" % (len(frame), FRAME_BYTES_MAX)
    return None
