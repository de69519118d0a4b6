"""The table of all operations, and their routes."""

from __future__ import annotations

from starlette.routing import Route

from darvaz.gateway.api import alert_channels as api_alert_channels
from darvaz.gateway.api import alerts as api_alerts
from darvaz.gateway.api import cameras as api_cameras
from darvaz.gateway.api import crashes as api_crashes
from darvaz.gateway.api import devices as api_devices
from darvaz.gateway.api import events as api_events
from darvaz.gateway.api import firmware as api_firmware
from darvaz.gateway.api import gateway as api_gateway
from darvaz.gateway.api import groups as api_groups
from darvaz.gateway.api import home_assistant as api_home_assistant
from darvaz.gateway.api import invitations as api_invitations
from darvaz.gateway.api import journal as api_journal
from darvaz.gateway.api import layouts as api_layouts
from darvaz.gateway.api import mcp, public
from darvaz.gateway.api import metrics as api_metrics
from darvaz.gateway.api import micropython as api_micropython
from darvaz.gateway.api import people as api_people
from darvaz.gateway.api import prompt as api_prompt
from darvaz.gateway.api import push as api_push
from darvaz.gateway.api import releases as api_releases
from darvaz.gateway.api import rules as api_rules
from darvaz.gateway.api import sessions as api_sessions
from darvaz.gateway.api import telemetry as api_telemetry
from darvaz.gateway.api import telemetry_export as api_telemetry_export
from darvaz.gateway.api import tokens as api_tokens
from darvaz.gateway.api import view_links as api_views
from darvaz.gateway.api.direct import DirectOperations
from darvaz.gateway.api.documents import document_operations
from darvaz.gateway.api.operations import Operation, routes_of
from darvaz.gateway.parts import Parts

_OPERATIONS: list[Operation] = [
    *api_devices.OPERATIONS,
    *api_groups.OPERATIONS,
    *api_telemetry.OPERATIONS,
    *api_telemetry_export.OPERATIONS,
    *api_crashes.OPERATIONS,
    *api_prompt.OPERATIONS,
    *api_cameras.OPERATIONS,
    *api_views.OPERATIONS,
    *api_events.OPERATIONS,
    *api_journal.OPERATIONS,
    *api_alerts.OPERATIONS,
    *api_alert_channels.OPERATIONS,
    *api_push.OPERATIONS,
    *api_rules.OPERATIONS,
    *api_layouts.OPERATIONS,
    *api_tokens.OPERATIONS,
    *api_sessions.OPERATIONS,
    *api_people.OPERATIONS,
    *api_invitations.OPERATIONS,
    *api_gateway.OPERATIONS,
    *api_firmware.OPERATIONS,
    *api_micropython.OPERATIONS,
    *api_home_assistant.OPERATIONS,
    *api_releases.OPERATIONS,
    *mcp.OPERATIONS,
    *api_metrics.OPERATIONS,
    *public.OPERATIONS,
]
OPERATIONS = [*_OPERATIONS, *document_operations(_OPERATIONS)]


def api_routes(parts: Parts) -> list[Route]:
    """Returns the routes of every operation."""
    return routes_of(OPERATIONS, parts)


def direct_operations(parts: Parts) -> DirectOperations | None:
    """Returns what answers without ASGI; None where proxies or a path before all others change what a request means."""
    settings = parts.settings
    if settings.listed("trusted_proxies") or settings.public.path:
        return None
    return DirectOperations(OPERATIONS, parts)
