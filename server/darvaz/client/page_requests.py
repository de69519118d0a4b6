"""The requests for what pages show as data: dashboards that people made, and changes of a value. No I/O."""

from __future__ import annotations

from typing import Any

from darvaz.client.requests import ApiRequest, TimeSpec, path_of, query_of, seconds_of
from darvaz.client.types import LayoutInfo, LayoutListInfo, StatesInfo


def states(device: str, name: str, since: TimeSpec | None, until: TimeSpec | None) -> ApiRequest:
    """When a text or truth value changed, and to what."""
    query = query_of({"from": seconds_of(since), "to": seconds_of(until)})
    path = path_of("devices", device, "telemetry", name, "states")
    return ApiRequest("GET", path, lambda answer: answer["states"], StatesInfo, query)


def layouts() -> ApiRequest:
    """The dashboards, the oldest first."""
    return ApiRequest("GET", path_of("layouts"), lambda answer: answer["layouts"], LayoutListInfo)


def add_layout(title: str, cards: list[Any]) -> ApiRequest:
    return ApiRequest("POST", path_of("layouts"), shape=LayoutInfo, body={"title": title, "cards": cards})


def change_layout(layout: str, title: str, cards: list[Any], edition: int) -> ApiRequest:
    """Replaces a dashboard, if its edition is still this one."""
    body = {"title": title, "cards": cards, "edition": edition}
    return ApiRequest("PUT", path_of("layouts", layout), shape=LayoutInfo, body=body)


def remove_layout(layout: str) -> ApiRequest:
    return ApiRequest("DELETE", path_of("layouts", layout), shape=None)
