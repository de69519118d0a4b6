"""Metrics for Prometheus; viewers may read them."""

from __future__ import annotations

from starlette.responses import Response

from darvaz.gateway.access import Need
from darvaz.gateway.api.operations import Call, Operation
from darvaz.gateway.http.compression import compress_for
from darvaz.gateway.http.json_answers import NO_STORE


async def read_metrics(call: Call) -> Response:
    """Returns the metrics in the text format of Prometheus, or in OpenMetrics if the client prefers it."""
    headers = call.request.headers
    await call.parts.data_use.refresh()
    parts, media_type = call.parts.metrics.dump(headers.get("accept", ""))
    page = b"".join(await call.parts.long_work.collect(parts))
    page, encoding = await compress_for(headers.get("accept-encoding", ""), page)
    return Response(page, headers={**NO_STORE, **encoding, "Content-Type": media_type})


OPERATIONS = [
    Operation(
        method="GET", path="/metrics", tag="Gateway", handle=read_metrics, need=Need.VIEW,
        answer=str, media=("text/plain", "application/openmetrics-text"),
    ),
]  # fmt: skip
