"""The board's connection to its simulated hardware: one request, one answer."""

import _thread
import array
import errno
import json
import os

import usocket

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


def ask_for_bytes(do, **fields):
    """Sends a request and returns the bytes that follow the answer, signed as in the camera's driver."""
    with _lock:
        connection = _take()
        size_bytes = _ask(connection, do, fields)["bytes"]
        data = array.array("b", bytes(size_bytes))
        view, at = memoryview(data), 0
        while at < size_bytes:
            received = connection.readinto(view[at:])
            if not received:
                raise OSError(errno.ECONNRESET)
            at += received
        _give_back(connection)
        return data


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


def _ask(connection, do, fields):
    fields["do"] = do
    connection.write(json.dumps(fields).encode() + b"\n")
    return json.loads(connection.readline())
