"""Everything that people and programs may ask over HTTP, gathered in one table."""

from __future__ import annotations

from starlette.routing import Route

from darvaz.edge import (
    api_cameras,
    api_devices,
    api_events,
    api_gateway,
    api_journal,
    api_metrics,
    api_sessions,
    api_telemetry,
    api_tokens,
    api_views,
    public,
)
from darvaz.edge.api_documents import document_operations
from darvaz.edge.operations import Operation, routes_of
from darvaz.parts import Parts

_OPERATIONS: list[Operation] = [
    *api_devices.OPERATIONS,
    *api_telemetry.OPERATIONS,
    *api_cameras.OPERATIONS,
    *api_views.OPERATIONS,
    *api_events.OPERATIONS,
    *api_journal.OPERATIONS,
    *api_tokens.OPERATIONS,
    *api_sessions.OPERATIONS,
    *api_gateway.OPERATIONS,
    *api_metrics.OPERATIONS,
    *public.OPERATIONS,
]
OPERATIONS = [*_OPERATIONS, *document_operations(_OPERATIONS)]


def api_routes(parts: Parts) -> list[Route]:
    """Returns the routes of every operation."""
    return routes_of(OPERATIONS, parts)
