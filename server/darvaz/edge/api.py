"""Everything that people and programs may ask over HTTP, gathered in one table."""

from __future__ import annotations

from starlette.routing import Route

from darvaz.edge import api_devices, api_sessions, public
from darvaz.edge.operations import Operation, routes_of
from darvaz.parts import Parts

OPERATIONS: list[Operation] = [*api_devices.OPERATIONS, *api_sessions.OPERATIONS, *public.OPERATIONS]


def api_routes(parts: Parts) -> list[Route]:
    """Returns the routes of every operation."""
    return routes_of(OPERATIONS, parts)
