"""The board's side of the conversation with its simulated hardware: one question, one answer."""

import array
import errno
import json
import os

import usocket

_link = None


def ask(do, **fields):
    """Returns the answer to a question, a dictionary."""
    link = _take()
    reply = _ask(link, do, fields)
    _give_back(link)
    return reply


def ask_for_bytes(do, **fields):
    """Returns the bytes that follow the answer to a question, signed as a camera's driver has them."""
    link = _take()
    size_bytes = _ask(link, do, fields)["bytes"]
    data = array.array("b", bytes(size_bytes))
    view, at = memoryview(data), 0
    while at < size_bytes:
        received = link.readinto(view[at:])
        if not received:
            raise OSError(errno.ECONNRESET)
        at += received
    _give_back(link)
    return data


def _take():
    # Ctrl-C may come in the middle of a question: what was taken and not given back is not asked again.
    global _link
    link, _link = _link, None
    return link or _connect()


def _give_back(link):
    global _link
    _link = link


def _connect():
    sock = usocket.socket()
    sock.connect(usocket.getaddrinfo("127.0.0.1", int(os.getenv("DARVAZ_VIRTUAL_PORT")))[0][-1])
    sock.write(os.getenv("DARVAZ_VIRTUAL_KEY").encode() + b"\n")
    return sock


def _ask(link, do, fields):
    fields["do"] = do
    link.write(json.dumps(fields).encode() + b"\n")
    return json.loads(link.readline())
