"""The composition root: builds the parts from the settings, and the application from the parts."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from darvaz.access import Access, AccessPolicy, redact
from darvaz.devices import Devices
from darvaz.edge.api import api_routes
from darvaz.edge.problems import problem
from darvaz.edge.public import public_routes
from darvaz.edge.sockets import device_routes
from darvaz.hub import Hub
from darvaz.journal import Journal
from darvaz.parts import Parts
from darvaz.protocol import Protocol
from darvaz.settings import Settings
from darvaz.store import explained, open_database
from darvaz.watch import Watch

log = logging.getLogger("darvaz")


def build_parts(settings: Settings) -> Parts:
    """Opens the data folder and makes every part; raises `StoreError` with a sentence if it cannot."""
    try:
        return _build(settings)
    except sqlite3.Error as error:
        raise explained(error, settings.data_path) from None


def _build(settings: Settings) -> Parts:
    connection = open_database(settings.data_path)
    protocol = Protocol()
    devices = Devices(open_database(settings.data_path), log.error)
    journal = Journal(
        lambda: open_database(settings.data_path),
        retain_days=settings.journal_retain_days,
        retain_bytes_max=settings.journal_retain_bytes_max,
        redact=redact,
    )
    access = Access(connection, _policy(settings))
    return Parts(
        settings=settings,
        protocol=protocol,
        access=access,
        journal=journal,
        devices=devices,
        hub=Hub(protocol, devices, time.time),
        watch=Watch(access.dead_tokens),
    )


def build_app(parts: Parts) -> Starlette:
    """Returns the application; its lifespan opens the journal and closes it flushed."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        parts.journal.open()
        parts.journal.record(None, None, "", "=", "gateway started", "")
        try:
            yield
        finally:
            parts.journal.record(None, None, "", "=", "gateway stopped", "")
            parts.journal.close()
            parts.devices.close()
            parts.access.close()

    return Starlette(
        routes=[*device_routes(parts), *public_routes(parts), *api_routes(parts)],
        exception_handlers={HTTPException: _explain},
        lifespan=lifespan,
    )


def _policy(settings: Settings) -> AccessPolicy:
    return AccessPolicy(
        localhost_without_token=settings.localhost_without_token,
        public_tokens=settings.public_tokens,
        allowed_hosts=settings.listed("allowed_hosts"),
        allowed_origins=settings.listed("allowed_origins"),
        behind_proxy=bool(settings.listed("trusted_proxies")),
    )


def _explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = f"{request.method} {request.url.path}: {error.detail}"
    return problem(error.status_code, "http", said, headers=error.headers)
