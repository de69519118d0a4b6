"""The opening handshake (RFC 6455 section 4), and the proof of a token that is not sent (protocol.json, x-headers).

Loaded while a connection opens. The gateway shows first that it knows the token. Like SCRAM (RFC 5802), with the
SHA-256 of the secret as stored key.
"""

import binascii
import hashlib
import os

from .session import decode

ANSWER_BYTES_MAX = 2048
# On a plain network the answer may be of someone else.
RETRY_AFTER_S_MAX = 300
# RFC 6455 section 1.3.
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HEADER = "Darvaz-Token"
_SECRET_CHARS = 43
_BLOCK_BYTES = 64


def make_request(host, path, headers):
    """Returns the request and its Sec-WebSocket-Key, by which the answer is known.

    `headers` maps further names to values, in which {} is the key: it is new for each connection. Raises ValueError if
    a value would break out of its line.
    """
    key = _base64(os.urandom(16))
    lines = ["GET " + path + " HTTP/1.1", "Host: " + host, "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key]
    lines += [name + ": " + headers[name].replace("{}", key) for name in headers]
    is_odd = " " in host + path
    for line in lines:
        for byte in line.encode():
            is_odd = is_odd or not 32 <= byte < 127
    if is_odd:
        # The message does not quote the line: it may hold the token.
        raise ValueError("a header holds a character that it cannot carry")
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), key


def accept_of(key):
    """Returns the Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key."""
    return _base64(hashlib.sha1((key + _GUID).encode()).digest())


def read_answer(data, size, is_ended, key):
    """Returns the event that an answer is, as websocket.py tells it, or None while more of it must be read.

    "opened" comes with the challenge or None, and the position of what follows the answer. `size` bytes of the buffer
    have arrived, and `is_ended` tells whether no more will.
    """
    head_bytes = data.find(b"\r\n\r\n", 0, size)
    if head_bytes < 0:
        if size > ANSWER_BYTES_MAX or data[: min(5, size)] != b"HTTP/"[:size]:
            return "failed", 1002, "the answer is not HTTP"
        return None
    view, body_at = memoryview(data), head_bytes + 4
    head = decode(view[:head_bytes]) or ""
    status, retry_after_s, body_bytes, fault, challenge = read_head(head, accept_of(key))
    if fault:
        return "failed", 1002, fault
    if status == 101:
        return "opened", challenge, body_at
    # The body says why, for people: wait for as much of it as fits.
    wanted = min(body_at + body_bytes, len(data))
    if size < wanted and not is_ended:
        return None
    return "refused", status, retry_after_s, decode(view[body_at : min(wanted, size)]) or ""


def read_head(head, accept):
    """Returns (status, retry_after_s or None, bytes of the body, fault or None, challenge or None) of a head."""
    lines = head.split("\r\n")
    version, status = (lines.pop(0) + " ").split(" ")[:2]
    if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdigit():
        return 0, None, 0, "the answer is not HTTP", None
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or name != name.strip():
            return 0, None, 0, "the answer has a malformed header", None
        found[name] = value.strip()
    fault = _find_fault(found, accept) if status == "101" else None
    retry_after_s, body_bytes = _number(found.get("retry-after", "")), _number(found.get("content-length", ""))
    if retry_after_s is not None:
        retry_after_s = min(retry_after_s, RETRY_AFTER_S_MAX)
    return int(status), retry_after_s, body_bytes or 0, fault, found.get("darvaz-challenge")


def _find_fault(found, accept):
    if found.get("upgrade", "").lower() != "websocket" or "upgrade" not in found.get("connection", "").lower():
        return "the answer lacks Upgrade or Connection"
    if found.get("sec-websocket-accept") != accept:
        return "the answer has a wrong Sec-WebSocket-Accept"
    for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
        if name in found:
            return "the answer chose %s, which was not offered" % name
    return None


def _number(text):
    # Retry-After may also be a date (RFC 9110 section 10.2.3). Nine digits are a small integer on every port.
    return int(text) if text.isdigit() and len(text) < 10 else None


def _base64(data):
    return binascii.b2a_base64(data).decode().strip()


# The token


def plan_request(config, kind):
    """Returns path and headers of the handshake, and the token that the `auth` message is made from, or None.

    Without `auth` in the configuration the token is proven, if it has the form of one.
    """
    token, how, path = config.get("token"), config.get("auth", "proof"), "/ws/" + kind
    if not token or how == "message":
        return path, {}, token
    parts = token.split("_", 2)
    if how == "header" or len(parts) != 3 or len(parts[2]) != _SECRET_CHARS:
        return path, {"Authorization": "Bearer " + token}, None
    return path, {HEADER: parts[1] + " {}"}, token


def make_auth(link, token, is_proof, nonce, challenge):
    """Returns the `auth` message; None and the end of the link where the gateway does not know the token."""
    if not is_proof:
        return {"type": "auth", "token": token}
    _, name, secret = token.split("_", 2)
    key = hashlib.sha256(secret.encode()).digest()
    gateway_nonce, _, shown = (challenge or "").partition(" ")
    tail = " %s %s %s" % (name, nonce, gateway_nonce)
    if digest(key, ("gateway" + tail).encode()) != shown:
        link.is_refused = True
        link.end(
            "the gateway does not prove that it knows this token: it is older, or not yours;"
            ' "auth": "header" in config.json sends it'
        )
        return None
    pad = binascii.unhexlify(digest(key, ("device" + tail).encode()))
    masked = binascii.a2b_base64(secret.replace("-", "+").replace("_", "/") + "=")
    return {"type": "auth", "proof": binascii.hexlify(bytes([a ^ b for a, b in zip(masked, pad)])).decode()}


def digest(key, message):
    """Returns the code of a message by a key of at most 64 bytes."""
    key = key + bytes(_BLOCK_BYTES - len(key))
    for pad in (0x36, 0x5C):
        hashed = hashlib.sha256(bytes([byte ^ pad for byte in key]))
        hashed.update(message)
        message = hashed.digest()
    return binascii.hexlify(message).decode()
