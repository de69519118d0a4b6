"""A stub of the driver `camera` of micropython-camera-API: real JPEGs of a moving picture."""

from _host import ask, ask_for_bytes


class _Names:
    """Constants whose value is their name."""

    def __getattr__(self, name):
        return name


FrameSize = _Names()
PixelFormat = _Names()
GrabMode = _Names()


class Camera:
    """The driver: `capture` returns a view of its one buffer, good until the next call."""

    def __init__(self, pixel_format="RGB565", frame_size="QVGA", jpeg_quality=85, fb_count=1, init=True, **wiring):
        if pixel_format != "JPEG":
            raise ValueError("the simulated camera has only JPEG")
        if not ask("start_camera")["is_started"]:
            raise OSError("Failed to initialize camera: ESP_ERR_NOT_FOUND")
        self.frame_size = frame_size
        self.quality = jpeg_quality
        self.vflip = self.hmirror = False
        self.brightness = self.contrast = self.saturation = self.ae_level = 0
        self._frame = None

    def frame_available(self):
        """Returns whether a frame can be captured."""
        if self._frame is None:
            self._frame = ask_for_bytes("frame", size=self.frame_size, quality=self.quality) or None
        return self._frame is not None

    def capture(self):
        """Returns the frame like the driver: a view of signed bytes of its buffer, or None."""
        return memoryview(self._frame) if self.frame_available() else None

    def free_buffer(self):
        """Takes the buffer back: its content is lost."""
        if self._frame is not None:
            for at in range(min(64, len(self._frame))):
                self._frame[at] = 0
            self._frame = None

    def reconfigure(self, frame_size=None, pixel_format=None, grab_mode=None, fb_count=None):
        """Changes the size of the frames."""
        self.free_buffer()
        self.frame_size = frame_size or self.frame_size

    def init(self):
        """Starts the sensor."""

    def deinit(self):
        """Stops the sensor."""
        self._frame = None
