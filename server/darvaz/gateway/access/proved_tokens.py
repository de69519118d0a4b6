"""Tokens whose secret came lately and was right: the next request with it needs no look-up in the tables.

They are found by the hash of the secret that came, so every wrong text costs the look-up that it always did.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from darvaz.gateway.storage.mirrored_tables import MirroredTables

TOKENS_MAX = 1024


class ProvedTokens:
    """At most `TOKENS_MAX` tokens, as the tables had them; any change of the tables forgets them all.

    Only of tables in memory, which nobody else changes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._is_copy = isinstance(connection, MirroredTables)
        # The hash of a secret → its token.
        self._found: dict[bytes, Any] = {}
        # Rows that had changed in the tables when these were found.
        self._changes = -1

    def find(self, digest: bytes) -> Any:
        """Returns the token with the secret of this hash, as the tables have it; None where they are to be asked."""
        if not self._found or self._connection.total_changes == self._changes:
            return self._found.get(digest)
        self._found.clear()
        return None

    def keep(self, digest: bytes, token: Any) -> None:
        """Keeps what the tables said of a secret; not within a transaction, which may be undone."""
        connection = self._connection
        if not self._is_copy or connection.in_transaction:
            return
        if connection.total_changes != self._changes or len(self._found) >= TOKENS_MAX:
            self._found.clear()
            self._changes = connection.total_changes
        self._found[digest] = token
