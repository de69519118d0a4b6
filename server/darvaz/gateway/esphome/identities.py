"""What stays the same of each node for years: its MAC address, its port and its key, in the data folder."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

TABLE = "esphome_nodes"
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """One node. Home Assistant knows a board by the MAC, and keeps the key that it chose."""

    mac: str
    """Twelve hexadecimal digits: the board's own, or locally administered."""
    port: int
    """0 for any free one."""
    key: bytes | None = None


class Identities:
    """The identities by device; made when they are first needed. Used from the event loop only."""

    def __init__(self, connection: sqlite3.Connection, first_port: int) -> None:
        self._connection = connection
        self._first_port = first_port

    def of(self, device: str, own_mac: str | None = None) -> NodeIdentity:
        """Returns the identity of a board; a new one has the board's own MAC, if that is known and of no other."""
        row = self._connection.execute(f"SELECT mac, port, key FROM {TABLE} WHERE device = ?", (device,)).fetchone()
        if row is not None:
            return NodeIdentity(*row)
        has_own = own_mac is not None and _is_of_a_board(own_mac) and not self._is_taken(own_mac)
        made = NodeIdentity(own_mac if own_mac and has_own else _new_mac(), self._free_port())
        self._connection.execute(
            f"INSERT INTO {TABLE} (device, mac, port, key) VALUES (?, ?, ?, NULL)", (device, made.mac, made.port)
        )
        return made

    def keep_key(self, device: str, key: bytes | None) -> None:
        """Keeps the key that a client chose; None removes it."""
        self._connection.execute(f"UPDATE {TABLE} SET key = ? WHERE device = ?", (key, device))

    def forget(self, device: str) -> None:
        """Forgets a board: another of its name is another one."""
        self._connection.execute(f"DELETE FROM {TABLE} WHERE device = ?", (device,))

    def _is_taken(self, mac: str) -> bool:
        return self._connection.execute(f"SELECT 1 FROM {TABLE} WHERE mac = ?", (mac,)).fetchone() is not None

    def _free_port(self) -> int:
        """Returns the lowest port that no other board has."""
        if not self._first_port:
            return 0
        taken = {port for (port,) in self._connection.execute(f"SELECT port FROM {TABLE}")}
        return next((port for port in range(self._first_port, _PORT_MAX + 1) if port not in taken), 0)


def _is_of_a_board(mac: str) -> bool:
    """Returns whether one station can have the address: groups have an odd first byte; 0 is of a radio that is off."""
    return int(mac, 16) != 0 and not int(mac[:2], 16) & 1


def _new_mac() -> str:
    """Returns an address that no maker of hardware gives: its second-lowest bit is set (IEEE 802, section 8.2.2)."""
    return f"02{secrets.token_hex(5)}"
