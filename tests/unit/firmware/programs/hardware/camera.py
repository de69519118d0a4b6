"""A stub of the camera driver; tests set its frames."""

JPEG = b"\xff\xd8 a picture \xff\xd9"
# Stands for a frame that never comes.
NEVER = object()

# What comes next: frames, then good ones; errors of the next starts. The cameras that were made.
frames = []
faults = []
made = []


class _Names:
    """Has every name."""

    def __getattr__(self, name):
        return name


FrameSize = PixelFormat = GrabMode = _Names()


class Camera:
    """The driver's camera; settings are plain attributes."""

    def __init__(self, **settings):
        self.settings = settings
        self.open_buffers = 0
        made.append(self)
        if faults:
            raise faults.pop(0)

    def reconfigure(self, frame_size):
        """Takes the size."""
        self.settings["frame_size"] = frame_size

    def frame_available(self):
        """Returns whether the next frame is one that comes."""
        return not frames or frames[0] is not NEVER

    def capture(self):
        """Returns the next frame in a buffer of the driver."""
        self.open_buffers += 1
        frame = frames.pop(0) if frames else JPEG
        return None if frame is None else memoryview(bytearray(frame))

    def free_buffer(self):
        """Takes the buffer back."""
        self.open_buffers = 0

    def deinit(self):
        """Does nothing."""


def renew():
    """Clears its state."""
    for things in (frames, faults, made):
        things.clear()
