"""MJPEG over HTTP (multipart/x-mixed-replace) as players and browsers expect it: the head, and each frame as a part."""

from __future__ import annotations

from darvaz.gateway.frames import Frame

_BOUNDARY = "frame"

HEADERS = [
    (b"content-type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}".encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    # nginx would collect frames before it passes them on.
    (b"x-accel-buffering", b"no"),
]

_BORDER = f"\r\n--{_BOUNDARY}\r\n".encode()
# The border before the first part.
PREAMBLE = _BORDER[2:]


def pack_part(frame: Frame) -> bytes:
    """Returns a frame as one part, with the border behind it: a browser shows a part when it sees its end."""
    head = "Content-Type: image/jpeg\r\nContent-Length: %d\r\nX-Timestamp: %.3f\r\n\r\n"
    return b"".join(((head % (len(frame.data), frame.unix_s)).encode(), frame.data, _BORDER))
