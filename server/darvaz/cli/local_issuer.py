"""Issues tokens for `darvaz flash` in the data folder of this machine, whether the gateway runs or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from darvaz.boards.flashing import FlashError, FlashOutcome
from darvaz.boards.flashing.device_token import KnownToken, NewToken
from darvaz.gateway.access import Tokens
from darvaz.gateway.storage.database import StorageError, opened

_Result = TypeVar("_Result")


class DataFolderIssuer:
    """A `TokenIssuer` on the gateway's database."""

    def __init__(self, data: Path) -> None:
        self._data = data.expanduser()

    def known(self) -> list[KnownToken]:
        unix_s = time.time()
        tokens = self._use(lambda tokens: tokens.list())
        return [
            KnownToken(token.token_id, token.kind, token.label, token.device, token.is_live(unix_s)) for token in tokens
        ]

    def issue(self, kind: str, device: str, label: str) -> NewToken:
        issued = self._use(lambda tokens: tokens.issue(kind, label, None, device))
        return NewToken(issued.token_id, issued.text)

    def revoke(self, token_id: str) -> None:
        self._use(lambda tokens: tokens.revoke(token_id))

    def _use(self, action: Callable[[Tokens], _Result]) -> _Result:
        try:
            with opened(self._data) as connection:
                return action(Tokens(connection, time.time))
        except StorageError as error:
            raise FlashError(FlashOutcome.NO_TOKEN, f"no token can be issued: {error}") from None
