"""The health of the gateway: every writer that fails is named, for monitors and for operators."""

from __future__ import annotations

import pytest

from tests.support.app import RunningApp

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_gateway_that_writes_everything_has_no_problems(gateway: RunningApp) -> None:
    public, full = await gateway.ask("GET", "/health"), await gateway.ask("GET", "/api/health")

    assert (public.status_code, public.json()["status"], public.json()["problems"]) == (200, "ok", [])
    assert (full.json()["status"], full.json()["problems"]) == ("ok", [])


async def test_what_limits_have_taken_is_told(gateway: RunningApp, monkeypatch: pytest.MonkeyPatch) -> None:
    history = gateway.parts.history
    monkeypatch.setattr(history.limits, "remarks", {"dropped": "7 reports are missing in the history since the start"})

    public = await gateway.ask("GET", "/health")

    assert (public.status_code, public.json()["status"]) == (200, "degraded")
    assert public.json()["problems"] == ["7 reports are missing in the history since the start"]


@pytest.mark.parametrize("number", range(3), ids=["journal", "history", "list of devices"])
async def test_a_writer_that_fails_is_a_problem_of_the_gateway(
    gateway: RunningApp, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    writer = gateway.parts.writers[number]
    # Its thread sets this again at its next success, within a second.
    monkeypatch.setattr(type(writer), "_succeed", lambda self, position: None)
    writer._state = f"degraded: the {writer.name} cannot be written"

    public, full = await gateway.ask("GET", "/health"), await gateway.ask("GET", "/api/health")
    writer._state = "ok"

    assert (public.status_code, public.json()["status"]) == (503, "degraded")
    assert public.json()["problems"] == full.json()["problems"] == [f"degraded: the {writer.name} cannot be written"]
    assert full.json()["status"] == "degraded"


async def test_a_certificate_that_cannot_be_renewed_is_told_and_everything_goes_on(gateway: RunningApp) -> None:
    gateway.parts.remarks["certificate"] = "/etc/darvaz/key.pem is not the key of /etc/darvaz/cert.pem"

    public, metrics = await gateway.ask("GET", "/health"), await gateway.ask("GET", "/metrics")
    del gateway.parts.remarks["certificate"]

    assert (public.status_code, public.json()["status"]) == (200, "degraded")
    assert public.json()["problems"] == ["/etc/darvaz/key.pem is not the key of /etc/darvaz/cert.pem"]
    assert "darvaz_problems 1.0" in metrics.text
