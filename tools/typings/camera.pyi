"""The camera driver as the board's program uses it, after the README of cnadler86/micropython-camera-API 0.6."""

class FrameSize:
    QQVGA: int
    QVGA: int
    VGA: int
    SVGA: int
    XGA: int
    SXGA: int
    UXGA: int

class PixelFormat:
    JPEG: int

class GrabMode:
    WHEN_EMPTY: int
    LATEST: int

class Camera:
    quality: int
    vflip: bool
    hmirror: bool
    brightness: int
    contrast: int
    saturation: int
    ae_level: int

    def __init__(
        self,
        *,
        data_pins: list[int] = ...,
        pclk_pin: int = ...,
        vsync_pin: int = ...,
        href_pin: int = ...,
        sda_pin: int = ...,
        scl_pin: int = ...,
        xclk_pin: int = ...,
        xclk_freq: int = ...,
        powerdown_pin: int = ...,
        reset_pin: int = ...,
        pixel_format: int = ...,
        frame_size: int = ...,
        jpeg_quality: int = ...,
        fb_count: int = ...,
        grab_mode: int = ...,
        init: bool = ...,
    ) -> None: ...
    def init(self) -> None: ...
    def deinit(self) -> None: ...
    def reconfigure(
        self, *, frame_size: int = ..., pixel_format: int = ..., grab_mode: int = ..., fb_count: int = ...
    ) -> None: ...
    def frame_available(self) -> bool: ...
    def capture(self) -> memoryview | None: ...
    def free_buffer(self) -> None: ...
