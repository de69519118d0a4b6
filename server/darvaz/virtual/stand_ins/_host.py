"""The board's side of the conversation with its simulated hardware: one question, one answer."""

import array
import json
import os

import usocket

_link = None


def connect():
    """Connects; called once at start."""
    global _link
    sock = usocket.socket()
    sock.connect(usocket.getaddrinfo("127.0.0.1", int(os.getenv("DARVAZ_VIRTUAL_PORT")))[0][-1])
    sock.write(os.getenv("DARVAZ_VIRTUAL_KEY").encode() + b"\n")
    _link = sock


def ask(do, **fields):
    """Returns the answer to a question, a dictionary."""
    fields["do"] = do
    _link.write(json.dumps(fields).encode() + b"\n")
    return json.loads(_link.readline())


def read(size_bytes):
    """Returns the bytes that follow an answer, signed as a camera's driver has them."""
    data = array.array("b", bytes(size_bytes))
    view, at = memoryview(data), 0
    while at < size_bytes:
        at += _link.readinto(view[at:])
    return data
