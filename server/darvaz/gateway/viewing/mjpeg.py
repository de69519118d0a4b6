"""MJPEG over HTTP (multipart/x-mixed-replace), as players and browsers expect it: headers, and frames as parts."""

from __future__ import annotations

from darvaz.gateway.frames import Frame

_BOUNDARY = "frame"

HEADERS = [
    (b"content-type", f"multipart/x-mixed-replace; boundary={_BOUNDARY}".encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    # Stops nginx from buffering frames.
    (b"x-accel-buffering", b"no"),
]

_DELIMITER = f"\r\n--{_BOUNDARY}\r\n".encode()
# The delimiter before the first part.
PREAMBLE = _DELIMITER[2:]

# A header of the next part, whenever that comes.
BEAT = b"X-Beat: 1\r\n"


def pack_part(frame: Frame) -> bytes:
    """Returns a frame as one part and the delimiter after it: a browser shows a part when it has seen its end."""
    head = "Content-Type: image/jpeg\r\nContent-Length: %d\r\nX-Timestamp: %.3f\r\n\r\n"
    return b"".join(((head % (len(frame.data), frame.unix_s)).encode(), frame.data, _DELIMITER))
