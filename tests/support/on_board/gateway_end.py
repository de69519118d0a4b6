"""The gateway's end of a WebSocket, for tests on both interpreters: packets as it sends them, and what it reads."""

from firmware.lib.darvaz import handshake, websocket

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
# The smallest buffer a WebSocket accepts.
RECEIVE_BYTES = 2048


def packet(opcode, data=b"", is_last=True):
    """Returns a packet as a gateway sends it."""
    first = bytes([opcode | (0x80 if is_last else 0)])
    if len(data) < 126:
        return first + bytes([len(data)]) + data
    if len(data) < 65536:
        return first + b"\x7e" + len(data).to_bytes(2, "big") + data
    return first + b"\x7f" + len(data).to_bytes(8, "big") + data


def unmasked(view):
    """Returns (opcode, payload) of a packet that a device wrote; raises AssertionError where it is not one."""
    data = bytes(view)
    size, at = data[1] & 127, 2
    assert data[0] & 0x80 and not data[0] & 0x70, "in fragments, or with a reserved bit"
    assert data[1] & 128, "not masked"
    if size > 125:
        count = 2 if size == 126 else 8
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    key, body = data[at : at + 4], data[at + 4 :]
    assert len(body) == size, "wrong length"
    return data[0] & 15, bytes([body[i] ^ key[i & 3] for i in range(size)])


def answer_to(request):
    """Returns the answer that accepts a request."""
    lines = request.decode().split("\r\n")
    (key,) = [line[19:] for line in lines if line.startswith("Sec-WebSocket-Key: ")]
    accept = handshake.accept_of(key)
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return (head + "Sec-WebSocket-Accept: %s\r\n\r\n" % accept).encode()


def receive_all(one, data, step=None):
    """Feeds bytes, in pieces of a size if one is given, and returns the events, with views as bytes."""
    events = []
    at = 0
    while at < len(data):
        space = one.input_space()
        count = min(len(space), len(data) - at, step or len(data))
        if not count:
            raise AssertionError("no space")
        space[:count] = data[at : at + count]
        one.receive(count)
        at += count
        events += take_events(one)
    return events


def take_events(one):
    """Returns the events that are due, their views as bytes."""
    events = []
    event = one.take_event()
    while event is not None:
        events.append(("binary", bytes(event[1])) if event[0] == "binary" else event)
        event = one.take_event()
    return events


def opened(send_bytes_max=512, receive_bytes=RECEIVE_BYTES):
    """Returns a WebSocket whose handshake is done."""
    one = websocket.WebSocket(receive_bytes, send_bytes_max)
    receive_all(one, answer_to(one.start("h", "/", {})))
    return one
