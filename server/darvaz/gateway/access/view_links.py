"""View links: each shows one camera for some time, to programs and pages that cannot send a header."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Callable

from darvaz.gateway.storage.database import read_setting

VIEW_MINUTES = 60.0
VIEW_MINUTES_MAX = 7 * 24 * 60.0
SIGNATURE_CHARS = 43

_KEY_BYTES = 32
_KEY = "signing_key"


class Signer:
    """Signs and checks view links; the key is made once and stored in the data folder."""

    def __init__(self, connection: sqlite3.Connection, unix_s: Callable[[], float]) -> None:
        self._unix_s = unix_s
        self._connection = connection
        self.load_key()

    def load_key(self) -> None:
        """Loads the stored key, and makes one where there is none."""
        self._key = _load_key(self._connection)
        self.gateway_code = hmac.digest(self._key, b"mark", hashlib.sha256).hex()[:8]
        """A short code that differs between gateways of one host; it does not reveal the key."""

    def sign(self, device: str, minutes: float = VIEW_MINUTES, *, since_s: float = 0.0) -> tuple[int, str]:
        """Returns the end of a view link in Unix seconds, and its signature.

        `since_s` is when the device was first seen: another device of its id, after it was forgotten, is not shown.
        Raises `ValueError` for minutes out of bounds.
        """
        if not 0 < minutes <= VIEW_MINUTES_MAX:
            raise ValueError(f"a signed link lives for up to {VIEW_MINUTES_MAX:g} minutes")
        until_s = int(self._unix_s() + minutes * 60)
        return until_s, self._signature(device, until_s, since_s)

    def is_signed(self, device: str, until_s: int, signature: str, *, since_s: float = 0.0) -> bool:
        """Whether a signature is valid for this camera, and not expired."""
        expected = self._signature(device, until_s, since_s)
        is_right = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass"))
        return is_right and self._unix_s() < until_s

    def _signature(self, device: str, until_s: int, since_s: float) -> str:
        signed = f"camera\n{until_s}\n{since_s!r}\n{device}".encode("utf-8", "surrogatepass")
        return base64.urlsafe_b64encode(hmac.digest(self._key, signed, hashlib.sha256)).decode().rstrip("=")


def _load_key(connection: sqlite3.Connection) -> bytes:
    connection.execute(
        "INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)", (_KEY, secrets.token_hex(_KEY_BYTES))
    )
    return bytes.fromhex(read_setting(connection, _KEY) or "")
