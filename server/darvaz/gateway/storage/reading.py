"""How a store is read outside of the event loop, whatever program keeps it; a file of SQLite by `read_pool`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

_View = TypeVar("_View", covariant=True)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class StoreBusyError(Exception):
    """Too many reads wait, or one took too long; it may be tried again later."""


class StoreError(Exception):
    """The store cannot be read: it is damaged, or its disk fails."""


class StoreReader(Protocol[_View]):
    """Hands a view of the store to functions, in threads; for the event loop but for `reopen`."""

    @property
    def waiting(self) -> int:
        """How many reads run or wait."""

    async def read(self, function: Callable[Concatenate[_View, _P], _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Returns `function(view, …)`; raises `StoreBusyError` if that takes too long, and `StoreError`."""

    def reopen(self) -> None:
        """Has what is read from now on be of the store that is there then. From any thread."""

    def close(self) -> None:
        """Ends the threads; a read that runs may finish, up to its deadline."""
