"""The links that boards of rollouts have at other gateways: which one it is, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from darvaz.gateway.devices.elsewhere import RemoteLink
from darvaz.gateway.devices.hub import Hub
from darvaz.gateway.releases.asking import Asking, AwayError


class Links:
    """Notes the link of each board that is elsewhere. Used from the event loop only."""

    def __init__(self, hub: Hub, asking: Asking) -> None:
        self._hub = hub
        self._asking = asking
        self._known: dict[str, RemoteLink] = {}
        # Device elsewhere → is set once its link has ended.
        self._ends: dict[str, asyncio.Event] = {}

    def find(self, device: str) -> RemoteLink | None:
        """Returns the link that a board has elsewhere now, and notes it."""
        link = self._hub.elsewhere.find(device)
        if link is None:
            self._known.pop(device, None)
        else:
            self._known[device] = link
        return link

    def has_changed(self, device: str) -> bool:
        """Returns whether a board has another link elsewhere than before, or none any more."""
        before = self._known.get(device)
        if self.find(device) == before:
            return False
        self._end(device)
        return True

    def lose(self, device: str) -> None:
        """Takes that a board has another link to this gateway, or none."""
        self._known.pop(device, None)
        self._asking.lose(device)
        self._end(device)

    def _end(self, device: str) -> None:
        if device in self._ends:
            self._ends[device].set()

    async def until_lost(self, device: str, asking: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Returns the answer of a board elsewhere; raises `AwayError` once its link has ended."""
        end = self._ends[device] = asyncio.Event()
        answer, ending = asyncio.ensure_future(asking), asyncio.ensure_future(end.wait())
        try:
            await asyncio.wait((answer, ending), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise AwayError("the link ended")
        finally:
            answer.cancel()
            ending.cancel()
            if self._ends.get(device) is end:
                del self._ends[device]
