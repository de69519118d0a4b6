"""The list of devices in pages: complete, in order, with entity tags, and smaller for who accepts gzip."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from darvaz.gateway.api.device_pages import LIMIT_MAX, PAGE_BYTES
from tests.support.api import assert_problem, until
from tests.support.app import RunningApp
from tests.support.board import board_at
from tests.support.many_devices import connect_many

COUNT = 500

# One process makes the devices once.
pytestmark = pytest.mark.xdist_group("device pages")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def full() -> AsyncIterator[RunningApp]:
    """A gateway with more devices than fit into a page."""
    async with RunningApp() as running:
        connect_many(running.parts, COUNT)
        yield running


async def ids_from(gateway: RunningApp, query: str) -> tuple[list[str], str | None]:
    page = (await gateway.get(f"/api/devices?{query}")).json()
    return [device["id"] for device in page["devices"]], page["next"]


async def test_pages_have_every_device_once_and_in_order(full: RunningApp) -> None:
    found, after = await ids_from(full, "limit=150")
    while after is not None:
        more, after = await ids_from(full, f"limit=150&after={after}")
        found += more

    assert found == [f"board-{number:05}" for number in range(COUNT)]


async def test_a_page_ends_with_the_device_that_makes_it_too_large(full: RunningApp) -> None:
    answer = await full.get("/api/devices")

    assert answer.json()["next"] == answer.json()["devices"][-1]["id"]
    assert PAGE_BYTES < len(answer.content) < PAGE_BYTES + 10_000


async def test_a_page_goes_on_behind_a_device_that_was_forgotten(full: RunningApp) -> None:
    assert await ids_from(full, "after=board-00007x&limit=2") == (["board-00008", "board-00009"], "board-00009")


async def test_the_last_page_has_no_next(full: RunningApp) -> None:
    assert await ids_from(full, f"after=board-{COUNT - 2:05}") == ([f"board-{COUNT - 1:05}"], None)


async def test_a_limit_beyond_the_largest_is_refused(full: RunningApp) -> None:
    assert_problem(await full.get(f"/api/devices?limit={LIMIT_MAX + 1}"), 422, "invalid")


async def test_a_client_that_has_the_answer_gets_304_until_something_changes(gateway: RunningApp) -> None:
    async with board_at(gateway, "tagged") as board:
        first = await gateway.get("/api/devices")
        named = {"If-None-Match": f'"other", {first.headers["etag"]}'}
        same = await gateway.get("/api/devices", headers=named)
        await board.send("telemetry", values={"temperature": 21.5})
        await until(gateway, "/api/devices/tagged/telemetry", lambda found: "temperature" in found["values"])
        changed = await gateway.get("/api/devices", headers=named)

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (changed.status_code, changed.headers["etag"] != first.headers["etag"]) == (200, True)


@pytest.mark.parametrize("path", ["/api/devices", "/metrics"])
async def test_large_answers_are_compressed_for_clients_that_accept_it(full: RunningApp, path: str) -> None:
    plain = await full.get(path, headers={"Accept-Encoding": "identity"})
    packed = await full.get(path, headers={"Accept-Encoding": "br, gzip"})

    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(packed.headers["content-length"]) * 5 < int(plain.headers["content-length"])
    assert len(packed.content) == pytest.approx(len(plain.content), rel=0.01)
