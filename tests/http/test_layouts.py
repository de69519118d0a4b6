"""Dashboards over HTTP: made, changed, refused to the second of two editors, too many, over a restart."""

from __future__ import annotations

from darvaz.gateway.layouts import LAYOUTS_MAX
from tests.support.app import RunningApp

CARD = {"kind": "value", "group": "class 3", "name": "temperature"}


async def test_of_two_that_edit_one_dashboard_the_second_is_refused() -> None:
    async with RunningApp() as gateway:
        made = (await gateway.post("/api/layouts", json={"title": "Class", "cards": [CARD]})).json()
        path = f"/api/layouts/{made['id']}"
        first = await gateway.ask("PUT", path, json={"title": "Class 3", "cards": [CARD], "edition": made["edition"]})
        second = await gateway.ask("PUT", path, json={"title": "Mine", "cards": [], "edition": made["edition"]})
        listed = (await gateway.get("/api/layouts")).json()["layouts"]
        wrong = await gateway.post("/api/layouts", json={"title": "x", "cards": [{"kind": "clock"}]})
        journal = (await gateway.get("/api/journal?text=dashboard")).json()["rows"]
        removed = await gateway.ask("DELETE", path)
        unknown = await gateway.ask("PUT", path, json={"title": "x"})

    assert (first.status_code, first.json()["edition"]) == (200, 2)
    assert (second.status_code, second.json()["code"]) == (409, "changed_meanwhile")
    assert [(each["title"], each["cards"][0]["group"]) for each in listed] == [("Class 3", "class 3")]
    assert wrong.status_code == 422
    assert [row["type"] for row in journal] == ["dashboard added", "dashboard changed"]
    assert (removed.status_code, unknown.status_code) == (204, 404)


async def test_more_dashboards_than_a_gateway_may_have_are_refused() -> None:
    async with RunningApp() as gateway:
        for number in range(LAYOUTS_MAX):
            assert (await gateway.post("/api/layouts", json={"title": str(number)})).status_code == 201
        refused = await gateway.post("/api/layouts", json={"title": "one more"})

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many")
