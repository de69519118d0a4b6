"""The board's connection to its simulated hardware: one request, one answer."""

import _thread
import array
import errno
import json
import os
import sys

import usocket

# Of one transfer on a bus, as the other end has it.
TRANSFER_BYTES_MAX = 1024 * 1024
# Where the modules are that are loaded when they are used; `_boot` makes it a folder that nobody lists.
FOLDER = "/.virtual"
# The socket; None before the first request, and while one is under way.
_connection = None
# Timers ask from a thread of their own.
_lock = _thread.allocate_lock()


def ask(do, **fields):
    """Sends a request and returns the answer, a dictionary."""
    with _lock:
        connection = _take()
        reply = _ask(connection, do, fields)
        _give_back(connection)
        return reply


def exchange(do, sent=b"", **fields):
    """Sends a request and bytes, and returns the answer and the bytes that follow it."""
    if len(sent) > TRANSFER_BYTES_MAX:
        raise OSError(errno.ENOMEM)
    with _lock:
        connection = _take()
        fields["sent_bytes"] = len(sent)
        reply = _ask(connection, do, fields, sent)
        data = bytearray(reply.get("bytes", 0))
        _fill(connection, data)
        _give_back(connection)
        return reply, data


def view(buf):
    """Returns the bytes of a buffer, to be written; an array of larger numbers has more than its length says."""
    if isinstance(buf, bytearray):
        return buf
    import uctypes

    return uctypes.bytearray_at(uctypes.addressof(buf), len(bytes(buf)))


def load(name):
    """Returns a module of this computer, whatever the board has of its name."""
    sys.path.insert(0, FOLDER)
    try:
        return __import__(name)
    finally:
        sys.path.remove(FOLDER)


def ask_for_bytes(do, **fields):
    """Sends a request and returns the bytes that follow the answer, signed as in the camera's driver."""
    with _lock:
        connection = _take()
        size_bytes = _ask(connection, do, fields)["bytes"]
        data = array.array("b", bytes(size_bytes))
        _fill(connection, data)
        _give_back(connection)
        return data


def _fill(connection, data):
    view, at = memoryview(data), 0
    while at < len(data):
        received = connection.readinto(view[at:])
        if not received:
            raise OSError(errno.ECONNRESET)
        at += received


def _take():
    # Ctrl-C may come in the middle of a request: then the connection is not given back, and not used again.
    global _connection
    connection, _connection = _connection, None
    return connection or _connect()


def _give_back(connection):
    global _connection
    _connection = connection


def _connect():
    sock = usocket.socket()
    sock.connect(usocket.getaddrinfo("127.0.0.1", int(os.getenv("DARVAZ_VIRTUAL_PORT")))[0][-1])
    sock.write(os.getenv("DARVAZ_VIRTUAL_KEY").encode() + b"\n")
    return sock


def _ask(connection, do, fields, sent=b""):
    fields["do"] = do
    connection.write(json.dumps(fields).encode() + b"\n")
    if sent:
        connection.write(sent)
    return json.loads(connection.readline())


SETUP = ask("setup")
KIND = SETUP["kind"]
