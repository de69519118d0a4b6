"""The request for the gateways of a cluster, and what it is answered with."""

from __future__ import annotations

from typing import Literal, TypedDict

from darvaz.client.requests import ApiRequest, path_of


class ClusterNodeInfo(TypedDict):
    """One gateway of a cluster."""

    id: str
    name: str
    version: str
    started: float
    devices_online: int
    is_this: bool
    silent_s: float
    carries_out: bool
    stores: Literal["ok", "behind", "failing", "unknown"]
    store_lacks: int


class ClusterInfo(TypedDict):
    """Whether a gateway is one of several, and how they are, as `GET /api/cluster`."""

    state: Literal["single", "ok", "away"]
    detail: str
    rollouts_term: int
    nodes: list[ClusterNodeInfo]


def cluster() -> ApiRequest:
    """The gateways that serve together with the one that is asked."""
    return ApiRequest("GET", path_of("cluster"), shape=ClusterInfo)
