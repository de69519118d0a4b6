"""A subscriber that stores reports of MQTT in SQLite, as a tutorial would: the baseline of the telemetry case.

    python -m bench.mqtt_to_sqlite PORT FILE

It subscribes to every topic at QoS 0 and adds a row a value to a table without an index, in a transaction a second.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing

_CONNECT = b"\x10\x16\x00\x04MQTT\x04\x02\x00\x00\x00\x0asubscriber"
_SUBSCRIBE = b"\x82\x06\x00\x01\x00\x01#\x00"
_PUBLISH = 0x30
_COMMIT_EVERY_S = 1.0
_READ_BYTES = 65_536


def main(port: int, file: str) -> None:
    """Stores until the broker ends."""
    with closing(sqlite3.connect(file)) as database, socket.create_connection(("127.0.0.1", port)) as link:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE readings (time_s REAL, topic TEXT, name TEXT, value REAL)")
        link.settimeout(_COMMIT_EVERY_S)
        link.sendall(_CONNECT + _SUBSCRIBE)
        store(link, database)


def store(link: socket.socket, database: sqlite3.Connection) -> None:
    """Reads packets, and writes what they hold once a second."""
    received = b""
    rows: list[tuple[float, str, str, float]] = []
    commit_s = time.monotonic() + _COMMIT_EVERY_S
    while True:
        try:
            more = link.recv(_READ_BYTES)
            if not more:
                return
            received += more
        except TimeoutError:
            pass
        found = list(publications(received))
        for _, topic, payload in found:
            now_s = time.time()
            rows += [(now_s, topic, name, value) for name, value in json.loads(payload)["values"].items()]
        received = received[found[-1][0] :] if found else received
        if rows and time.monotonic() >= commit_s:
            with database:
                database.executemany("INSERT INTO readings VALUES (?, ?, ?, ?)", rows)
            rows.clear()
            commit_s = time.monotonic() + _COMMIT_EVERY_S


def publications(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    """Yields where each whole packet of the data ends, and topic and payload of those that are publications."""
    start = 0
    while (head := _head(data, start)) is not None:
        begin, end = head
        if data[start] & 0xF0 == _PUBLISH:
            topic_end = begin + 2 + int.from_bytes(data[begin : begin + 2], "big")
            yield end, data[begin + 2 : topic_end].decode(), data[topic_end:end]
        start = end


def _head(data: bytes, start: int) -> tuple[int, int] | None:
    """Returns where the rest of a packet begins and ends; None while not all of it is there."""
    length = shift = 0
    for at in range(start + 1, min(start + 5, len(data))):
        length |= (data[at] & 0x7F) << shift
        shift += 7
        if data[at] < 0x80:
            end = at + 1 + length
            return (at + 1, end) if end <= len(data) else None
    return None


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
