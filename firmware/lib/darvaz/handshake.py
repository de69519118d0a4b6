"""The opening handshake (RFC 6455 section 4) of the device: the request and the gateway's answer."""

import binascii
import hashlib
import os

RETRY_AFTER_S_MAX = 86400
# RFC 6455 section 1.3.
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def make_request(host, path, headers):
    """Returns the request and the Sec-WebSocket-Accept that the answer must hold.

    `headers` maps further names to values. Raises ValueError if a value would break out of its line.
    """
    key = _base64(os.urandom(16))
    lines = ["GET " + path + " HTTP/1.1", "Host: " + host, "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key]
    lines += [name + ": " + headers[name] for name in headers]
    if " " in host + path or any(not 32 <= byte < 127 for line in lines for byte in line.encode()):
        # The message does not quote the line: it may hold the token.
        raise ValueError("a line of the handshake holds a character that it cannot carry")
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), accept_of(key)


def accept_of(key):
    """Returns the Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key."""
    return _base64(hashlib.sha1((key + _GUID).encode()).digest())


def read_answer(head, accept):
    """Returns (status, retry_after_s or None, bytes of the body, fault or None) of an answer's head."""
    lines = head.split("\r\n")
    version, status = (lines.pop(0) + " ").split(" ")[:2]
    if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdigit():
        return 0, None, 0, "the answer is not HTTP"
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or name != name.strip():
            return 0, None, 0, "the answer has a malformed header"
        found[name] = value.strip()
    fault = _find_fault(found, accept) if status == "101" else None
    retry_after_s, body_bytes = [_number(found.get(name, "")) for name in ("retry-after", "content-length")]
    return int(status), retry_after_s, body_bytes or 0, fault


def _find_fault(found, accept):
    if found.get("upgrade", "").lower() != "websocket" or "upgrade" not in found.get("connection", "").lower():
        return "the answer lacks Upgrade or Connection"
    if found.get("sec-websocket-accept") != accept:
        return "Sec-WebSocket-Accept is wrong: the answer belongs to another request"
    for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
        if name in found:
            return "the answer chose %s, which was not offered" % name
    return None


def _number(text):
    # Retry-After may also be a date (RFC 9110 section 10.2.3). Nine digits are a small integer on every port.
    return min(int(text), RETRY_AFTER_S_MAX) if text.isdigit() and len(text) < 10 else None


def _base64(data):
    return binascii.b2a_base64(data).decode().strip()
