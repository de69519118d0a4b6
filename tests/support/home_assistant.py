"""Home Assistant's own client of ESPHome devices, at the node of a board."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from aioesphomeapi.client import APIClient
from aioesphomeapi.model import EntityInfo, UserService

from tests.support.app import RunningApp

_DEADLINE_S = 10.0


async def node_of(gateway: RunningApp, device: str) -> dict[str, Any]:
    """Waits until a board has a node, and returns what the gateway says of it."""
    async with asyncio.timeout(_DEADLINE_S):
        while True:
            for node in (await gateway.get("/api/home-assistant")).json()["nodes"]:
                if node["device"] == device:
                    return dict(node)
            await asyncio.sleep(0.01)


class Assistant:
    """A connected client: the entities by object id, the actions by name, and the newest states by key."""

    def __init__(self, client: APIClient) -> None:
        self.client = client
        self.entities: dict[str, EntityInfo] = {}
        self.actions: dict[str, UserService] = {}
        self.states: dict[int, Any] = {}
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def look(self) -> None:
        """Reads the entities, and follows their states."""
        entities, actions = await self.client.list_entities_services()
        self.entities = {entity.object_id: entity for entity in entities}
        self.actions = {action.name: action for action in actions}
        self.client.subscribe_states(self._keep)

    async def state(self, name: str, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        """Waits until an entity has a state that fits, and returns it."""
        key = self.entities[name].key
        async with asyncio.timeout(_DEADLINE_S), self._changed:
            await self._changed.wait_for(lambda: key in self.states and fits(self.states[key]))
            return self.states[key]

    def _keep(self, state: Any) -> None:
        self.states[state.key] = state
        task = asyncio.get_running_loop().create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def assistant_at(
    gateway: RunningApp, device: str, key: str | None = None, on_stop: Callable[[bool], Any] | None = None
) -> AsyncIterator[Assistant]:
    """Connects to the node of a board for the block, and reads its entities."""
    node = await node_of(gateway, device)
    client = APIClient("127.0.0.1", node["port"], None, noise_psk=key, client_info="Home Assistant 2026.2.3")
    await client.connect(on_stop=on_stop)
    try:
        assistant = Assistant(client)
        await assistant.look()
        yield assistant
    finally:
        await client.disconnect(force=True)
