"""Turns the nodes of all boards on and off while the gateway runs, and remembers what people chose.

The library for nodes is loaded when they are first turned on: few gateways want it.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from darvaz.gateway.parts import Parts
from darvaz.gateway.storage.database import read_setting, transaction, write_setting
from darvaz.text.extras import how_to_install

if TYPE_CHECKING:
    from darvaz.gateway.esphome.nodes import Nodes

log = logging.getLogger("darvaz.esphome")

PACKAGE, EXTRA = "aioesphomeapi", "homeassistant"
# What people chose, where that differs from the setting: "on" or "off".
_CHOICE = "home_assistant"


class HomeAssistantSwitch:
    """On by what people chose last, else by the setting. Used from the event loop only."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._nodes: Nodes | None = None
        # One change after the other: each opens or closes every port.
        self._changes = asyncio.Lock()

    @property
    def remedy(self) -> str:
        """How to install what nodes need; "" if it is there."""
        return "" if find_spec(PACKAGE) else how_to_install(EXTRA)

    async def open(self) -> None:
        """Starts nodes if they are wanted."""
        is_set, choice = self._parts.settings.home_assistant, read_setting(self._parts.tables, _CHOICE)
        if choice is not None:
            log.info("= boards are %s for Home Assistant, as chosen in the dashboard", choice)
        if not (is_set if choice is None else choice == "on"):
            return
        if self.remedy:
            log.warning("= boards are not shown to Home Assistant, which needs more packages: %s", self.remedy)
            return
        await self._start()

    async def turn(self, *, is_on: bool) -> None:
        """Turns nodes on or off, from now on and after a restart; `remedy` is to be empty."""
        with transaction(self._parts.tables):
            if is_on == self._parts.settings.home_assistant:
                self._parts.tables.execute("DELETE FROM settings WHERE key = ?", (_CHOICE,))
            else:
                write_setting(self._parts.tables, _CHOICE, "on" if is_on else "off")
        async with self._changes:
            if is_on and self._nodes is None:
                await self._start()
            elif not is_on:
                await self._stop()

    async def close(self) -> None:
        """Ends all nodes; the choice stays."""
        async with self._changes:
            await self._stop()

    async def _start(self) -> None:
        # The library takes more than a tenth of a second to load.
        module = await asyncio.to_thread(import_module, "darvaz.gateway.esphome.nodes")
        self._nodes = module.Nodes(self._parts)
        await self._nodes.open()
        self._parts.nodes = self._nodes

    async def _stop(self) -> None:
        nodes, self._nodes, self._parts.nodes = self._nodes, None, None
        if nodes is not None:
            await nodes.close()
