"""Prints how much heap a ping, a frame and the stubs of hardware take, as one line of JSON."""

import gc
import json
import sys

from darvaz import session, websocket

sys.path.extend(sys.argv[1:])
ROUNDS = 50


def taken(function, rounds=1):
    """Returns the bytes that a call allocates, garbage too."""
    function()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(rounds):
        function()
    after = gc.mem_alloc()
    gc.enable()
    return (after - before) // rounds


def stand_ins():
    """Imports what a board has in C."""
    gc.collect()
    before = gc.mem_alloc()
    __import__("machine")
    __import__("network")
    gc.collect()
    return gc.mem_alloc() - before


one = websocket.WebSocket(3072, 2048)
one.start("h", "/", {})
one.state = websocket.OPEN
talk = session.Session({"type": "connect", "device": "d"}, lambda: {"uptime_s": 5}, 2048)
talk.state = session.OPEN
PING = b'\x81\x1f{"type":"ping","time":17900000}'
frame = bytearray(25000)


def round_trip():
    """Receives a ping and answers it."""
    one.input_space()[: len(PING)] = PING
    one.receive(len(PING))
    event = one.take_event()
    talk.receive(event[1], 0)
    one.send_text(talk.writes.pop(0))
    assert one.take_event() is None


figures = {
    "round_trip_bytes": taken(round_trip, ROUNDS),
    "frame_bytes": taken(lambda: one.send_frame(frame)),
    "stand_in_bytes": stand_ins(),
}
print(json.dumps(figures))
