"""Alerts that are told at once, and told again at once where that failed: a test need not wait for seconds."""

from __future__ import annotations

import pytest

from darvaz.gateway.alerts import telling


def tell_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has what happens within a moment told together, and what was not taken tried again soon."""
    monkeypatch.setattr(telling, "GATHER_S", 0.2)
    monkeypatch.setattr(telling, "GATHER_MAX_S", 0.5)
    monkeypatch.setattr("darvaz.gateway.alerts.outbox.RETRY_FIRST_S", 0.1)
    monkeypatch.setattr("darvaz.gateway.alerts.outbox.RETRY_MAX_S", 0.2)
